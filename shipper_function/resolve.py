"""The resolve function: traces settle. Hints come through SQS; a schedule runs the sweep, which finds what no hint told of.

What happens to a trace is in `pipeline.resolve.Resolver`: look up, merge, judge, write, bring its lines up to date.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from pipeline.configure import alert_topic_for, store_for, trace_source_for
from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.hint_queue import Hint
from pipeline.resolve import Resolution, Resolver
from pipeline.settings import Settings
from shipper_function.hint_batch import batch_response, put_aside, read_hints, send_again
from shipper_function.resolve_metrics import count

_LAST_MS = 20_000

# of several stacks each has metrics and alarms of its own
_NAME = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "tracejoin-resolve")

logger = Logger(service=_NAME)
metrics = Metrics(namespace="tracejoin", service=_NAME)
tracer = Tracer(service=_NAME)


@cache
def settings() -> Settings:
    """Read once per environment; a fault in them fails the first invocation, with every problem named."""
    return Settings.from_environment(os.environ)


@cache
def resolver() -> Resolver:
    """Made once per environment, so that its budget spans invocations."""
    retries = Config(retries={"total_max_attempts": 2})
    source = trace_source_for(settings(), lambda: boto3.client("xray", region_name=settings().region or None, config=retries))
    return Resolver(store=store_for(settings()), source=source, settings=settings(), topic=alert_topic_for(settings()))


def resolve_all(hints: Mapping[str, Hint]) -> dict[str, TracejoinError]:
    """Looks at the traces of all hints at once, since five traces share a call to X-Ray; returns what failed, by message id."""
    resolution = Resolution()
    try:
        resolver().resolve([id_ for hint in hints.values() for id_ in hint.trace_ids], total=resolution)
        send_again(resolution.unsettled, hints.values(), settings())
    except (BadInputError, UnavailableError) as error:
        if isinstance(error, BadInputError) and len(hints) > 1:  # only one of them is bad: its neighbours go on
            return {id_: why for one in hints for id_, why in resolve_all({one: hints[one]}).items()}
        logger.warning("these hints come again", extra={"hints": len(hints), "reason": str(error)})
        return dict.fromkeys(hints, error)
    finally:
        count(resolution, metrics, logger)
    return {}


@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Lambda's entry, for SQS and for the schedule."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    if "Records" not in event:
        metrics.add_metric("sweeps", MetricUnit.Count, 1)
        swept = resolver().sweep(min_age=settings().lookup_delays[0], go_on=lambda: context.get_remaining_time_in_millis() > _LAST_MS)
        return count(swept, metrics, logger)
    hints, refused = read_hints(event["Records"])
    for message_id, reason in refused.items():
        logger.warning("a message is no hint", extra={"messageId": message_id, "reason": reason})
    metrics.add_metric("bad_hints", MetricUnit.Count, len(refused))
    return batch_response(event, resolve_all(hints) | put_aside(event["Records"], refused, settings()))
