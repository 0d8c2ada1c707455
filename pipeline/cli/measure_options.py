"""Measure options: HTTP statuses, durations and excluded words on the command line, read as the search language reads them."""

import re
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Final

import click

from pipeline.cli.context import CommandContext
from pipeline.errors import BadInputError
from pipeline.model.durations import parse_duration
from pipeline.search.comparisons import STATUSES, status_bounds
from pipeline.search.query import SearchQuery
from pipeline.search.question import Term

# what no sentence has: who writes it expects a regular expression
_LIKE_A_PATTERN: Final = re.compile(r"\.[*+?]|\\[wdsbWDSB.]|^\^|\$$|\[[^\]]+\][*+?]|\([^)]*\|[^)]*\)|\w\|\w")


class Status(click.ParamType[str]):
    """The type of an option that takes HTTP statuses; its value is the text, which `status_bounds` reads."""

    name = "status"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text. Fails as wrong usage where it is no status."""
        try:
            status_bounds(str(value))
        except BadInputError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Length(click.ParamType[int]):
    """The type of an option that takes a duration; its value is in nanoseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Whole nanoseconds. Fails as wrong usage where ``value`` is no duration."""
        if isinstance(value, int):
            return value
        try:
            return parse_duration(str(value).strip())
        except BadInputError as error:
            self.fail(str(error), param, ctx)


def status_option(name: str, argument: str, text: str) -> Callable[..., Any]:
    """Gives a command an option for HTTP statuses, any of which may match; ``argument`` gets a tuple of texts."""
    return click.option(name, argument, multiple=True, type=Status(), metavar="STATUS", help=f"{text}: {STATUSES}; several times for any.")


def duration_options(argument: str, text: str) -> Callable[..., Any]:
    """Gives a command --min-duration and --max-duration; ``argument`` gets a tuple of comparisons, as `duration_bounds` reads them."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, min_duration: int | None, max_duration: int | None, **arguments: Any) -> Any:
            if min_duration is not None and max_duration is not None and min_duration > max_duration:
                raise click.UsageError("--min-duration is longer than --max-duration: nothing is between them")
            bounds = ((">=", min_duration), ("<=", max_duration))
            arguments[argument] = tuple(f"{operator}{length}ns" for operator, length in bounds if length is not None)
            return command(*given, **arguments)

        wrapped = update_wrapper(wrapped, command)
        longest = click.option("--max-duration", type=Length(), metavar="DURATION", help=f"{text} so long or shorter.")
        least = click.option("--min-duration", type=Length(), metavar="DURATION", help=f"{text} so long or longer: 500ms, 1.5s, 2m30s.")
        return least(longest(wrapped))

    return decorated


def excluding(app: CommandContext, texts: tuple[str, ...]) -> tuple[tuple[str, SearchQuery], ...]:
    """What --exclude leaves out, each with a name for it, as a SearchQuery takes it.

    OpenSearch knows a message by its words, so a regular expression can't be asked for; what looks like one is told on stderr.

    Raises UsageError for a text without a word, which no message can have.
    """
    for text in texts:
        if not re.search(r"\w", text):
            raise click.UsageError(f"--exclude {text!r} has no word: give one or more words, one after the other")
        if _LIKE_A_PATTERN.search(text):
            app.warn(f"--exclude {text[:60]!r} is read as words, one after the other, and not as a regular expression")
    return tuple((f"--exclude {Term(text, 'phrase')}", SearchQuery(phrase=(text,))) for text in texts)
