"""`tracejoin faults`."""

import click

from pipeline.cli.app import App
from pipeline.cli.options import pass_app
from pipeline.cli.render import findings_table
from pipeline.search import hidden_faults


@click.command()
@click.option("--since", default="", metavar="TIME", help="Such as now-1h.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@pass_app
def faults(app: App, *, since: str, limit: int) -> int:
    """Hidden faults with their evidence, newest first. Exit status 1 where there is none."""
    found = hidden_faults(app.store(), since=since, limit=limit)
    for trace in found:
        app.emit(trace)
    if not found:
        app.warn("tracejoin: no hidden faults")
        return 1
    app.say(findings_table(found))
    return 0
