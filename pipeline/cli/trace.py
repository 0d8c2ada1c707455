"""`tracejoin trace`: prints one transaction as a waterfall."""

import io
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from pipeline.cli.context import CommandContext
from pipeline.cli.findings_table import faults_table
from pipeline.cli.options import pass_app
from pipeline.cli.terminal import clean_parts
from pipeline.cli.waterfall_table import edge_lines, heading, waterfall_table
from pipeline.join.transactions import transaction_of
from pipeline.search.findings import verdicts
from pipeline.search.search import transaction

_PAGE_WIDTH = 150


@click.command()
@click.argument("id")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write the picture to this page.",
)
@pass_app
def trace(app: CommandContext, *, id: str, html: Path | None) -> int:  # noqa: A002  # the name that the user sees
    """One transaction as a waterfall, all of its traces with their log lines inside, and what joins them.

    ID: a trace, correlation or request id.
    """
    store = app.store()
    found = transaction(id, store)
    if not found:
        app.warn(f"nothing is known of {id}")
        return 1
    for document in found:
        app.emit(document)
    # a state's reason holds names of segments
    head = escape(heading(found))
    joined = [line for edge in transaction_of([id], store).edges for line in edge_lines(edge)]
    app.say(head)
    app.say(waterfall_table(found))
    faulty = verdicts(found, store)
    if faulty:
        app.say(faults_table(faulty))
    for line in joined:
        app.say(escape(line))
    if html:
        with io.StringIO() as nowhere:
            page = Console(record=True, width=_PAGE_WIDTH, file=nowhere)
            clean_parts(page)
            page.print(head)
            page.print(waterfall_table(found))
            if faulty:
                page.print(Rule("what failed"), faults_table(faulty))
            for line in joined:
                page.print(escape(line))
            # UTF-8 can't encode a logged lone surrogate
            html.write_text(page.export_html(), encoding="utf-8", errors="replace")
    return 0
