"""Context: what every command gets, namely the settings, the store and the ways to print."""

import getpass
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import click
from rich.console import Console

from pipeline.cli.json_output import json_line
from pipeline.cli.terminal import clean_parts, new_console, safe_stream
from pipeline.cli.terminal_text import one_line, terminal_safe
from pipeline.configure import store_for
from pipeline.settings import Settings
from pipeline.store.client import Store


def read_settings(endpoint: str | None) -> Settings:
    """The settings of the environment, with ``endpoint`` instead of TRACEJOIN_ENDPOINT where it is given. Raises MisconfiguredError."""
    return Settings.from_environment({**os.environ, **({"TRACEJOIN_ENDPOINT": endpoint} if endpoint else {})})


def author() -> str:
    """Who uses this computer: TRACEJOIN_AUTHOR, else the name of the user; empty where there is none."""
    if named := os.environ.get("TRACEJOIN_AUTHOR", "").strip():
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def state_folder() -> Path:
    """The folder for what the command remembers between its runs: below XDG_STATE_HOME, else below the user's `.local/state`."""
    named = Path(os.environ.get("XDG_STATE_HOME", ""))
    # the XDG Base Directory Specification: a path that is not absolute is to be ignored
    return (named if named.is_absolute() else Path.home() / ".local" / "state") / "tracejoin"


@dataclass(slots=True)
class CommandContext:
    """The context object of the `tracejoin` command.

    Attributes:
        settings: those of the environment and of `--endpoint`.
        json: whether stdout gets one JSON object per line and nothing else.
        console: prints for people, to stdout.
    """

    settings: Settings
    json: bool = False
    console: Console = field(default_factory=new_console)

    def __post_init__(self) -> None:
        clean_parts(self.console)

    def store(self) -> Store:
        """The Store of the settings' endpoint, not connected yet; when the command ends, it says which indices no search could see."""
        store = store_for(self.settings)
        click.get_current_context().call_on_close(lambda: self._tell_left_out(store))
        return store

    def _tell_left_out(self, store: Store) -> None:
        if names := sorted(store.left_out.since(0)):
            self.warn(f"{', '.join(names)} can't be searched now, so what is in there is missing: closed, or shards are away")

    def found_nothing(self, store: Store, text: str, narrowed: Mapping[str, object] = MappingProxyType({})) -> int:
        """Says on stderr that nothing was found, and which options of ``narrowed`` were given; returns the exit status for that.

        Raises MisconfiguredError where nothing is installed under the prefix: then nobody has looked, and no answer is a comfort.
        """
        store.require_templates()
        given = ", ".join(name for name, value in narrowed.items() if value)
        self.warn(f"{text} that meet {given}: drop or widen them" if given else text)
        return 1

    def emit(self, content: object) -> None:
        """Prints ``content`` as one line of JSON; does nothing outside JSON mode."""
        if self.json:
            self.write(f"{json_line(content)}\n")

    def say(self, content: object) -> None:
        """Prints text or a rich renderable for people; does nothing in JSON mode."""
        if not self.json:
            self.console.print(terminal_safe(content) if isinstance(content, str) else content)

    def write(self, text: str) -> None:
        """Prints text as it is, in UTF-8, but for what would steer a terminal: nothing is wrapped or coloured."""
        click.echo(text.encode("utf-8", "replace"), file=safe_stream(sys.stdout), nl=False)

    def warn(self, text: str) -> None:
        """Prints one line to stderr, behind the name of the program, in JSON mode, too."""
        warn(text)


def warn(text: str) -> None:
    """Prints one line to stderr, behind the name of the program."""
    click.echo(f"tracejoin: {one_line(text)}", file=safe_stream(sys.stderr))
