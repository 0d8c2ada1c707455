"""Ship: the Lambda function that turns events of CloudWatch Logs into OpenSearch documents. It never calls X-Ray.

`pipeline.ship.ship` does the work: decode, extract, correlate, address, write. This module counts, and sends `resolve` the trace ids to
look up, through a delayed queue. If anything may still succeed later, the invocation fails, so that Lambda delivers the whole event
again. That is safe, since every document's id follows from the event. Somebody's order {"tracejoin": "replay"} is carried out by
`shipper_function.replay`.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pipeline.configure import store_for
from pipeline.ship import Ledger, Shipment, ship
from pipeline.store.client import Store
from pipeline.store.held_lines import HeldLines
from shipper_function.environment import function_name, settings
from shipper_function.firehose import is_firehose, unchanged_records
from shipper_function.stale_id_metric import count_stale

_NAME = function_name("tracejoin-ship")
_MOST_NAMED = 10
_LONGEST_ACCOUNT = 12

logger = Logger(service=_NAME)
metrics = Metrics(namespace="tracejoin", service=_NAME)


@cache
def store() -> Store:
    """The connection to OpenSearch, kept between invocations."""
    return store_for(settings())


def ask_for_sweep() -> None:
    """Asks for a sweep in some minutes, where none runs by a schedule. Raises UnavailableError."""
    if settings().sweep_queue_url:
        # imported here: a cold start does not wait for boto3
        from shipper_function import queues  # noqa: PLC0415

        queues.ask_for_sweep(settings())


def send_hints(trace_ids: tuple[str, ...], lines: HeldLines | None) -> None:
    """Sends these trace ids to `resolve`, with their lines, delayed by the first look-up delay. Raises UnavailableError."""
    if not trace_ids or not settings().queue_url:
        return
    # imported here: a cold start does not wait for boto3
    from shipper_function.queues import queue  # noqa: PLC0415

    queue(settings()).send(trace_ids, attempt=0, delay=settings().lookup_delays[0], lines=lines)


def count(ledger: Ledger, stale: Mapping[str, int]) -> None:
    """Counts each number of ``ledger``, and the ``stale`` lines by function, as CloudWatch metrics."""
    count_stale(stale)
    for name in ledger.__struct_fields__:
        metrics.add_metric(name, MetricUnit.Count, getattr(ledger, name))
    # for the alarm: events that could not be indexed, and records that could not be read
    metrics.add_metric("dead_letters", MetricUnit.Count, ledger.dead_lettered + ledger.bad_envelopes)


def report_foreign(events: Mapping[str, int]) -> None:
    """Counts the log events of accounts that are not allowed, and names these accounts once; ``events`` are numbers by account."""
    if not events:
        return
    metrics.add_metric("foreign_events", MetricUnit.Count, sum(events.values()))
    accounts = [account[:_LONGEST_ACCOUNT] for account in islice(events, _MOST_NAMED)]
    logger.warning("events of accounts that are not allowed are left out; AllowedAccounts takes further ones",
                   extra={"events": sum(events.values()), "accounts": accounts, "accountsInAll": len(events)})  # fmt: skip


def send_again(order: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Ships parked events and dead letters once more, as ``order`` says, and returns the ledger of them."""
    # imported here: a cold start does not wait for what is hardly ever asked for
    from shipper_function.replay import replay  # noqa: PLC0415

    stale: Counter[str] = Counter()
    foreign: Counter[str] = Counter()

    def shipped(shipment: Shipment) -> None:
        send_hints(shipment.unsettled, shipment.lines)
        stale.update(shipment.stale)
        foreign.update(shipment.foreign)

    ask_for_sweep()
    ledger, answer = replay(order, context, store=store(), settings=settings(), shipped=shipped, logger=logger)
    if not ledger.dry_run:
        count(ledger.events, stale)
        report_foreign(foreign)
        metrics.add_metric("replayed", MetricUnit.Count, ledger.replayed)
        metrics.add_metric("replay_kept", MetricUnit.Count, ledger.kept + ledger.unreadable)
    return answer


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Ships one event of CloudWatch Logs, Kinesis or Firehose, and returns its ledger; for Firehose its records. It takes orders, too."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    if "tracejoin" in event:
        return send_again(event, context)
    shipment = ship(event, store=store(), settings=settings(), remaining=lambda: context.get_remaining_time_in_millis() / 1000,
                    before=ask_for_sweep)  # fmt: skip
    count(shipment.ledger, shipment.stale)
    report_foreign(shipment.foreign)
    send_hints(shipment.unsettled, shipment.lines)
    if shipment.ledger.dead_lettered or shipment.ledger.bad_envelopes:
        logger.warning("some events went to the dead letters", extra={"deadLettered": shipment.ledger.dead_lettered,
                                                                      "badEnvelopes": shipment.ledger.bad_envelopes})  # fmt: skip
    if is_firehose(event):
        return unchanged_records(event)
    return {name: getattr(shipment.ledger, name) for name in shipment.ledger.__struct_fields__}
