"""The subscribe function: log groups get their filter when the stack comes, when they come, and by the clock; they lose it when it goes."""

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
from pipeline.settings import Settings
from shipper_function.custom_resource import is_custom_resource, respond, stack_status

_LAST_MS = 20_000

# of several stacks each has metrics and alarms of its own
_NAME = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "tracejoin-subscribe")

logger = Logger(service=_NAME)
metrics = Metrics(namespace="tracejoin", service=_NAME)


@cache
def settings() -> Settings:
    """Read once per environment; a fault in them fails the first invocation, with every problem named."""
    return Settings.from_environment(os.environ)


@cache
def log_groups() -> LogGroups:
    """CloudWatch Logs, asked slower where it throttles."""
    return LogGroups(boto3.client("logs", config=Config(retries={"mode": "adaptive", "total_max_attempts": 8})))


def reconcile(context: LambdaContext, only: str = "", *, a_round: bool = True) -> SubscriptionResult:
    """Brings all log groups in line, or ``only`` the one of this name; ``a_round`` stops where the stack goes meanwhile."""
    wanted = settings()
    choice = LogGroupSelector(wanted.log_groups, wanted.log_group_tag, frozenset({wanted.own_log_group, *wanted.excluded_log_groups}))
    ours = SubscriptionFilter(name=wanted.filter_name, destination_arn=wanted.ship_arn, pattern=wanted.filter_pattern)
    stays = (lambda: not stack_status(wanted.stack_id).startswith("DELETE")) if a_round and wanted.stack_id else (lambda: True)
    return Subscriber(log_groups(), choice, ours, go_on=lambda: _has_time(context), may_begin=stays).bring(only)


def remove_all(context: LambdaContext) -> SubscriptionResult:
    """Takes every filter of ours away, whatever else is wrong with the settings. Raises UnavailableError where some are left."""
    ours = SubscriptionFilter(name=os.environ["TRACEJOIN_FILTER_NAME"], destination_arn="")
    outcome = Subscriber(log_groups(), LogGroupSelector(()), ours, go_on=lambda: _has_time(context)).remove()
    if outcome.left or outcome.refused:
        reason = f"; {outcome.refused[0].log_group}: {outcome.refused[0].reason}" if outcome.refused else ""
        raise UnavailableError(
            f"{outcome.left + len(outcome.refused)} log groups may still be subscribed: delete the stack once more{reason}"
        )
    return outcome


def _has_time(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() > _LAST_MS


def report(outcome: SubscriptionResult) -> dict[str, int]:
    """The numbers of a run, logged and counted."""
    numbers = {"subscribed": outcome.subscribed, "removed": outcome.removed, "unchanged": outcome.unchanged, "left": outcome.left,
               "refused": len(outcome.refused)}  # fmt: skip
    for name, number in numbers.items():
        metrics.add_metric(f"log_groups_{name}", MetricUnit.Count, number)
    for refusal in outcome.refused:
        logger.warning("a log group can't be subscribed", extra={"logGroup": refusal.log_group, "reason": refusal.reason})
    logger.info("log groups are in line", extra=numbers)
    return numbers


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lambda's entry, for the custom resource, for CloudTrail's word of a new log group, and for the schedule."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    if is_custom_resource(event):
        return respond(
            event, logger, lambda request, _: report(remove_all(context) if request == "Delete" else reconcile(context, a_round=False))
        )
    if event.get("source") == "aws.logs":
        # a call that was refused has no parameters
        name = ((event.get("detail") or {}).get("requestParameters") or {}).get("logGroupName")
        return report(reconcile(context, name) if name else SubscriptionResult())
    return report(reconcile(context))
