"""`tracejoin doctor`: prints what is wrong with an account's set-up."""

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

import click
from click.core import ParameterSource

from pipeline.cli.aws_session import aws_session
from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.doctor.account import Account
from pipeline.doctor.check import diagnose
from pipeline.doctor.check_result import CheckResult
from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.registry import CHECKS

_GROUPS: Final = (("ok", "ok"), ("warning", "warning"), ("problem", "problem"), ("unknown", "not known"))
_MOST_SHOWN: Final = 10
_DEFAULT: Final = "tracejoin"
_REMEDY: Final = " " * 6
_MORE: Final = " " * 4


@click.command()
@click.option("--stack", "name", metavar="NAME", default=_DEFAULT, show_default=True, help="The CloudFormation stack.")
@pass_app
@click.pass_context
def doctor(ctx: click.Context, app: CommandContext, *, name: str) -> int:
    """Says what is wrong with an account's set-up, each with its remedy. Only reads; region and credentials as the AWS CLI has them."""
    app.tell_insecure()
    account = Account(Calls(aws_session(app)), name=name, own=app.settings, endpoint=app.options.get("endpoint", ""),
                      named=ctx.get_parameter_source("name") is not ParameterSource.DEFAULT)  # fmt: skip
    results = []
    for result in diagnose(account, CHECKS):
        app.emit(result)
        results.append(result)
    if not app.json:
        # not through the console: it would wrap the commands
        for line in report_lines(results, app.console.width if app.console.is_terminal else 0):
            app.write(f"{line}\n")
    return int(any(result.status == "problem" for result in results))


def report_lines(results: Sequence[CheckResult], width: int = 0) -> Iterable[str]:
    """The lines for people: grouped by status, an entry per result, with the remedy below it.

    Args:
        results: of all checks.
        width: that of the terminal, where entries are wrapped; 0 for one line each. A remedy stays in one piece, to be pasted.
    """
    for status, title in _GROUPS:
        group = [result for result in results if result.status == status]
        if group:
            yield title
            for line in _unknown(group) if status == "unknown" else _known(group):
                yield from _wrapped(line.replace("\n", " "), width)


def _wrapped(line: str, width: int) -> Iterable[str]:
    if not width or line.startswith(_REMEDY):
        return [line]
    return textwrap.wrap(line, width, subsequent_indent=_MORE, break_long_words=False, break_on_hyphens=False)


def _known(group: Sequence[CheckResult]) -> Iterable[str]:
    for check, found in groupby(group, lambda result: result.check):
        entries = list(found)
        # a remedy that several share comes below the last of them
        for remedy, alike in groupby(entries[:_MOST_SHOWN], lambda result: result.remedy):
            for result in alike:
                where = f"{result.resource}: " if result.resource else ""
                yield f"  {check}  {where}{result.message}"
            if remedy:
                yield f"{_REMEDY}{remedy}"
        if len(entries) > _MOST_SHOWN:
            yield f"  {check}  and {len(entries) - _MOST_SHOWN} more; --json shows all"


def _unknown(group: Sequence[CheckResult]) -> Iterable[str]:
    """One line for all checks that could not be made for the same reason."""
    reasons = dict.fromkeys((result.message, result.remedy) for result in group)
    for message, remedy in reasons:
        checks = dict.fromkeys(result.check for result in group if (result.message, result.remedy) == (message, remedy))
        yield f"  {', '.join(checks)}  {message}"
        if remedy:
            yield f"{_REMEDY}{remedy}"
