"""Main: the `tracejoin` command, which finds the module of a subcommand and turns errors into exit statuses."""

import os
import sys
from typing import Any

import click

from pipeline.cli.context import CommandContext, read_settings, warn
from pipeline.cli.terminal import install_safe_streams, safe_streams
from pipeline.errors import MisconfiguredError, TracejoinError

_COMMANDS = {
    "demo": "the blog's sample application, its six complaints shown and answered",
    "setup": "install what is in mappings/, or --check it",
    "ship": "ship recorded subscription events through the same code as Lambda",
    "resolve": "look up what is pending, once",
    "search": "logs and spans in one list, by any id",
    "trace": "one transaction as a waterfall, with its log lines",
    "faults": "hidden faults with their evidence, newest first",
    "why": "in words: which state a trace is in and why, and how it is known",
    "explain": "what would be extracted from these lines, without OpenSearch",
    "classify": "the findings in these traces, without OpenSearch",
    "doctor": "what is wrong with an account's set-up, each with its remedy",
}


class _Commands(click.Group):
    """Imports a command's module only when the command is called, so that `explain` does not wait for what `demo` needs."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the command line; nothing that click prints by itself steers the terminal either."""
        with safe_streams():
            return super().main(*args, **options)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = __import__(f"pipeline.cli.{cmd_name}", fromlist=[cmd_name])
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--endpoint", metavar="URL", help="OpenSearch; else TRACEJOIN_ENDPOINT, else http://localhost:9200.")
@click.version_option(package_name="tracejoin")
@click.pass_context
def cli(ctx: click.Context, endpoint: str | None) -> None:
    """CloudWatch Logs and AWS X-Ray, joined in OpenSearch: one search by any id, and the faults that hide behind a 200."""
    ctx.obj = CommandContext(read_settings(endpoint))


def main() -> None:
    """Runs the command line. The exit status is 0 for done, 1 for the answer no or a failure, 2 for wrong usage."""
    install_safe_streams()
    try:
        cli(standalone_mode=True)
    except MisconfiguredError as error:
        for problem in error.problems:
            warn(problem)
        sys.exit(2)
    except TracejoinError as error:
        warn(str(error))
        sys.exit(1)
    except BrokenPipeError:
        # the reader of the pipe has ended, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
