"""`tracejoin invocations`: prints the invocations of Lambda functions, one a row, and the totals of each function."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Final

import click

from pipeline.cli.context import CommandContext
from pipeline.cli.invocation_table import InvocationTable, totals_table
from pipeline.cli.limit_option import limit_options
from pipeline.cli.measure_options import duration_options
from pipeline.cli.options import GivenText, ServiceName, pass_app
from pipeline.cli.time_option import TIMES, since_until
from pipeline.cli.zone_option import utc_option
from pipeline.search.function_totals import FunctionTotals, function_totals, totals_as_json
from pipeline.search.invocation_list import Invocation, as_json, list_invocations
from pipeline.search.invocation_query import FAILED, SORTS, STATUSES, InvocationQuery, Sort, Status
from pipeline.search.service_names import unknown_function
from pipeline.store.client import Store

_PERIOD: Final = timedelta(hours=24)
_BATCH: Final = 1000
_USUAL: Final = 50
_MOST_FUNCTIONS: Final = 20
_HELP: Final = """The invocations of Lambda functions, one a row, by Lambda's REPORT lines and platform.report events: time, function,
duration, billed milliseconds, memory used and given, cold start, status and trace; below them the totals and percentiles of each function.
Without --since of the last 24 hours. Exit status 1 where there is none.

A status that Lambda's text lines do not name is that of the trace's segment; `exception` means that a line of the invocation shows one, and
nobody says whether it was handled. JSON lines have a `kind`: invocation, or function for the totals."""


@click.command(help=f"{_HELP}\n\n{TIMES}")
@since_until
@utc_option
@click.option("--function", "functions", multiple=True, type=ServiceName(), metavar="NAME",
              help="Of this function or log group; several times for any.")  # fmt: skip
@click.option("--tenant", "tenants", multiple=True, type=GivenText(), metavar="ID", help="Of this tenant; several times for any of them.")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="That ended so; several times for any of them.")
@click.option("--failed", is_flag=True, help=f"The same as --status {' --status '.join(FAILED)}.")
@click.option("--cold/--warm", "cold", default=None, help="Only cold starts, or none of them.")
@click.option("--slower-than", type=click.FloatRange(0), metavar="MS", help="That took so many milliseconds or more.")
@duration_options("duration", "That took")
@click.option("--sort", type=click.Choice(SORTS), default=None, help="The newest (time, the default), or the largest, first.")
@click.option("--reverse", is_flag=True, help="The oldest, or the smallest, first.")
@limit_options(_USUAL, "The first")
@click.option("--by-function", is_flag=True, help="Only the totals and percentiles of each function, the most GB-seconds first.")
@pass_app
def invocations(
    app: CommandContext,
    *,
    since: datetime | None,
    until: datetime | None,
    functions: tuple[str, ...],
    tenants: tuple[str, ...],
    statuses: tuple[Status, ...],
    failed: bool,
    cold: bool | None,
    slower_than: float | None,
    duration: tuple[str, ...],
    sort: Sort | None,
    reverse: bool,
    limit: int | None,
    by_function: bool,
    zone: tzinfo | None,
) -> int:
    """Prints invocations and the totals of their functions; exit status 1 where there is none."""
    if by_function and (given := [name for name, value in (("--sort", sort), ("--reverse", reverse), ("--limit", limit)) if value]):
        raise click.UsageError(f"--by-function lists every function, that with the most GB-seconds first: leave {' and '.join(given)} out")
    query = InvocationQuery(
        functions=functions, tenants=tenants, statuses=(*statuses, *FAILED) if failed else statuses, cold=cold, slower_than=slower_than,
        duration=duration, since=since or (until or datetime.now(UTC)) - _PERIOD, until=until, sort=sort or "time", ascending=reverse,
    )  # fmt: skip
    store = app.store()
    limit = _USUAL if limit is None else limit
    shown = 0 if by_function else _print(app, query, list_invocations(query, store, limit=limit), zone)
    totals = function_totals(query, store)
    _print_totals(app, totals, by_function=by_function)
    total = sum(each.invocations for each in totals)
    if not total and (others := _with_other_statuses(query, store)):
        app.warn(f"none of {others:,} invocations ended so")
    elif not total:
        store.require_templates()
        app.warn("no invocations: widen --since, or drop a filter; only lines shipped since Lambda's reports are read have their numbers")
        for sentence in filter(None, (unknown_function(store, name) for name in functions)):
            app.warn(sentence)
    elif not by_function and shown < total:
        app.warn(f"showing {shown:,} of {total:,}; --all shows everything")
    return int(not total)


def _with_other_statuses(query: InvocationQuery, store: Store) -> int:
    """How many invocations meet the filters but for those by status; 0 where there is none."""
    return sum(each.invocations for each in function_totals(replace(query, statuses=()), store)) if query.statuses else 0


def _print(app: CommandContext, query: InvocationQuery, found: Iterator[Invocation], zone: tzinfo | None) -> int:
    """Prints invocations as they come; returns how many they were."""
    table = InvocationTable(app.console.width, by_time=query.sort == "time", zone=zone)
    shown = 0
    while batch := list(islice(found, _BATCH)):
        shown += len(batch)
        for invocation in batch:
            app.emit({"kind": "invocation", **as_json(invocation)})
        app.say(table.part(batch))
    return shown


def _print_totals(app: CommandContext, totals: list[FunctionTotals], *, by_function: bool) -> None:
    """Prints the totals of functions; below a list only those of the functions that cost most."""
    for each in totals:
        app.emit({"kind": "function", **totals_as_json(each)})
    if not totals:
        return
    most = len(totals) if by_function else _MOST_FUNCTIONS
    if not by_function:
        app.say("")
    app.say(totals_table(totals, app.console.width, most=most))
    if len(totals) > most and not app.json:
        app.warn(f"{len(totals) - most:,} more functions: --by-function lists all of them")
