"""`tracejoin config`: shows the configuration in force and where each value comes from, and changes the configuration file."""

import os
import sys
from pathlib import Path
from typing import Any, Final

import click
from rich.markup import escape
from rich.table import Table

from pipeline.cli.config_edit import with_value, without_value
from pipeline.cli.config_file import CONTEXT, NAME, parse_config, parse_toml, read_config_text, unknown_key
from pipeline.cli.config_keys import KEYS, ConfigKey
from pipeline.cli.configuration import ConfigValue
from pipeline.cli.context import CommandContext, config_path
from pipeline.cli.options import pass_unchecked_app
from pipeline.cli.output_file import write_whole
from pipeline.cli.terminal_text import one_line
from pipeline.errors import BadInputError, TracejoinError
from pipeline.setting_values import on_or_off

# listed whether or not they are set
_USUAL: Final = ("endpoint", "prefix", "profile", "region", "ca", "insecure")
_UNSEEN: Final = "(set)"
_OWN_ONLY: Final = 0o600


class _ListByDefault(click.Group):
    """A group that lists where it gets no subcommand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `list` before options, and where nothing is given."""
        own = args[:1] and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if own else ["list", *args])


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in (*KEYS, CONTEXT) if name.startswith(incomplete)]


_key_argument: Final = click.argument("key", shell_complete=_complete)


@click.group(cls=_ListByDefault)
def config() -> None:
    """The configuration in force, and where each value comes from: an option, the environment, the configuration file, or the default.

    An option counts before the environment, that before the file, that before the default. The file is tracejoin/config.toml below
    XDG_CONFIG_HOME, else below ~/.config. With --context before `config`, set and unset change that context: `tracejoin help environment`.
    """


@config.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Also what nobody set.")
@pass_unchecked_app
def list_(app: CommandContext, *, everything: bool) -> int:
    """Lists each value in force and where it comes from. A password is never shown."""
    found = app.configuration
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("key", "value", "from"):
        table.add_column(name, overflow="fold")
    rows = [(CONTEXT, found.context, found.context_origin)] if found.context else []
    rows += [(name, _shown(value), value.origin) for name, value in found.values.items()
             if everything or not value.is_default or name in _USUAL]  # fmt: skip
    for key, text, origin in rows:
        app.emit({"key": key, "value": text, "from": origin})
        table.add_row(*(escape(one_line(cell)) for cell in (key, text, origin)))
    app.say(table)
    return 0


@config.command()
@_key_argument
@pass_unchecked_app
def get(app: CommandContext, *, key: str) -> int:
    """Prints the value in force of KEY; exit status 1 where nobody set it and it has no default."""
    if key == CONTEXT:
        text, origin = app.configuration.context, app.configuration.context_origin
    else:
        value = app.configuration.values[_key(key).name]
        text, origin = _shown(value), value.origin
    app.emit({"key": key, "value": text, "from": origin})
    if not app.json and text:
        app.write(f"{one_line(text)}\n")
    return int(not text)


@config.command()
def path() -> None:
    """Prints where the configuration file is, or would be."""
    click.echo(str(config_path()))


@config.command(name="set")
@_key_argument
@click.argument("value", required=False)
@click.pass_obj
def set_(app: CommandContext, *, key: str, value: str | None) -> None:
    """Sets KEY to VALUE in the configuration file, which is made where it is missing. Nothing is written where the value is wrong.

    KEY `context` chooses the context. Without VALUE it is asked for, or read from stdin: a password then stands in no history.
    """
    known = None if key == CONTEXT else _key(key)
    path = config_path()
    before = read_config_text(path)
    # only a right file has a right place for the key
    parse_config(before, path)
    text = value if value is not None else _asked(key)
    if not text.strip():
        raise click.UsageError(f"{key} needs a value: `tracejoin config unset {key}` takes it out")
    _write(with_value(before, key, _checked(known, text), _context(app)) if known else with_value(before, key, text))


@config.command()
@_key_argument
@click.pass_obj
def unset(app: CommandContext, *, key: str) -> None:
    """Takes KEY out of the configuration file. Exit status 1 where it is not set there."""
    path = config_path()
    before = read_config_text(path)
    # a key that there is not can be taken out, too
    parse_toml(before, path)
    try:
        after = without_value(before, key, "" if key == CONTEXT else _context(app))
    except BadInputError:
        if key not in (*KEYS, CONTEXT):
            raise click.UsageError(unknown_key(key)) from None
        raise
    _write(after)


def _key(name: str) -> ConfigKey:
    if name not in KEYS:
        raise click.UsageError(unknown_key(name))
    return KEYS[name]


def _context(app: CommandContext) -> str:
    """The context that --context names, which may be new."""
    if app.context and not NAME.fullmatch(app.context):
        raise click.UsageError(f"--context {one_line(app.context)}: a name may hold letters, digits, _, . and -")
    return app.context


def _checked(key: ConfigKey, text: str) -> Any:
    """The value as TOML has it; a file's name is made absolute. Fails as wrong usage where it is wrong."""
    text = key.text_of(text, Path.cwd())
    try:
        key.check(text)
    except ValueError as error:
        shown = f" {one_line(text)!r}" if key.shows_wrong else ""
        raise click.UsageError(f"{key.name}{shown}: {error}") from None
    if isinstance(key.default, bool):
        return on_or_off(text)
    return int(text) if isinstance(key.default, int) else text


def _asked(key: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(key, hide_input=key in KEYS and KEYS[key].is_secret, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _shown(value: ConfigValue) -> str:
    """A value as it may be seen."""
    if value.key.is_secret:
        return _UNSEEN if value.text else ""
    try:
        value.key.check(value.text)
    except ValueError as error:
        return f"{value.text if value.key.shows_wrong else ''} (wrong: {error})".strip() if value.text else ""
    return value.text


def _write(text: str) -> None:
    """Writes the file, after it was found right as a whole; a new one is for its owner alone."""
    path = config_path()
    parse_config(text, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWN_ONLY))
    except OSError as error:
        raise TracejoinError(f"{path} can't be written: {error.strerror}") from error
    write_whole([text], path)
