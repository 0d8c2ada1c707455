"""Context option: the options -A, -B and -C, how many lines around each hit to print, as grep has them."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, NamedTuple

import click

from pipeline.search.context_lines import MOST_CONTEXT

_LINES = click.IntRange(0, MOST_CONTEXT)


class Context(NamedTuple):
    """How many lines before and after each hit; both 0 where none is asked for."""

    before: int = 0
    after: int = 0


def context_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives ``command`` the options -A, -B and -C, and the argument ``context``; -A and -B outweigh -C, as in grep."""

    def wrapped(*given: Any, after: int | None, before: int | None, around: int | None, **arguments: Any) -> Any:
        least = around or 0
        context = Context(least if before is None else before, least if after is None else after)
        return command(*given, context=context, **arguments)

    wrapped = update_wrapper(wrapped, command)
    for option in (
        click.option("-C", "--context", "around", type=_LINES, metavar="N", help="N lines around each hit."),
        click.option("-B", "--before-context", "before", type=_LINES, metavar="N", help="N lines before each hit, of its log stream."),
        click.option("-A", "--after-context", "after", type=_LINES, metavar="N", help="N lines after each hit, of its log stream."),
    ):
        wrapped = option(wrapped)
    return wrapped
