"""`tracejoin issues`: prints the faults of one cause once each, with what became of them."""

from datetime import UTC, datetime, tzinfo

import click

from pipeline.cli.context import CommandContext
from pipeline.cli.issue_view import issue_lines, say_lines
from pipeline.cli.options import ServiceName, pass_app
from pipeline.cli.time_option import TIMES, Moment
from pipeline.cli.wrap_option import unwrapped
from pipeline.cli.zone_option import utc_option
from pipeline.issues.issue import STATES, IssueState
from pipeline.search.issue_list import as_json, list_issues


@click.command(help="Issues: hidden faults of one cause, each once, new ones first, then those that came back. "
                    f"Exit status 1 where there is none.\n\n{TIMES}")  # fmt: skip
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only in this state; may be repeated.")
@click.option("--service", type=ServiceName(), default=None, help="Only where this service failed.")
@click.option("--since", type=Moment(), metavar="TIME", help="Only what was seen since then: see above.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@utc_option
@unwrapped
@pass_app
def issues(app: CommandContext, *, states: tuple[IssueState, ...], service: str | None, since: datetime | None, limit: int,
           zone: tzinfo | None) -> int:  # fmt: skip
    """Prints issues; exit status 1 where there is none."""
    store = app.store()
    found = list_issues(store, now=datetime.now(UTC), states=states, service=service or "", since=since)
    for listed in found[:limit]:
        app.emit(as_json(listed))
        say_lines(app, issue_lines(listed, zone))
    if not found:
        app.found_nothing(store, "no issues", {"--state": states, "--service": service, "--since": since})
    elif len(found) > limit:
        app.warn(f"{len(found) - limit:,} more: raise --limit, or narrow with --state, --service or --since")
    return int(not found)
