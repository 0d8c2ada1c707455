"""Context: what every command gets, namely the settings, the store and the ways to print."""

import os
import sys
from dataclasses import dataclass, field

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
