"""Options: the options that all commands have, and reading the files that they name."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import update_wrapper
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, Final

import click
from click.shell_completion import CompletionItem

from pipeline.cli.configuration import OPTIONS
from pipeline.cli.context import CommandContext
from pipeline.cli.terminal_text import one_line
from pipeline.configure import store_for
from pipeline.errors import TracejoinError
from pipeline.model.close_names import did_you_mean
from pipeline.search.service_names import service_names
from pipeline.setting_values import ca_file

_COMPLETION_PATIENCE: Final = 2.0


def _not_empty(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """The text of an option. Fails as wrong usage where it is empty, as that of an unset variable of a shell."""
    if value is not None and not value.strip():
        raise click.BadParameter("must not be empty")
    return value


def connection_options(*, hidden: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command the options that say where OpenSearch and AWS are, and who asks; ``hidden``: its help leaves most of them out."""
    more = " --profile, --region, --ca and --insecure fit here, too: `tracejoin --help`." if hidden else ", else http://localhost:9200."
    options = (
        click.option("--endpoint", metavar="URL", callback=_not_empty,
                     help=f"OpenSearch; else TRACEJOIN_ENDPOINT{'.' if hidden else ''}{more}"),
        click.option("--profile", metavar="NAME", callback=_not_empty, hidden=hidden, help="The profile of the AWS CLI; else AWS_PROFILE."),
        click.option("--region", metavar="NAME", callback=_not_empty, hidden=hidden,
                     help="The AWS region; else AWS_REGION, else the profile's."),
        click.option("--ca", type=_Certificates(), metavar="FILE", hidden=hidden,
                     help="The authorities to trust for OpenSearch, in PEM, instead of the system's; else TRACEJOIN_CA."),
        click.option("--insecure", is_flag=True, hidden=hidden, help="Check no certificate of OpenSearch: others can read along."),
    )  # fmt: skip

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def taken_options(given: Mapping[str, Any]) -> dict[str, str]:
    """The texts of those options of `connection_options` that are given, by key of the configuration."""
    return {key: "on" if value is True else str(value) for key in OPTIONS if (value := given.get(key))}


def pass_app(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives ``command`` its CommandContext, --json and the options of `connection_options`; its return value becomes the exit status.

    What is wrong with the settings is told before anything is done.
    """

    def checked(app: CommandContext, **arguments: Any) -> Any:
        _ = app.settings
        return command(app, **arguments)

    return pass_unchecked_app(update_wrapper(checked, command))


def pass_offline_app(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives ``command`` the same as `pass_app`, but for one that needs no OpenSearch: a wrong configuration file is told and left out."""
    checked = pass_app(command)

    @click.pass_obj
    def lenient(app: CommandContext, /, **arguments: Any) -> Any:
        app.options |= taken_options(arguments)
        app.leave_out_wrong_file()
        return checked(**arguments)

    return update_wrapper(lenient, checked)


def pass_unchecked_app(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives ``command`` the same as `pass_app`, but for one that works whatever is wrong with the settings of the environment."""

    @connection_options(hidden=True)
    # sqlite-utils calls lines of JSON --nl
    @click.option("--json", "--nl", "as_json", is_flag=True, help="One JSON object a line on stdout, and nothing else.")
    @click.pass_context
    def wrapped(ctx: click.Context, /, *, as_json: bool, **arguments: Any) -> None:
        app: CommandContext = ctx.obj
        app.json = as_json
        app.take(taken_options(arguments))
        app.tell_open_file()
        ctx.exit(command(app, **{name: value for name, value in arguments.items() if name not in OPTIONS}) or 0)

    return update_wrapper(wrapped, command)


class _Certificates(click.Path):
    """A file with certificates in PEM."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the name of the file. Fails as wrong usage where it holds no certificate."""
        try:
            return ca_file(str(value))
        except ValueError as error:
            self.fail(f"{one_line(str(value))}: {error}", param, ctx)


class GivenText(click.ParamType[str]):
    """A text that is not empty: who gives a variable of the shell that is not set does not ask for everything."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the text as it is. Fails as wrong usage where it has nothing but white space."""
        if not str(value).strip():
            self.fail("it is empty: give a value, or see whether a variable of the shell is unset", param, ctx)
        return str(value)


class ServiceName(GivenText):
    """The name of a service; a shell completes it by those that OpenSearch has."""

    name = "service"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Returns the names that begin so; none where OpenSearch does not tell them within two seconds."""
        del param
        found: list[str] = []
        # nobody waits for a completion as for an answer
        thread = Thread(target=lambda: found.extend(_stored_services(ctx)), daemon=True)
        thread.start()
        thread.join(_COMPLETION_PATIENCE)
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def _stored_services(ctx: click.Context) -> list[str]:
    root = ctx.find_root().params
    app = CommandContext(taken_options(root) | taken_options(ctx.params), root.get("context") or "")
    with contextlib.suppress(TracejoinError):
        app.take({})
        return service_names(store_for(app.settings))
    return []


class KnownName(click.Choice[str]):
    """One of many names; a mistyped one is answered with what is like it."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Returns what to say of a name that there is not."""
        close = did_you_mean(str(value), self.choices)
        return f"there is no {value!r}: {close}" if close else super().get_invalid_choice_message(value, ctx)


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
