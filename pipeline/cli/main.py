"""Main: the `tracejoin` command, which finds the module of a subcommand and turns errors into exit statuses."""

import os
import signal
import sys
from contextlib import suppress
from typing import Any

import click

from pipeline.cli.context import CommandContext, warn
from pipeline.cli.options import connection_options, taken_options
from pipeline.cli.terminal import install_safe_streams, open_closed_streams, raw_stdout, safe_streams
from pipeline.cli.unread_output import drop_unread, end_with_reader
from pipeline.errors import MisconfiguredError, TracejoinError, WrongUsageError

_COMMANDS = {
    "demo": "the blog's sample application, its six complaints shown and answered",
    "setup": "install what is in mappings/, or --check it",
    "ship": "ship recorded subscription events through the same code as Lambda",
    "backfill": "ship past events of log groups, or an export of them, through the same code",
    "replay": "parked events and dead letters: list, show, send again",
    "resolve": "look up what is pending, once",
    "search": "logs and spans in one list, by any id",
    "tail": "what comes in, as it comes: search --follow",
    "trace": "one transaction as a waterfall, with its log lines",
    "serve": "the page: the same in a browser on this computer",
    "invocations": "invocations of Lambda functions, with durations, cold starts and totals",
    "map": "who calls whom, with calls, failures, hidden faults and latency",
    "mcp": "answers an agent's questions over the Model Context Protocol",
    "services": "who writes and calls: lines, errors, hidden faults, last seen",
    "faults": "hidden faults with their evidence, newest first",
    "issues": "faults of one cause, each once: new ones first, with their states",
    "issue": "one issue with its examples; ack, mute, resolve and reopen change it",
    "why": "in words: which state a trace is in and why, and how it is known",
    "keep": "hold a transaction: no policy and no retention deletes anything of it",
    "policy": "check a file that says what of healthy traffic is kept",
    "export": "one transaction as a file: as stored, or as OTLP for other tools",
    "explain": "what would be extracted from these lines, without OpenSearch",
    "classify": "the findings in these traces, without OpenSearch",
    "cost": "what logs, traces and OpenSearch cost a month, and who logs most",
    "doctor": "what is wrong with an account's set-up, each with its remedy",
    "config": "the configuration in force and where it comes from; get, set, unset, path",
    "help": "help on a command or a topic: query, ids, time, output, exit-status, environment",
}

# what they print may have no end, and once they print, they have found something
_END_WITH_READER = frozenset({"demo", "search", "tail", "invocations", "explain", "export"})

# 128 and the number of the signal, as shells tell it
_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM


class _Commands(click.Group):
    """Imports a command's module only when the command is called, so that `explain` does not wait for what `demo` needs."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the command line; nothing that click prints by itself steers the terminal either."""
        with safe_streams():
            return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; Ctrl-C ends it as shells expect, without a word of click's."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that is called. Raises NoSuchCommand, with the names that are like it."""
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=_COMMANDS, ctx=ctx)
        found = super().resolve_command(ctx, args)
        if found[0] in _END_WITH_READER:
            end_with_reader(raw_stdout())
        return found

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = __import__(f"pipeline.cli.{cmd_name}", fromlist=[cmd_name])
        # `map` is a name of Python's own
        command: click.Command = getattr(module, cmd_name, None) or getattr(module, f"{cmd_name}_")
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@connection_options()
@click.option("--context", metavar="NAME", default="", help="The context of the configuration file; else TRACEJOIN_CONTEXT.")
@click.version_option(package_name="tracejoin")
@click.pass_context
def cli(ctx: click.Context, /, *, context: str, **connection: Any) -> None:
    """CloudWatch Logs and AWS X-Ray, joined in OpenSearch: one search by any id, and the faults that hide behind a 200."""
    app = ctx.obj = CommandContext(taken_options(connection), context)
    ctx.call_on_close(app.restore)
    # what is wrong is told by the command that needs it, so that help and config work all the same
    with suppress(MisconfiguredError):
        app.take({})


def main() -> None:
    """Runs the command line. The exit status is 0 for done, 1 for the answer no or a failure, 2 for wrong usage."""
    drop_unread()
    has_stdout = open_closed_streams()
    install_safe_streams()
    if not has_stdout:
        warn("the output can't be written: stdout is closed")
        sys.exit(1)
    # so that what a command has started is stopped, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        cli(standalone_mode=True)
    except MisconfiguredError as error:
        for problem in error.problems:
            warn(problem)
        # what OpenSearch or AWS refuses is no wrong usage
        sys.exit(1 if error.status else 2)
    except TracejoinError as error:
        warn(str(error))
        sys.exit(2 if isinstance(error, WrongUsageError) else 1)
    except OSError as error:
        warn(f"the output can't be written: {error.strerror or error}")
        # else Python writes the rest at its end, and fails once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
