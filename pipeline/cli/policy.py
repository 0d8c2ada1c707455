"""`tracejoin policy`: checks a policy file, and says in words what it keeps."""

import click
from rich.markup import escape

from pipeline.cli.context import CommandContext
from pipeline.cli.options import pass_app
from pipeline.retain.policy import Days, Policy, ShareRule
from pipeline.retain.policy_file import read_policy_file

_LEVELS = {1: "trace", 5: "debug", 9: "info", 13: "warn", 17: "error", 21: "fatal"}
_MINUTE_MS = 60_000


@click.group()
def policy() -> None:
    """What of healthy traffic is kept: check a policy file (docs/retention.md)."""


@policy.command()
@click.argument("file")
@pass_app
def check(app: CommandContext, *, file: str) -> int:
    """Checks a policy file, and says what it keeps. Exit status 2 where it is wrong, every mistake named with its line.

    FILE: the policy, in YAML.
    """
    found = read_policy_file(file)
    app.emit(found)
    for sentence in in_words(found, app.settings.retention_days):
        app.say(escape(sentence))
    return 0


def in_words(policy: Policy, retention_days: int) -> list[str]:
    """Returns what ``policy`` keeps, in sentences; ``retention_days`` is after how many days everything is deleted."""
    asked = policy.asked
    wanted = [*(f"the annotation {key}" for key in asked.annotations), *(f"the header {name}" for name in asked.headers),
              *(f"the correlation id {pattern}" for pattern in asked.correlation_ids)]  # fmt: skip
    failed = ("failed, plainly or behind a success", "lacks something", "has a stale id")
    always = [*failed, *_slow(policy), *(f"shows {what}" for what in wanted)]
    return [
        f"always whole: a transaction that {', '.join(always[:-1])} or {always[-1]}",
        *(f"{_percent(rule.keep)} of healthy transactions {_about(rule)}" for rule in policy.rules),
        f"{_percent(policy.keep)} of all other healthy transactions",
        f"nothing goes before {policy.grace_ms // _MINUTE_MS:,} minutes without a sign of life",
        *_days(policy.days, retention_days),
        f"everything else is deleted after {retention_days} days (TRACEJOIN_RETENTION_DAYS)",
    ]


def _slow(policy: Policy) -> list[str]:
    slow = policy.slow
    return [
        *([f"took longer than {slow.over_ms:,} ms"] if slow.over_ms else []),
        *([f"took longer than {slow.percentile:g} % of the last day's with the same entry"] if slow.percentile is not None else []),
    ]


def _about(rule: ShareRule) -> str:
    conditions = [
        *([f"that touch {' or '.join(rule.services)}"] if rule.services else []),
        *([f"with a line in {' or '.join(rule.log_groups)}"] if rule.log_groups else []),
        *([f"with a line at {_LEVELS[rule.level]} or above"] if rule.level else []),
    ]
    return " and ".join(conditions)


def _days(days: Days, retention_days: int) -> list[str]:
    named = {"log lines of healthy transactions": days.logs, "spans of healthy transactions": days.spans,
             "trace records of healthy transactions": days.traces, "log lines without a trace": days.untraced}  # fmt: skip
    late = " - which is no earlier than everything else"
    return [f"{what} are deleted after {number} days{late if number >= retention_days else ''}" for what, number in named.items() if number]


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"
