"""Subscriptions: checks that the log groups that the stack wants reach ship."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from pipeline.doctor.account import MOST_CALLS
from pipeline.doctor.check import Check
from pipeline.doctor.check_result import CheckResult, problem, unknown, warning
from pipeline.doctor.resources import Permission, Stack
from pipeline.doctor.shell_commands import aws
from pipeline.doctor.subscription_state import LARGEST_FILTERS, Selection, Subscriptions
from pipeline.provision.subscriptions.log_groups import LogGroup, SubscriptionFilter


def missing(stack: Stack, selection: Selection, wanted: Sequence[LogGroup], found: Subscriptions) -> Iterator[CheckResult]:
    """Reports wanted log groups that don't reach ship, though they have room for its filter."""
    reached = {group.name for group in found.subscribed()}
    for group in wanted:
        filters = found.filters.get(group.name)
        # another check reports a filter of our name that points elsewhere
        if group.name in reached or filters is None or not group.subscribable or _full(filters) or _ours(selection, filters):
            continue
        yield problem(
            group.name, "the stack wants this log group, and it has no subscription filter to ship", _put(stack, selection, group.name)
        )
    unread = [group for group in wanted if group.name in set(found.unread)]
    if unread:
        message = f"{len(unread)} log groups that the stack wants were not looked at: {MOST_CALLS} are asked for their filters at most"
        yield unknown(unread[0].name, message, _describe(stack, unread[0].name))


def full(stack: Stack, wanted: Sequence[LogGroup], found: Subscriptions) -> Iterator[CheckResult]:
    """Reports wanted log groups that have no room for a filter to ship."""
    reached = {group.name for group in found.subscribed()}
    for group in wanted:
        filters = found.filters.get(group.name, ())
        if group.name not in reached and _full(filters):
            names = " and ".join(each.name for each in filters)
            message = f"its two subscription filters, {names}, are somebody else's, and CloudWatch Logs takes no third"
            remedy = f"Find out which of them is still needed, and delete the other: {_describe(stack, group.name)}"
            yield problem(group.name, message, remedy)


def targets(stack: Stack, selection: Selection, wanted: Sequence[LogGroup], found: Subscriptions) -> Iterator[CheckResult]:
    """Reports filters of the stack's name whose destination is not ship, such as a function of a deleted stack."""
    wants = {group.name for group in wanted}
    for name, filters in found.filters.items():
        for each in filters:
            if each.name != selection.filter_name or stack.is_ship(each.destination_arn):
                continue
            message = f"its filter {each.name} points at {each.destination_arn}, which is not this stack's ship"
            delete = aws(stack.region, "logs", "delete-subscription-filter", "--log-group-name", name, "--filter-name", each.name)
            yield problem(name, message, _put(stack, selection, name) if name in wants else delete)


def classes(stack: Stack, wanted: Sequence[LogGroup]) -> Iterator[CheckResult]:
    """Warns of wanted log groups whose class has no subscriptions."""
    for group in wanted:
        if not group.subscribable:
            message = f"the stack wants this log group, and its class {group.log_class} has no subscriptions; a class can't be changed"
            remedy = (
                f"Have its function log to a new log group of class STANDARD, or leave it out with !{group.name} in the stack's parameter:"
                f" {aws(stack.region, 'cloudformation', 'describe-stacks', '--stack-name', stack.name)}"
            )
            yield warning(group.name, message, remedy)


def permissions(stack: Stack, given: Sequence[Permission], found: Subscriptions) -> Iterator[CheckResult]:
    """Reports where ship's resource policy does not let CloudWatch Logs invoke it for a subscribed log group."""
    ship = stack.id_of("ShipFunction")
    groups = [group.name for group in found.subscribed()]
    shut_out = [name for name in groups if not any(_lets_in(stack, permission, name) for permission in given)]
    any_log = any(_is_logs(permission) for permission in given)
    if not shut_out and (groups or any_log):
        return
    source = ["--source-account", stack.account, "--source-arn", f"{stack.log_group_arn('*')}:*"]
    remedy = aws(stack.region, "lambda", "add-permission", "--function-name", ship, "--statement-id", "cloudwatch-logs",
                 "--action", "lambda:InvokeFunction", "--principal", "logs.amazonaws.com", *source)  # fmt: skip
    if shut_out:
        more = f" and {len(shut_out) - 1} more" if len(shut_out) > 1 else ""
        yield problem(ship, f"its resource policy does not let logs.amazonaws.com invoke it for {shut_out[0]}{more}", remedy)
    else:
        yield problem(ship, "its resource policy does not let logs.amazonaws.com invoke it at all", remedy)


def _is_logs(permission: Permission) -> bool:
    # the regional name is valid, too (AWS Lambda developer guide, "Using Lambda with CloudWatch Logs")
    return permission.service == "logs.amazonaws.com" or (permission.service.startswith("logs.") and ".amazonaws.com" in permission.service)


def _lets_in(stack: Stack, permission: Permission, name: str) -> bool:
    if not _is_logs(permission) or permission.source_account not in {"", stack.account}:
        return False
    # CloudWatch Logs passes the source ARN with the `:*` at the end
    return not permission.source_arn or fnmatchcase(f"{stack.log_group_arn(name)}:*", permission.source_arn)


def _ours(selection: Selection, filters: Sequence[SubscriptionFilter]) -> bool:
    return any(each.name == selection.filter_name for each in filters)


def _full(filters: Sequence[SubscriptionFilter]) -> bool:
    return len(filters) >= LARGEST_FILTERS


def _describe(stack: Stack, name: str) -> str:
    return aws(stack.region, "logs", "describe-subscription-filters", "--log-group-name", name)


def _put(stack: Stack, selection: Selection, name: str) -> str:
    return aws(stack.region, "logs", "put-subscription-filter", "--log-group-name", name, "--filter-name", selection.filter_name,
               "--filter-pattern", selection.filter_pattern, "--destination-arn", stack.ship_arn)  # fmt: skip


CHECKS: Final = (
    Check("subscription-missing", "Every log group that the stack wants has its subscription filter to ship.",
          lambda it: missing(it.stack(), it.selection(), it.wanted(), it.subscriptions())),
    Check("subscription-full", "No log group that the stack wants has its two filters used up by others.",
          lambda it: full(it.stack(), it.wanted(), it.subscriptions())),
    Check("subscription-target", "Every filter of the stack's name points at its ship.",
          lambda it: targets(it.stack(), it.selection(), it.wanted(), it.subscriptions())),
    Check("subscription-class", "Every log group that the stack wants is of a class that can be subscribed.",
          lambda it: classes(it.stack(), it.wanted())),
    Check("subscription-permission", "CloudWatch Logs may invoke ship for every log group that sends to it.",
          lambda it: permissions(it.stack(), it.ship_permissions(), it.subscriptions())),
)  # fmt: skip
