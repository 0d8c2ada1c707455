"""`tracejoin faults`: prints hidden faults and the functions that log stale trace ids."""

from datetime import datetime, tzinfo

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.findings_table import faults_table
from pipeline.cli.measure_options import duration_options, status_option
from pipeline.cli.options import KnownName, ServiceName, pass_app
from pipeline.cli.time_option import TIMES, since_until
from pipeline.cli.wrap_option import unwrapped
from pipeline.cli.zone_option import utc_option
from pipeline.detect.rule import default_rules
from pipeline.model.trace_ids import to_xray
from pipeline.search.findings import hidden_faults
from pipeline.search.stale_ids import stale_ids
from pipeline.store.client import Store


@click.command(help="Hidden faults with their evidence, newest first, and the functions that log another invocation's trace id. "
                    f"Exit status 1 where there is none.\n\n{TIMES}")  # fmt: skip
@since_until
@utc_option
@click.option("--stale-ids", "stale", is_flag=True, help="Only the functions that log stale trace ids, with an example each.")
@click.option("--rule", type=KnownName(sorted(default_rules())), default=None, help="Only where this rule fired.")
@click.option("--service", type=ServiceName(), default="", help="Only where something of this service failed.")
@status_option("--edge-status", "edge_status", "Only where the caller was told this HTTP status")
@duration_options("duration", "Only traces that took")
@click.option("--notices", is_flag=True, help="Those, too, whose failure the caller plainly saw.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@unwrapped
@pass_app
def faults(app: CommandContext, *, since: datetime | None, until: datetime | None, limit: int, stale: bool,
           rule: str | None, service: str, notices: bool, edge_status: tuple[str, ...], duration: tuple[str, ...],
           zone: tzinfo | None) -> int:  # fmt: skip
    """Prints hidden faults, newest first, and the functions that log stale trace ids; exit status 1 where there is no fault."""
    store = app.store()
    if stale:
        return _stale(app, store, since, until)
    found = hidden_faults(store, since=since, until=until, limit=limit, rule=rule or "", service=service, notices=notices,
                          edge_status=edge_status, duration=duration)  # fmt: skip
    for trace in found:
        app.emit(trace)
    if found:
        app.say(faults_table(found, zone))
    else:
        app.found_nothing(store, "no hidden faults", {
            "--since": since, "--until": until, "--rule": rule, "--service": service, "--edge-status": edge_status,
            "--min-duration or --max-duration": duration,
        })  # fmt: skip
    if not app.json:
        _stale(app, store, since, until, quiet=True)
    return int(not found)


def _stale(app: CommandContext, store: Store, since: datetime | None, until: datetime | None, *, quiet: bool = False) -> int:
    """Prints the functions that log stale trace ids; with ``quiet`` nothing where there is none."""
    found = stale_ids(store, since=since, until=until)
    for service in found:
        app.emit(service)
        lines = "1 line" if service.lines == 1 else f"{service.lines:,} lines"
        app.say(f"[yellow]stale trace ids[/]  [bold]{escape(service.service_name)}[/]: {lines} with another invocation's trace id, such as "
                f"{to_xray(service.example['claimed'])}: it keeps a segment or an id of an earlier invocation")  # fmt: skip
    if not found and not quiet:
        app.warn("no stale trace ids")
    return int(not found)
