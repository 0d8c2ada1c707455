"""Log loops: checks that no pipeline ships its own logs."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from pipeline.doctor.check import Check
from pipeline.doctor.check_result import CheckResult, problem
from pipeline.doctor.resources import Stack
from pipeline.doctor.shell_commands import aws
from pipeline.doctor.subscription_state import AccountPolicy, Subscriptions


def filters_to_ship(stack: Stack, groups: Collection[str], found: Subscriptions, whose: str) -> Iterator[CheckResult]:
    """Reports log groups of a pipeline that have a filter to ship; ``whose`` names the stack in the message."""
    for name in sorted(groups):
        for each in found.filters.get(name, ()):
            if stack.is_ship(each.destination_arn):
                message = f"this log group of {whose} sends to ship by its filter {each.name}: what is shipped is logged, and shipped again"
                delete = aws(stack.region, "logs", "delete-subscription-filter", "--log-group-name", name, "--filter-name", each.name)
                yield problem(name, message, delete)


def account_policies(stack: Stack, groups: Collection[str], policies: Sequence[AccountPolicy]) -> Iterator[CheckResult]:
    """Reports account-level policies to ship that do not leave out the pipeline's own log groups."""
    for policy in policies:
        let_in = sorted(set(groups) - policy.left_out)
        if not stack.is_ship(policy.destination) or not let_in:
            continue
        named = ", ".join(f'"{name}"' for name in sorted(policy.left_out | set(groups)))
        message = f"this account-level subscription policy sends every log group to ship, and does not leave out {', '.join(let_in)}"
        words = ["--policy-name", policy.name, "--policy-type", "SUBSCRIPTION_FILTER_POLICY", "--policy-document", policy.document]
        remedy = aws(stack.region, "logs", "put-account-policy", *words, "--selection-criteria", f"LogGroupName NOT IN [{named}]")
        yield problem(policy.name, message, remedy)


CHECKS: Final = (
    Check("loop-own", "No log group of the stack's own functions sends to ship.",
          lambda it: filters_to_ship(it.stack(), it.own_groups(), it.subscriptions(), "the stack's own function")),
    Check("loop-other", "No log group of another tracejoin stack sends to ship.",
          lambda it: filters_to_ship(it.stack(), it.other_groups(), it.subscriptions(), "another tracejoin stack")),
    Check("loop-policy", "No account-level subscription policy sends the pipeline's own log groups to ship.",
          lambda it: account_policies(it.stack(), it.own_groups() | it.other_groups(), it.policies())),
)  # fmt: skip
