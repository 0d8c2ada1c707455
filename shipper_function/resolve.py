"""The resolve function: traces settle. Hints come through SQS; a schedule runs the sweep, which finds what no hint told of.

What happens to a trace is in `pipeline.resolve.Resolver`: look up, merge, judge, write, bring its lines up to date.
"""

import os
from collections.abc import Collection
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from pipeline.errors import UnavailableError
from pipeline.opensearch import connect
from pipeline.resolve import Resolution, Resolver
from pipeline.settings import Settings
from pipeline.sqs import Hint
from pipeline.xray import BatchGetTraces, Budget
from shipper_function.queue import queue, read_hints, send_again

logger = Logger(service="tracejoin-resolve")
metrics = Metrics(namespace="tracejoin", service="resolve")
tracer = Tracer(service="tracejoin-resolve")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@cache
def settings() -> Settings:
    """Read once per environment; a fault in them fails the first invocation, with every problem named."""
    return Settings.from_environment(os.environ)


@cache
def resolver() -> Resolver:
    """Made once per environment, so that its budget spans invocations."""
    client = boto3.client("xray", region_name=settings().region or None, config=Config(retries={"total_max_attempts": 2}))
    source = BatchGetTraces(client, Budget(settings().lookups_per_minute))
    return Resolver(store=connect(settings()), source=source, settings=settings())


def count(resolution: Resolution) -> None:
    """CloudWatch metrics of one run."""
    metrics.add_metric("traces_settled", MetricUnit.Count, resolution.settled)
    metrics.add_metric("xray_calls", MetricUnit.Count, resolution.calls)
    metrics.add_metric("lookups_put_off", MetricUnit.Count, resolution.put_off)
    metrics.add_metric("hidden_faults", MetricUnit.Count, resolution.hidden_faults)


def resolve_batch(hints: Collection[Hint]) -> UnavailableError | None:
    """Looks at the traces of all hints at once, since five traces share a call to X-Ray; returns why they must come again."""
    try:
        resolution = resolver().resolve([id_ for hint in hints for id_ in hint.trace_ids])
        send_again(resolution.unsettled, hints, settings())
    except UnavailableError as error:
        logger.error("these hints come again", extra={"reason": str(error), "hints": len(hints)})
        return error
    count(resolution)
    return None


@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Lambda's entry, for SQS and for the schedule."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    if "Records" not in event:
        return count(resolver().sweep(min_age=settings().lookup_delays[0]))
    hints, refused = read_hints(event["Records"])
    for message_id, reason in refused.items():
        logger.warning("a message is no hint", extra={"messageId": message_id, "reason": reason})
    metrics.add_metric("bad_hints", MetricUnit.Count, len(refused))
    failure = resolve_batch(hints.values())

    def outcome(record: SQSRecord) -> None:
        # what is no hint is acknowledged: it will never be one, and would come back for ever
        if failure and record.message_id in hints:
            raise failure

    return process_partial_response(event=event, record_handler=outcome, processor=processor, context=context)
