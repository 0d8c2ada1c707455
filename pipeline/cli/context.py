"""Context: what every command gets, namely the configuration, the settings, the store and the ways to print."""

import getpass
import os
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click
from rich.console import Console

from pipeline.cli.aws_profiles import require_profile
from pipeline.cli.config_file import ConfigFile, read_config_file
from pipeline.cli.configuration import Configuration, configuration_of
from pipeline.cli.json_output import json_line
from pipeline.cli.terminal import clean_parts, new_console, safe_stream
from pipeline.cli.terminal_text import one_line, terminal_safe
from pipeline.configure import store_for
from pipeline.errors import MisconfiguredError
from pipeline.model.json_values import as_text
from pipeline.search.service_names import unknown_service
from pipeline.settings import Settings
from pipeline.store.client import Store

# group and others
_OF_OTHERS: Final = 0o077


def author() -> str:
    """Who uses this computer: TRACEJOIN_AUTHOR, else the name of the user, as UTF-8 can hold it; empty where there is none."""
    if named := os.environ.get("TRACEJOIN_AUTHOR", "").strip():
        return as_text(named)
    try:
        return as_text(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return ""


def state_folder() -> Path:
    """The folder for what the command remembers between its runs: below XDG_STATE_HOME, else below the user's `.local/state`."""
    return _xdg_folder("XDG_STATE_HOME", ".local/state")


def config_path() -> Path:
    """The configuration file: below XDG_CONFIG_HOME, else below the user's `.config`."""
    return _xdg_folder("XDG_CONFIG_HOME", ".config") / "config.toml"


def _xdg_folder(variable: str, usual: str) -> Path:
    named = Path(os.environ.get(variable, ""))
    # the XDG Base Directory Specification: a path that is not absolute is to be ignored
    return (named if named.is_absolute() else Path.home() / usual) / "tracejoin"


@dataclass(slots=True)
class CommandContext:
    """The context object of the `tracejoin` command.

    Attributes:
        options: the texts of the options that are before or after the command's name, by key (`pipeline.cli.configuration.OPTIONS`).
        context: the context of the configuration file that `--context` names; empty for none.
        json: whether stdout gets one JSON object per line and nothing else.
        console: prints for people, to stdout.
    """

    options: dict[str, str] = field(default_factory=dict)
    context: str = ""
    json: bool = False
    console: Console = field(default_factory=new_console)
    _environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    _changed: set[str] = field(default_factory=set)
    _file: ConfigFile | None = None
    _configuration: Configuration | None = None
    _settings: Settings | None = None

    def __post_init__(self) -> None:
        clean_parts(self.console)

    @property
    def configuration(self) -> Configuration:
        """What options, environment and configuration file say together. Raises MisconfiguredError with every mistake in the file."""
        if self._configuration is None:
            file = self._file or read_config_file(config_path())
            self._configuration = configuration_of(self.options, self._environment, file, context=self.context)
        return self._configuration

    @property
    def settings(self) -> Settings:
        """The settings in force. Raises MisconfiguredError that names every fault."""
        if self._settings is None:
            try:
                self._settings = Settings.from_environment({**self._environment, **self.configuration.variables()})
            except MisconfiguredError as error:
                raise MisconfiguredError([self.configuration.blamed(problem) for problem in error.problems]) from error
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings

    def take(self, options: Mapping[str, str]) -> None:
        """Takes further options, and hands what is in force to this process's environment: the one place where AWS' libraries look.

        Raises MisconfiguredError where the configuration is wrong, or a profile that an option names does not exist.
        """
        if options:
            self.options |= options
            self._configuration = self._settings = None
        changes = self.configuration.changes()
        if "profile" in self.options:
            self.require_profile()
        self.restore()
        self._changed |= changes.keys()
        _change_environment(changes)

    def leave_out_wrong_file(self) -> None:
        """Goes on without the configuration file where that is wrong, and says so on stderr."""
        try:
            _ = self.settings
        except MisconfiguredError as error:
            self._file, self._configuration = ConfigFile(config_path()), None
            try:
                _ = self.settings
            except MisconfiguredError:
                # not the file alone is wrong
                raise error from None
            for problem in error.problems:
                self.warn(f"{problem}; the configuration file is left out")

    def restore(self) -> None:
        """Takes back from this process's environment what `take` changed in it."""
        _change_environment({name: self._environment.get(name) for name in self._changed})

    def require_profile(self) -> None:
        """Raises MisconfiguredError where a profile of AWS is named and does not exist."""
        if profile := self.configuration.values["profile"].text:
            require_profile(self._environment, profile)

    def store(self) -> Store:
        """The Store of the settings' endpoint, not connected yet; when the command ends, it says which indices no search could see."""
        if self.settings.service or self.settings.opensearch_secret:
            self.require_profile()
        self.tell_insecure()
        store = store_for(self.settings)
        click.get_current_context().call_on_close(lambda: self._tell_left_out(store))
        return store

    def installed_store(self) -> Store:
        """The same as `store`. Raises MisconfiguredError where nothing is installed under the prefix: then no answer is a comfort."""
        store = self.store()
        store.require_templates()
        return store

    def tell_open_file(self) -> None:
        """Says on stderr where the configuration file holds a password that other users of this computer may read."""
        file = self.configuration.file
        if file.has_secret() and others_may_read(file.path):
            self.warn(f"{file.path} holds a password, and others on this computer may read it: chmod 600 {file.path}")

    def tell_insecure(self) -> None:
        """Says on stderr, once, that no certificate is checked, where that is so; urllib3 would say it with each request."""
        if self.settings.insecure:
            warnings.filterwarnings("ignore", message="Unverified HTTPS request")
            self.warn("no certificate is checked: whoever is on the way to OpenSearch can read and change everything; --ca FILE is better")

    def _tell_left_out(self, store: Store) -> None:
        if names := sorted(store.left_out.since(0)):
            why = "closed, blocked, without shards, or another's mapping"
            self.warn(f"{', '.join(names)} can't be searched now, so what is in there is missing: {why}")

    def found_nothing(self, store: Store, text: str, narrowed: Mapping[str, object] = MappingProxyType({}), *, service: str = "") -> int:
        """Says on stderr that nothing was found, and which options of ``narrowed`` were given; returns the exit status for that.

        It also says where nothing is stored of ``service``, or of that in ``narrowed``, and what is like its name.

        Raises MisconfiguredError where nothing is installed under the prefix: then nobody has looked, and no answer is a comfort.
        """
        store.require_templates()
        given = ", ".join(name for name, value in narrowed.items() if value)
        self.warn(f"{text} that meet {given}: drop or widen them" if given else text)
        if sentence := unknown_service(store, service or str(narrowed.get("--service") or "")):
            self.warn(sentence)
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


def others_may_read(path: Path) -> bool:
    """Whether other users of this computer may read a file; False where the system has no such permissions."""
    return os.name == "posix" and bool(path.stat().st_mode & _OF_OTHERS)


def _change_environment(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if "TZ" in changes:
        time.tzset()


def warn(text: str) -> None:
    """Prints one line to stderr, behind the name of the program."""
    click.echo(f"tracejoin: {one_line(text)}", file=safe_stream(sys.stderr))
