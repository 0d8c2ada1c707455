"""Context: what every command gets, namely the settings, the store and two ways to print."""

import os
import sys
from dataclasses import dataclass, field

import click
import msgspec
from rich.console import Console

from pipeline.cli.terminal_text import terminal_safe
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
    console: Console = field(default_factory=lambda: Console(emoji=False))

    def store(self) -> Store:
        """The Store of the settings' endpoint; it does not connect yet."""
        return store_for(self.settings)

    def emit(self, content: object) -> None:
        """Prints ``content`` as one line of JSON; does nothing outside JSON mode."""
        if self.json:
            click.echo(msgspec.json.encode(content))

    def say(self, content: object) -> None:
        """Prints text or a rich renderable for people; does nothing in JSON mode."""
        if not self.json:
            # logged text must not control the terminal
            self.console.print(terminal_safe(content) if isinstance(content, str) else content)

    def warn(self, text: str) -> None:
        """Prints one line to stderr, in JSON mode, too."""
        click.echo(text, file=sys.stderr)
