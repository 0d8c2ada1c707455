"""Commands page: every command with its arguments and options, as `--help` tells them."""

from collections.abc import Iterator

import click

from manual.markdown import code, page, plain, table
from manual.meanings import introduction
from pipeline.cli.main import cli

_WIDE = 100_000


def commands_page() -> str:
    """Makes the page of commands."""
    root = click.Context(cli, info_name="tracejoin", max_content_width=_WIDE, terminal_width=_WIDE, **cli.context_settings)
    return page("Commands", "the commands of pipeline/cli", introduction("commands"), *_sections(cli, root, 2))


def _sections(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    """The heading, usage, text and options of a command, then those of its subcommands."""
    yield f"{'#' * level} {context.command_path}"
    yield "\n".join(f"    {line}" for line in context.get_usage().removeprefix("Usage: ").splitlines())
    yield from _paragraphs(command.help or "")
    rows = [[code(record[0]), plain(record[1])] for option in command.get_params(context) if (record := option.get_help_record(context))]
    if len(rows) > 1:
        yield table(["option", "what it does"], rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below and not below.hidden:
                inner = click.Context(below, info_name=name, parent=context, max_content_width=_WIDE, terminal_width=_WIDE)
                yield from _sections(below, inner, level + 1 if level > 2 or command is not cli else level)  # noqa: PLR2004


def _paragraphs(text: str) -> Iterator[str]:
    r"""Paragraphs of a help text; one that begins with `\b` keeps its lines."""
    for paragraph in filter(None, (part.strip("\n") for part in text.split("\n\n"))):
        first, _, rest = paragraph.lstrip().partition("\n")
        if first == "\b":
            yield "\n".join(f"    {line}" for line in rest.splitlines())
        else:
            yield plain(paragraph)
