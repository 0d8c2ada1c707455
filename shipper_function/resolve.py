"""The resolve function: traces settle. Hints come through SQS; a schedule runs the sweep, which finds what no hint told of.

What happens to a trace is in `pipeline.resolve.Resolver`: look up, merge, judge, write, bring its lines up to date.
"""

import os
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from pipeline.errors import BadInputError
from pipeline.opensearch import connect
from pipeline.resolve import Resolution, Resolver
from pipeline.settings import Settings
from pipeline.sqs import read_hint
from pipeline.xray import BatchGetTraces, Budget
from shipper_function.queue import queue

logger = Logger(service="tracejoin-resolve")
metrics = Metrics(namespace="tracejoin", service="resolve")
tracer = Tracer(service="tracejoin-resolve")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@cache
def settings() -> Settings:
    """Read once per environment."""
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


def resolve_hint(record: SQSRecord) -> None:
    """One message: looks at its traces, and asks to come back to those that are not settled yet, after a longer delay."""
    try:
        hint = read_hint(record.body)
    except BadInputError as error:
        # it will never be a hint: acknowledged, or it would come back for ever
        logger.warning(str(error))
        metrics.add_metric("bad_hints", MetricUnit.Count, 1)
        return
    resolution = resolver().resolve(hint.trace_ids)
    count(resolution)
    attempt = hint.attempt + 1
    if resolution.unsettled and attempt < len(settings().lookup_delays):
        queue(settings()).send(resolution.unsettled, attempt=attempt, delay=settings().lookup_delays[attempt])


@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Lambda's entry, for SQS and for the schedule."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    if "Records" not in event:
        count(resolver().sweep(min_age=settings().lookup_delays[0]))
        return None
    return process_partial_response(event=event, record_handler=resolve_hint, processor=processor, context=context)
