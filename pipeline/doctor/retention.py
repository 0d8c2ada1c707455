"""Retention: checks that log groups and OpenSearch keep logs as long as the stack's setting says."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from pipeline.doctor.account import Account
from pipeline.doctor.check import Check
from pipeline.doctor.check_result import CheckResult, fine, problem, warning
from pipeline.doctor.collect.opensearch import read_policy_days
from pipeline.doctor.shell_commands import aws, is_serverless, setup
from pipeline.provision.subscriptions.log_groups import LogGroup
from pipeline.settings import Settings
from pipeline.store.serverless import ServerlessStore


def never(region: str, groups: Sequence[LogGroup], days: int) -> Iterator[CheckResult]:
    """Warns of shipped log groups whose events never expire; ``days`` is the retention of the remedy."""
    for group in groups:
        if not group.retention_days:
            message = "it is shipped, and keeps its events in CloudWatch for ever, which is paid for by the month"
            yield warning(group.name, message, _retain(region, group.name, days))


def own(region: str, groups: Mapping[str, LogGroup], names: Collection[str], days: int) -> Iterator[CheckResult]:
    """Reports log groups of the stack's functions that are missing or have another retention than ``days``."""
    for name in sorted(names):
        if name not in groups:
            yield problem(name, "the log group of a function of the stack is missing, and its role may not make one",
                          aws(region, "logs", "create-log-group", "--log-group-name", name))  # fmt: skip
        elif groups[name].retention_days != days:
            kept = f"{groups[name].retention_days} days" if groups[name].retention_days else "for ever"
            message = f"it is kept {kept}, while the stack's documents are kept {days} days (TRACEJOIN_RETENTION_DAYS)"
            yield warning(name, message, _retain(region, name, days))


def policy(days: int | None, settings: Settings, endpoint: str) -> Iterator[CheckResult]:
    """Warns where OpenSearch's lifecycle policy is missing or ``days``, its retention, is not the stack's."""
    name = f"{settings.prefix}-retention"
    if days is None:
        message = "OpenSearch has no lifecycle policy of this name, so without Index State Management the sweep deletes old days"
        yield warning(name, message, f"Install it where it can be: {setup(endpoint, settings)}")
    elif days != settings.retention_days:
        message = f"OpenSearch deletes daily indices after {days} days, the stack's retention is {settings.retention_days} days"
        yield warning(name, message, setup(endpoint, settings))


def _retain(region: str, name: str, days: int) -> str:
    return aws(region, "logs", "put-retention-policy", "--log-group-name", name, "--retention-in-days", str(days))


def _look_policy(it: Account) -> Iterator[CheckResult]:
    endpoint = it.open_store().endpoint
    if is_serverless(endpoint):
        yield fine(endpoint, ServerlessStore.capabilities.absent["policy"])
        return
    yield from policy(read_policy_days(it.store()), it.settings(), endpoint)


CHECKS: Final = (
    Check("retention-groups", "Every log group that is shipped expires its events.",
          lambda it: never(it.region, it.subscriptions().subscribed(), it.settings().retention_days)),
    Check("retention-stack", "The stack's own log groups are kept as long as its documents.",
          lambda it: own(it.region, it.log_groups(), it.own_groups(), it.settings().retention_days)),
    Check("retention-opensearch", "OpenSearch deletes daily indices after the stack's retention.", _look_policy),
)  # fmt: skip
