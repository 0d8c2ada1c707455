"""`tracejoin issue`: shows one issue with its examples, and changes its state."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext, author
from pipeline.cli.issue_view import describe_change, issue_details, issue_lines, say_lines
from pipeline.cli.options import GivenText, pass_app
from pipeline.cli.terminal_text import one_line
from pipeline.cli.wrap_option import unwrapped
from pipeline.cli.zone_option import utc_option
from pipeline.errors import BadInputError
from pipeline.issues.decide import decide, find_issue
from pipeline.issues.decision import Decision, Verb
from pipeline.issues.observation import Example
from pipeline.issues.sightings import examples_of
from pipeline.model.clock_times import clock_time
from pipeline.model.close_names import did_you_mean
from pipeline.model.json_values import as_text
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.search.issue_list import as_json, list_issues
from pipeline.search.pasted_ids import name_of
from pipeline.search.time_expressions import parse_end

_USUAL: Final = 10
_ID: Final = re.compile(r"[0-9a-f]+|-.*", re.IGNORECASE)


class _ShowByDefault(click.Group):
    """A group whose first argument is an issue's id where it names no subcommand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `show` before what names no subcommand, such as an id or an option of `show`."""
        first = args[0] if args else ""
        named = first in self.commands or first in ctx.help_option_names
        # `show` takes one id and no second word
        is_command = did_you_mean(first, self.commands) or (len(args) > 1 and not args[1].startswith("-"))
        if not named and not _ID.fullmatch(name_of(first)) and is_command:
            raise click.exceptions.NoSuchCommand(first, possibilities=self.commands, ctx=ctx)
        return super().parse_args(ctx, args if named or not args else ["show", *args])


@click.group(cls=_ShowByDefault, subcommand_metavar="ID | COMMAND ID [OPTIONS]")
def issue() -> None:
    """One issue with its examples, by its id or the first digits of it; and what you decide about it.

    Who decides is TRACEJOIN_AUTHOR, else the user of this computer, else --by. Every change is kept with its time and author.
    """


@issue.command()
@click.argument("id", type=GivenText())
@click.option("--limit", default=_USUAL, show_default=True, type=click.IntRange(1, 1000), help="How many of the newest traces.")
@utc_option
@unwrapped
@pass_app
def show(app: CommandContext, *, id: str, limit: int, zone: tzinfo | None) -> int:  # noqa: A002  # the name that the user sees
    """The issue: since when, how often, every change, and the newest traces that show it. `tracejoin issue ID` does the same."""
    store = app.installed_store()
    found = find_issue(store, name_of(id))
    (listed,) = list_issues(store, now=datetime.now(UTC), ids=[found.id])
    examples = examples_of(store, found.id, most=limit)
    app.emit(as_json(listed) | {"examples": [_example(example) for example in examples]})
    say_lines(app, (*issue_lines(listed, zone), *issue_details(listed, zone), *(_example_line(example, zone) for example in examples)))
    if not examples:
        app.say("  none of its traces is stored any more")
    return 0


def _example_line(example: Example, zone: tzinfo | None) -> str:
    return f"  [bold]{to_xray(example.trace_id)}[/]  {clock_time(example.at, zone)}  {escape(one_line(example.sighting.evidence))}"


def _example(example: Example) -> dict[str, str]:
    sighting = example.sighting
    return {"traceId": example.trace_id, "at": iso_millis(example.at), "evidence": sighting.evidence, "version": sighting.version}


def _decision(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a subcommand the argument ID and the options that all decisions have."""
    command = click.option("--by", default="", help="Who decides, if not you.")(command)
    command = click.option("--note", default="", help="Why; kept with the change.")(command)
    return click.argument("id", type=GivenText())(command)


@issue.command()
@_decision
@pass_app
def ack(app: CommandContext, *, id: str, note: str, by: str) -> int:  # noqa: A002
    """You know of it: it is told again only when it grows."""
    return _decide(app, id, "ack", note=note, by=by)


@issue.command()
@_decision
@click.option("--until", metavar="TIME", help="No message before this time: 2026-12-24, 2026-12-24T10:00Z, or for so long: 3d, 2h30m.")
@click.option("--times", type=click.IntRange(min=1), default=None, metavar="N", help="No message before N more traces came.")
@pass_app
def mute(app: CommandContext, *, id: str, note: str, by: str, until: str | None, times: int | None) -> int:  # noqa: A002
    """No messages of it until a time, or until it came N times more; whichever is first."""
    if not until and not times:
        raise click.UsageError("a mute needs an end: give --until TIME, --times N, or both")
    return _decide(app, id, "mute", note=note, by=by, until=_end_of_mute(until) if until else 0, times=times or 0)


def _end_of_mute(text: str) -> int:
    """When a mute ends, in milliseconds since the epoch."""
    try:
        return int(parse_end(text, now=datetime.now(UTC)).timestamp() * 1000)
    except BadInputError as error:
        raise click.UsageError(f"--until {error}") from error


@issue.command()
@_decision
@click.option("--version", default="", help="The function's version in which it is mended; else that of the newest trace.")
@pass_app
def resolve(app: CommandContext, *, id: str, note: str, by: str, version: str) -> int:  # noqa: A002
    """It is mended: a trace that shows it after this is a regression, and told at once."""
    return _decide(app, id, "resolve", note=note, by=by, version=as_text(version))


@issue.command()
@_decision
@pass_app
def reopen(app: CommandContext, *, id: str, note: str, by: str) -> int:  # noqa: A002
    """It is not mended, or no longer to be muted: it is known again."""
    return _decide(app, id, "reopen", note=note, by=by)


def _decide(app: CommandContext, text: str, verb: Verb, *, by: str, note: str, **more: Any) -> int:
    # a terminal may type what is no UTF-8
    name = as_text(by) or author()
    if not name:
        raise click.UsageError("nobody knows who decides: give --by NAME, or set TRACEJOIN_AUTHOR")
    store = app.installed_store()
    decision = Decision(verb=verb, by=name, note=as_text(note), at=int(datetime.now(UTC).timestamp() * 1000), **more)
    before, after = decide(store, find_issue(store, name_of(text)).id, decision)
    last = after.last_change
    app.emit({"id": after.id, "state": after.state, "changed": after is not before, "changes": len(after.changes)})
    said = escape(one_line(describe_change(last))) if last else ""
    app.say(f"[bold]{after.id}[/]  {said}" if after is not before else f"[bold]{after.id}[/]  is {after.state} already: {said}")
    return 0
