"""Wrap option: the option --no-wrap, for lines that are as long as their text instead of as wide as the terminal."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Final

import click

from pipeline.cli.context import CommandContext

# wider than what a command prints in one line; rich needs a number
_WIDEST: Final = 100_000


def no_wrap_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives ``command`` the option --no-wrap and the argument ``no_wrap``."""
    return click.option("--no-wrap", is_flag=True, help="Each row on one line, with its whole text, however long: for `less -S`.")(command)


def unwrapped(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives ``command`` the option --no-wrap; it is for a command that lays nothing out by the width of the terminal."""

    def wrapped(*given: Any, no_wrap: bool, **arguments: Any) -> Any:
        if no_wrap and (app := click.get_current_context().find_object(CommandContext)):
            unwrap(app)
        return command(*given, **arguments)

    return no_wrap_option(update_wrapper(wrapped, command))


def unwrap(app: CommandContext) -> None:
    """Lets the lines that the command prints be as long as their text."""
    app.console.width = _WIDEST
