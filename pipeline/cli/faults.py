"""`tracejoin faults`: prints hidden faults and the functions that log stale trace ids."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

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
from pipeline.search.stale_ids import StaleIds, stale_ids
from pipeline.store.client import Store

_USUAL: Final = 100


@click.command(help="Hidden faults with their evidence, newest first, and the functions that log another invocation's trace id. "
                    f"Exit status 1 where there is none.\n\n{TIMES}")  # fmt: skip
@since_until
@utc_option
@click.option("--stale-ids", "stale", is_flag=True, help="Only the functions that log stale trace ids, with an example each.")
@click.option("--rule", type=KnownName(sorted(default_rules())), default=None, help="Only where this rule fired.")
@click.option("--service", type=ServiceName(), default=None, help="Only where something of this service failed.")
@status_option("--edge-status", "edge_status", "Only where the caller was told this HTTP status")
@duration_options("duration", "Only traces that took")
@click.option("--notices", is_flag=True, help="Those, too, whose failure the caller plainly saw.")
@click.option("--limit", default=None, type=click.IntRange(1, 10_000), metavar="N", help=f"The newest N, {_USUAL} without it.")
@unwrapped
@pass_app
def faults(app: CommandContext, *, since: datetime | None, until: datetime | None, limit: int | None, stale: bool,
           rule: str | None, service: str | None, notices: bool, edge_status: tuple[str, ...], duration: tuple[str, ...],
           zone: tzinfo | None) -> int:  # fmt: skip
    """Prints hidden faults, newest first, and the functions that log stale trace ids; exit status 1 where there is no fault."""
    of_traces: dict[str, object] = {"--rule": rule, "--edge-status": edge_status, "--min-duration or --max-duration": duration}
    if stale and (given := [name for name, value in (of_traces | {"--notices": notices, "--limit": limit}).items() if value]):
        raise click.UsageError(f"--stale-ids counts lines, and no traces: leave {' and '.join(given)} out")
    store = app.store()
    if stale:
        return _stale(app, store, since, until, service or "")
    found = hidden_faults(store, since=since, until=until, limit=limit or _USUAL, rule=rule or "", service=service or "", notices=notices,
                          edge_status=edge_status, duration=duration)  # fmt: skip
    for trace in found:
        app.emit(trace)
    if found:
        app.say(faults_table(found, zone))
    else:
        app.found_nothing(store, "no hidden faults", {"--since": since, "--until": until, "--service": service} | of_traces)
    # of a trace's rule, status and duration a stale id says nothing
    if not app.json and not any(of_traces.values()):
        _say_stale(app, stale_ids(store, since=since, until=until, service=service or ""))
    return int(not found)


def _stale(app: CommandContext, store: Store, since: datetime | None, until: datetime | None, service: str) -> int:
    """Prints the functions that log stale trace ids, and nothing else; returns the exit status."""
    found = stale_ids(store, since=since, until=until, service=service)
    for each in found:
        app.emit(each)
    _say_stale(app, found)
    return 0 if found else app.found_nothing(store, "no stale trace ids", {"--since": since, "--until": until, "--service": service})


def _say_stale(app: CommandContext, found: Sequence[StaleIds]) -> None:
    for each in found:
        lines = "1 line" if each.lines == 1 else f"{each.lines:,} lines"
        app.say(f"[yellow]stale trace ids[/]  [bold]{escape(each.service_name)}[/]: {lines} with another invocation's trace id, such as "
                f"{to_xray(each.example['claimed'])}: it keeps a segment or an id of an earlier invocation")  # fmt: skip
