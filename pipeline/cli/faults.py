"""`tracejoin faults`."""

from datetime import datetime

import click

from pipeline.cli.app import App
from pipeline.cli.moment import TIMES, since_until
from pipeline.cli.options import pass_app
from pipeline.cli.render import findings_table
from pipeline.search import hidden_faults


@click.command(help=f"Hidden faults with their evidence, newest first. Exit status 1 where there is none.\n\n{TIMES}")
@since_until
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@pass_app
def faults(app: App, *, since: datetime | None, until: datetime | None, limit: int) -> int:
    """Hidden faults, newest first."""
    found = hidden_faults(app.store(), since=since, until=until, limit=limit)
    for trace in found:
        app.emit(trace)
    if not found:
        app.warn("tracejoin: no hidden faults" + (" in this time: drop or widen --since and --until" if since or until else ""))
        return 1
    app.say(findings_table(found))
    return 0
