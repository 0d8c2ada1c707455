"""`tracejoin trace`: prints one transaction as a waterfall."""

import time
from datetime import tzinfo
from pathlib import Path

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.findings_table import faults_table
from pipeline.cli.options import GivenText, pass_app
from pipeline.cli.output_file import write_whole
from pipeline.cli.waterfall_table import edge_lines, heading, waterfall_table
from pipeline.cli.wrap_option import no_wrap_option, unwrap
from pipeline.cli.zone_option import utc_option
from pipeline.configure import rules_for
from pipeline.search.no_results import explain_no_results
from pipeline.search.query import SearchQuery
from pipeline.search.search import document, find
from pipeline.search.transaction_view import TransactionView, transaction_view
from pipeline.search.waterfall import closed
from pipeline.web.transaction_file import transaction_file


@click.command()
@click.argument("id", type=GivenText())
@click.option("--all", "everything", is_flag=True, help="Each line of API Gateway's own logs, which else fold into one row.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write the transaction to this file, as the page shows it: it refers to nothing else, and can be sent and printed.",
)
@utc_option
@no_wrap_option
@pass_app
def trace(app: CommandContext, *, id: str, everything: bool, html: Path | None,  # noqa: A002  # the name that the user sees
          zone: tzinfo | None, no_wrap: bool) -> int:  # fmt: skip
    """One transaction as a waterfall, all of its traces with their log lines inside, and what joins them.

    ID: a trace, correlation or request id. A row that is too deep to be drawn so begins with its depth.
    """
    store, settings = app.store(), app.settings
    view = transaction_view(id, store, rules=rules_for(settings), api_gateway=settings.api_gateway_log_groups)
    if view is None:
        query = SearchQuery(ids=(id,), whole=True)
        store.require_templates()
        for sentence in explain_no_results(query, store, delays=settings.lookup_delays, now=time.time()):
            app.warn(sentence)
        return 1
    if app.json:
        for hit in find(SearchQuery(ids=(id,), whole=True, limit=0), store).hits:
            app.emit(document(hit))
    else:
        _show(app, view, zone, fold=not everything, no_wrap=no_wrap)
    if html:
        write_whole(transaction_file(view, store), html)
    return 0


def _show(app: CommandContext, view: TransactionView, zone: tzinfo | None, *, fold: bool, no_wrap: bool) -> None:
    width = None if no_wrap else app.console.width
    if no_wrap:
        unwrap(app)
    # a state's reason holds names of segments
    app.say(escape(heading(view)))
    found = closed(view.rows(fold=fold))
    for line in waterfall_table(found, width):
        app.say(line)
    if fold and any(row.kind == "fold" for row in found):
        app.say("[dim]+ stands for lines of API Gateway's own logs: --all shows each.[/]")
    if len(view.items) < view.total:
        app.warn(
            f"drawn are the first {len(view.items):,} of {view.total:,} lines and spans; `tracejoin search {view.id} --all` lists them all"
        )
    if faulty := [trace for trace in view.traces.values() if trace.get("findings")]:
        app.say(faults_table(faulty, zone))
    for edge in view.transaction.edges:
        for sentence in edge_lines(edge):
            app.say(escape(sentence))
