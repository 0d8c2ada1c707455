"""Resolve: the Lambda function that settles traces. Hints come through SQS; a schedule runs the sweep, which finds what no hint named.

`pipeline.resolve.Resolver` does the work: look up, merge, evaluate, write, bring the lines up to date.
"""

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
from shipper_function.environment import function_name, settings
from shipper_function.hint_batch import batch_response, put_aside, read_hints, send_again
from shipper_function.resolve_metrics import count

_LAST_MS = 20_000

_NAME = function_name("tracejoin-resolve")

logger = Logger(service=_NAME)
metrics = Metrics(namespace="tracejoin", service=_NAME)
tracer = Tracer(service=_NAME)


@cache
def resolver() -> Resolver:
    """The Resolver, made once per Lambda environment, so that its budget of calls spans invocations."""
    retries = Config(retries={"total_max_attempts": 2})
    source = trace_source_for(settings(), lambda: boto3.client("xray", region_name=settings().region or None, config=retries))
    return Resolver(store=store_for(settings()), source=source, settings=settings(), topic=alert_topic_for(settings()))


def resolve_all(hints: Mapping[str, Hint]) -> dict[str, TracejoinError]:
    """Resolves the traces of all hints at once, since five traces share a call to X-Ray; returns the failures by message id."""
    resolution = Resolution()
    try:
        resolver().resolve([id_ for hint in hints.values() for id_ in hint.trace_ids], total=resolution)
        send_again(resolution.unsettled, hints.values(), settings())
    except (BadInputError, UnavailableError) as error:
        if isinstance(error, BadInputError) and len(hints) > 1:  # only one of them is bad: each is resolved alone
            return {id_: failure for each in hints for id_, failure in resolve_all({each: hints[each]}).items()}
        logger.warning("these hints come again", extra={"hints": len(hints), "reason": str(error)})
        return dict.fromkeys(hints, error)
    finally:
        count(resolution, metrics, logger)
    return {}


@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Resolves the hints of an SQS event, or sweeps for any other event; returns a partial batch response, or None for a sweep."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    if "Records" not in event:
        metrics.add_metric("sweeps", MetricUnit.Count, 1)
        swept = resolver().sweep(min_age=settings().lookup_delays[0], go_on=lambda: context.get_remaining_time_in_millis() > _LAST_MS)
        return count(swept, metrics, logger)
    hints, unreadable = read_hints(event["Records"])
    for message_id, reason in unreadable.items():
        logger.warning("a message is no hint", extra={"messageId": message_id, "reason": reason})
    metrics.add_metric("bad_hints", MetricUnit.Count, len(unreadable))
    return batch_response(event, resolve_all(hints) | put_aside(event["Records"], unreadable, settings()))
