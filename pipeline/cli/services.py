"""`tracejoin services`: prints who writes and calls, a service a row."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal

import click
from rich.markup import escape
from rich.table import Table

from pipeline.cli.context import CommandContext
from pipeline.cli.csv_output import csv_lines
from pipeline.cli.format_option import one_form
from pipeline.cli.options import pass_app
from pipeline.cli.terminal_text import one_line
from pipeline.cli.time_option import TIMES, since_until
from pipeline.cli.zone_option import utc_option
from pipeline.model.clock_times import clock_time
from pipeline.search.service_list import ListedService, as_json, list_services

_PERIOD: Final = timedelta(hours=24)
_WIDE: Final = 110
_COLUMNS: Final = ("service", "lines", "spans", "errors", "traces", "hiddenFaults", "lastSeen", "logGroups")
_HELP: Final = """Who writes and calls, a service a row: log lines, those of the level error and worse, traces, hidden faults, when it was
last seen, and its log group. Those with hidden faults come first. Without --since of the last 24 hours. Exit status 1 where there is none.

`tracejoin map` tells who calls whom. JSON and CSV also have spans, and each log group."""


@click.command(help=f"{_HELP}\n\n{TIMES}")
@since_until
@utc_option
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), help="How to print: table (default), json (--json) or csv.")
@one_form()
@pass_app
def services(app: CommandContext, *, since: datetime | None, until: datetime | None, form: Literal["table", "json", "csv"] | None,
             zone: tzinfo | None) -> int:  # fmt: skip
    """Prints the services; exit status 1 where there is none."""
    store = app.store()
    found = list_services(store, since=since or (until or datetime.now(UTC)) - _PERIOD, until=until)
    if not found:
        return app.found_nothing(store, "no services in this period: widen --since")
    for service in found:
        app.emit(as_json(service))
    if form == "csv":
        app.write(csv_lines(map(as_json, found), _COLUMNS, header=True).decode())
    else:
        app.say(_table(found, zone, wide=app.console.width >= _WIDE))
    return 0


def _table(found: Sequence[ListedService], zone: tzinfo | None, *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("service", overflow="fold")
    for name in ("lines", "errors", "traces", "hidden"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last seen", no_wrap=True)
    if wide:
        table.add_column("log group", overflow="fold")
    for service in found:
        table.add_row(*_row(service, zone, wide=wide))
    return table


def _row(service: ListedService, zone: tzinfo | None, *, wide: bool) -> list[str]:
    errors, hidden = ((count, style) for count, style in ((service.errors, "yellow"), (service.hidden_faults, "bold red")))
    counts = [f"{service.lines:,}", _marked(*errors), f"{service.traces:,}", _marked(*hidden)]
    return [
        escape(one_line(service.name)),
        *counts,
        str(clock_time(service.last_seen, zone, "seconds")),
        *((_log_groups(service),) if wide else ()),
    ]


def _marked(count: int, style: str) -> str:
    return f"[{style}]{count:,}[/]" if count else ""


def _log_groups(service: ListedService) -> str:
    more = f" and {len(service.log_groups) - 1} more" if len(service.log_groups) > 1 else ""
    return escape(one_line(service.log_groups[0])) + more if service.log_groups else ""
