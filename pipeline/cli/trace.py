"""`tracejoin trace`."""

import io
from pathlib import Path

import click
from rich.console import Console

from pipeline.cli.app import App
from pipeline.cli.options import pass_app
from pipeline.cli.render import waterfall_table
from pipeline.search import transaction

_PAGE_WIDTH = 150


@click.command()
@click.argument("id")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write the picture to this page.",
)
@pass_app
def trace(app: App, *, id: str, html: Path | None) -> int:  # noqa: A002  # the name that the user sees
    """One transaction as a waterfall with its log lines inside. ID: a trace, correlation or request id."""
    found = transaction(id, app.store())
    if not found:
        app.warn(f"tracejoin: nothing is known of {id}")
        return 1
    for document in found:
        app.emit(document)
    status = found[0].get("trace", {})
    head = f"{len(found)} lines and spans, trace {status.get('state')}. {status.get('stateReason') or ''}"
    app.say(head)
    app.say(waterfall_table(found))
    if html:
        with io.StringIO() as nowhere:
            page = Console(record=True, width=_PAGE_WIDTH, file=nowhere)
            page.print(head)
            page.print(waterfall_table(found))
            page.save_html(str(html))
    return 0
