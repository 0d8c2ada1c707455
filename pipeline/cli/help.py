"""`tracejoin help`: prints the help of a command, or a topic of the manual."""

from collections.abc import Sequence

import click

from pipeline.cli.context import CommandContext
from pipeline.cli.help_topics import TOPICS, topic_text
from pipeline.model.close_names import did_you_mean


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The names of commands and topics that begin so; none after the first word."""
    root = ctx.find_root()
    known = [] if ctx.params.get(param.name or "") else [*TOPICS, *_names(root)]
    return [name for name in known if name.startswith(incomplete)]


def _names(context: click.Context) -> list[str]:
    """The names of the commands below a command."""
    return context.command.list_commands(context) if isinstance(context.command, click.Group) else []


@click.command()
@click.argument("words", metavar="[COMMAND | TOPIC]...", nargs=-1, shell_complete=_complete)
@click.pass_context
def help_(ctx: click.Context, *, words: tuple[str, ...]) -> None:
    """Prints the help of a COMMAND, as its --help does, or a TOPIC of the manual; without either, all of both."""
    app: CommandContext = ctx.obj
    root = ctx.find_root()
    if not words:
        click.echo(root.get_help())
        click.echo("\nTopics, for `tracejoin help TOPIC`:")
        for name, topic in TOPICS.items():
            click.echo(f"  {name:<12} {topic.title}")
    elif len(words) == 1 and words[0] in TOPICS:
        app.say(topic_text(words[0]))
    else:
        click.echo(_found(root, words).get_help())


def _found(root: click.Context, words: Sequence[str]) -> click.Context:
    """The context of the command that ``words`` name. Fails as wrong usage where there is none, and says what is like it."""
    context = root
    for word in words:
        group = context.command
        command = group.get_command(context, word) if isinstance(group, click.Group) else None
        if command is None:
            known = [*_names(context), *(TOPICS if context is root else ())]
            raise click.UsageError(f"there is no command or topic {word!r}: {did_you_mean(word, known) or '`tracejoin help` lists all'}")
        context = click.Context(command, info_name=word, parent=context)
    return context
