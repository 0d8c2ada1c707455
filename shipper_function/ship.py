"""The ship function: CloudWatch Logs in, OpenSearch documents out. It never calls X-Ray.

What happens to a log line is in `pipeline.ship.ship`: unpack, extract, attribute, address, index. What is left to do here is to
count, and to tell `resolve`, through a delayed queue, which traces it should look at. If anything could still succeed later,
the invocation fails, so that Lambda delivers the whole event again: that is safe, since every document's id follows from the event.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pipeline.configure import store_for
from pipeline.settings import Settings
from pipeline.ship import Ledger, ship
from pipeline.store.client import Store
from shipper_function.firehose import handed_on, is_firehose
from shipper_function.stale_id_metric import count_stale

# of several stacks each has metrics and alarms of its own
_NAME = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "tracejoin-ship")

logger = Logger(service=_NAME)
metrics = Metrics(namespace="tracejoin", service=_NAME)


@cache
def settings() -> Settings:
    """Read once per environment; a fault in them fails the first invocation, with every problem named."""
    return Settings.from_environment(os.environ)


@cache
def store() -> Store:
    """OpenSearch; the connection is kept between invocations."""
    return store_for(settings())


def send_hints(trace_ids: tuple[str, ...]) -> None:
    """Tells `resolve` to look at these traces, once X-Ray has had time to see them."""
    if not trace_ids or not settings().queue_url:
        return
    # imported here: most invocations of a warm function need it, a cold start should not wait for it
    from shipper_function.queues import queue  # noqa: PLC0415

    queue(settings()).send(trace_ids, attempt=0, delay=settings().lookup_delays[0])


def count(ledger: Ledger, stale: Mapping[str, int]) -> None:
    """One CloudWatch metric for each way that a log event can go, and one for each function that logs stale trace ids."""
    count_stale(stale)
    for name in ledger.__struct_fields__:
        metrics.add_metric(name, MetricUnit.Count, getattr(ledger, name))
    # one for the alarm: an event that could not be indexed, or a record that could not even be read
    metrics.add_metric("dead_letters", MetricUnit.Count, ledger.dead_lettered + ledger.bad_envelopes)


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lambda's entry, for CloudWatch Logs, Kinesis and Firehose."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    shipment = ship(event, store=store(), settings=settings(), remaining=lambda: context.get_remaining_time_in_millis() / 1000)
    count(shipment.ledger, shipment.stale)
    send_hints(shipment.unsettled)
    if shipment.ledger.dead_lettered or shipment.ledger.bad_envelopes:
        logger.warning("some events went to the dead letters", extra={"deadLettered": shipment.ledger.dead_lettered,
                                                                      "badEnvelopes": shipment.ledger.bad_envelopes})  # fmt: skip
    if is_firehose(event):
        return handed_on(event)
    return {name: getattr(shipment.ledger, name) for name in shipment.ledger.__struct_fields__}
