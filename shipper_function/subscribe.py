"""Subscribe: the Lambda function that gives log groups their filter when the stack or a log group is created, and by schedule.

When the stack is deleted, it takes the filters away.
"""

import os
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from pipeline.errors import UnavailableError
from pipeline.provision.subscriptions.log_groups import LogGroups, SubscriptionFilter
from pipeline.provision.subscriptions.selector import LogGroupSelector
from pipeline.provision.subscriptions.subscriber import Subscriber, SubscriptionResult
from shipper_function.custom_resource import is_custom_resource, respond, stack_status
from shipper_function.environment import function_name, settings

_LAST_MS = 20_000

_NAME = function_name("tracejoin-subscribe")

logger = Logger(service=_NAME)
metrics = Metrics(namespace="tracejoin", service=_NAME)


@cache
def log_groups() -> LogGroups:
    """The client of CloudWatch Logs, which slows down where it is throttled."""
    return LogGroups(boto3.client("logs", config=Config(retries={"mode": "adaptive", "total_max_attempts": 8})))


def reconcile(context: LambdaContext, only: str = "", *, a_round: bool = True) -> SubscriptionResult:
    """Subscribes the log groups that are wanted and removes other filters of ours.

    Args:
        context: Lambda's, for the time that is left.
        only: the name of the one log group to look at; empty for all.
        a_round: whether to stop where the stack is being deleted meanwhile.

    Raises UnavailableError where log groups can't be listed, MisconfiguredError where a permission is missing.
    """
    wanted = settings()
    selector = LogGroupSelector(wanted.log_groups, wanted.log_group_tag, frozenset({wanted.own_log_group, *wanted.excluded_log_groups}))
    ours = SubscriptionFilter(name=wanted.filter_name, destination_arn=wanted.ship_arn, pattern=wanted.filter_pattern)
    stays = (lambda: not stack_status(wanted.stack_id).startswith("DELETE")) if a_round and wanted.stack_id else (lambda: True)
    return Subscriber(log_groups(), selector, ours, go_on=lambda: _has_time(context), may_begin=stays).reconcile(only)


def remove_all(context: LambdaContext) -> SubscriptionResult:
    """Removes every filter of ours, whatever else is wrong with the settings. Raises UnavailableError where some are left."""
    ours = SubscriptionFilter(name=os.environ["TRACEJOIN_FILTER_NAME"], destination_arn="")
    result = Subscriber(log_groups(), LogGroupSelector(()), ours, go_on=lambda: _has_time(context)).remove_all()
    if result.left or result.refused:
        reason = f"; {result.refused[0].log_group}: {result.refused[0].reason}" if result.refused else ""
        raise UnavailableError(
            f"{result.left + len(result.refused)} log groups may still be subscribed: delete the stack once more{reason}"
        )
    return result


def _has_time(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() > _LAST_MS


def report(result: SubscriptionResult) -> dict[str, int]:
    """Logs and counts the numbers of log groups in ``result``, and returns them by name."""
    numbers = {"subscribed": result.subscribed, "removed": result.removed, "unchanged": result.unchanged, "left": result.left,
               "refused": len(result.refused)}  # fmt: skip
    for name, number in numbers.items():
        metrics.add_metric(f"log_groups_{name}", MetricUnit.Count, number)
    for refusal in result.refused:
        logger.warning("a log group can't be subscribed", extra={"logGroup": refusal.log_group, "reason": refusal.reason})
    logger.info("log groups are in line", extra=numbers)
    return numbers


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handles a request of the custom resource, CloudTrail's event of a new log group, or the schedule's event."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    if is_custom_resource(event):
        return respond(
            event, logger, lambda request, _: report(remove_all(context) if request == "Delete" else reconcile(context, a_round=False))
        )
    if event.get("source") == "aws.logs":
        # a refused call has no parameters
        name = ((event.get("detail") or {}).get("requestParameters") or {}).get("logGroupName")
        return report(reconcile(context, name) if name else SubscriptionResult())
    return report(reconcile(context))
