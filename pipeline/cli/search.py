"""`tracejoin search`."""

import click

from pipeline.cli.app import App
from pipeline.cli.options import pass_app
from pipeline.cli.render import documents_table
from pipeline.search import Question
from pipeline.search import search as ask


@click.command()
@click.option("--trace-id", default="", metavar="ID", help="X-Ray's, W3C's, or a tracing header.")
@click.option("--correlation-id", default="", metavar="ID")
@click.option("--request-id", default="", metavar="ID", help="Of Lambda or API Gateway.")
@click.option("--text", default="", metavar="WORDS", help="All of these words in a line's message or a span's name.")
@click.option("--service", default="", metavar="NAME")
@click.option("--annotation", "annotations", multiple=True, metavar="KEY=VALUE", help="An X-Ray annotation of any segment of the trace.")
@click.option("--hidden-faults", is_flag=True, help="Only of traces in which a fault hides behind a success.")
@click.option("--since", default="", metavar="TIME", help="Such as now-1h or 2026-11-24T10:00:00Z.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@pass_app
def search(app: App, **asked: object) -> int:
    """Logs and spans in one list, in time order. Exit status 1 where nothing is found."""
    found = ask(Question(**asked), app.store())  # type: ignore[arg-type]
    for document in found:
        app.emit(document)
    if not found:
        app.warn("tracejoin: nothing found: look at the ids, at --since, or whether `tracejoin ship` has run")
        return 1
    app.say(documents_table(found))
    return 0
