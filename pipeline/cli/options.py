"""Options: the options that all commands have, and reading the files that they name."""

import sys
from collections.abc import Callable, Iterator
from functools import update_wrapper
from pathlib import Path
from typing import Any, BinaryIO

import click

from pipeline.cli.context import CommandContext, read_settings
from pipeline.cli.terminal_text import one_line


def pass_app(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives ``command`` its CommandContext and the options --endpoint and --json; its return value becomes the exit status."""

    @click.option("--endpoint", metavar="URL", help="OpenSearch; else TRACEJOIN_ENDPOINT.")
    # sqlite-utils calls lines of JSON --nl
    @click.option("--json", "--nl", "as_json", is_flag=True, help="One JSON object a line on stdout, and nothing else.")
    @click.pass_context
    def wrapped(ctx: click.Context, /, *, as_json: bool, endpoint: str | None, **arguments: Any) -> None:
        app: CommandContext = ctx.obj
        app.json = as_json
        if endpoint:
            app.settings = read_settings(endpoint)
        ctx.exit(command(app, **arguments) or 0)

    return update_wrapper(wrapped, command)


def given_endpoint(ctx: click.Context) -> str:
    """The value of --endpoint, whether it stands before or after the command's name; empty where it is not given."""
    before = ctx.parent.params.get("endpoint") if ctx.parent else None
    return str(ctx.params.get("endpoint") or before or "")


def open_files(names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The name and content of each file; ``-`` is stdin. Raises UsageError where one can't be read."""
    for name in names:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise click.UsageError(f"{one_line(name)}: {error.strerror}") from error
        yield name, data


def read_file(file: BinaryIO) -> bytes:
    """The content of an open file. Raises UsageError where it can't be read, such as a directory."""
    try:
        return file.read()
    except OSError as error:
        raise click.UsageError(f"{one_line(file.name)}: {error.strerror}") from error
