"""`tracejoin map`: prints who calls whom."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import click

from pipeline.cli.context import CommandContext
from pipeline.cli.dot_graph import dot_lines
from pipeline.cli.format_option import one_form
from pipeline.cli.map_table import map_table
from pipeline.cli.options import ServiceName, pass_app
from pipeline.cli.time_option import TIMES, since_until
from pipeline.cli.wrap_option import unwrapped
from pipeline.search.service_map import MOST_SPANS, read_service_map

_PERIOD: Final = timedelta(hours=24)
_HELP: Final = """Who calls whom, out of stored spans and joined transactions, also across API Gateway, queues and HTTP APIs: calls,
failures, hidden faults and latency of each edge. Without --since of the last 24 hours. Exit status 1 where there is none."""


@click.command(name="map", help=f"{_HELP}\n\n{TIMES}")
@since_until
@click.option("--service", type=ServiceName(), default=None, help="Only the edges from and to this service.")
@click.option("--dot", "as_dot", is_flag=True, help="Print it in Graphviz's language: tracejoin map --dot | dot -Tsvg > map.svg")
@unwrapped
@one_form("dot")
@pass_app
def map_(
    app: CommandContext, *, since: datetime | None, until: datetime | None, service: str | None, form: Literal["json", "dot"] | None
) -> int:
    """Prints the edges of the service map, busiest first; exit status 1 where there is none."""
    store = app.store()
    found = read_service_map(store, since=since or (until or datetime.now(UTC)) - _PERIOD, until=until).around(service or "")
    if found.is_cut:
        app.warn(f"the period has more than {MOST_SPANS:,} spans: the map is made of the newest of them; narrow it by --since and --until")
    for edge in found.edges:
        app.emit(asdict(edge))
    if form == "dot":
        app.write("".join(f"{line}\n" for line in dot_lines(found)))
    elif found.nodes:
        app.say(map_table(found, app.console.width))
    if not found.nodes:
        of = f" of calls from or to {service}" if service else ""
        app.found_nothing(store, f"no spans{of} in this period: widen --since, or see `tracejoin why` for a trace", service=service or "")
    return int(not found.nodes)
