"""What every command shares: settings, the store, and two ways to print."""

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
    """Settings out of the environment, with ``endpoint`` in place of TRACEJOIN_ENDPOINT where it is given."""
    return Settings.from_environment({**os.environ, **({"TRACEJOIN_ENDPOINT": endpoint} if endpoint else {})})


@dataclass(slots=True)
class CommandContext:
    """The context object of the `tracejoin` command.

    Attributes:
        settings: out of the environment and `--endpoint`.
        json: one JSON object a line on stdout and nothing else.
        console: for people; stdout.
    """

    settings: Settings
    json: bool = False
    console: Console = field(default_factory=lambda: Console(emoji=False))

    def store(self) -> Store:
        """OpenSearch at the endpoint; does not connect yet."""
        return store_for(self.settings)

    def emit(self, content: object) -> None:
        """Prints ``content`` as one line of JSON, in JSON mode only."""
        if self.json:
            click.echo(msgspec.json.encode(content))

    def say(self, content: object) -> None:
        """Prints text or a rich renderable for people; nothing in JSON mode."""
        if not self.json:
            # what others logged must not steer the terminal
            self.console.print(terminal_safe(content) if isinstance(content, str) else content)

    def warn(self, text: str) -> None:
        """Prints one line to stderr, in either mode."""
        click.echo(text, file=sys.stderr)
