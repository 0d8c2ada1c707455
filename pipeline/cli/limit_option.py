"""Limit option: the options --limit and --all of commands that print a list, of which one is given."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import click


def limit_options(usual: int, which: str) -> Callable[..., Any]:
    """Gives a command --limit and --all, and the argument ``limit``: how many to print, 0 for everything, None where neither is given.

    Args:
        usual: how many the command prints where neither is given; its help says so.
        which: which ones a limit leaves, such as "The newest".
    """

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, limit: int | None, everything: bool, **arguments: Any) -> Any:
            if everything and limit:
                raise click.UsageError(f"--all and --limit {limit} contradict each other: give one of them")
            return command(*given, limit=0 if everything else limit, **arguments)

        wrapped = update_wrapper(wrapped, command)
        whole = click.option("--all", "everything", is_flag=True, help="The same as --limit 0.")
        text = f"{which} N, {usual} without it; 0 shows everything."
        some = click.option("--limit", default=None, type=click.IntRange(0), metavar="N", help=text)
        return some(whole(wrapped))

    return decorated
