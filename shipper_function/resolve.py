"""Resolve: the Lambda function that settles traces. Hints come through SQS; the sweep finds what no hint named.

A schedule runs it every few minutes, or once a day, and in between who leaves work asks for it (`pipeline.sweep_queue`).

`pipeline.resolve.Resolver` does the work: look up, merge, evaluate, write, bring the lines up to date.
"""

from collections.abc import Callable, Mapping
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
from pipeline.join.held_traces import HeldTraces
from pipeline.resolution import Resolution
from pipeline.resolve import Resolver
from shipper_function.deadline import TimeIsUp, deadline
from shipper_function.environment import function_name, settings
from shipper_function.hint_batch import (
    batch_response,
    batches_of,
    came_again,
    hand_on,
    put_aside,
    read_hints,
    send_again,
)
from shipper_function.queues import ask_for_next_sweep, ask_for_sweep, sweeps
from shipper_function.resolve_metrics import count

# milliseconds before Lambda's limit: of the last beginning of a sweep's group, of a batch of hints, and of the end of all work on hints
_LAST_GROUP_MS = 20_000
_LAST_BATCH_MS = 25_000
_END_MS = 8_000

_NAME = function_name("tracejoin-resolve")

logger = Logger(service=_NAME)
metrics = Metrics(namespace="tracejoin", service=_NAME)
tracer = Tracer(service=_NAME)


@cache
def resolver() -> Resolver:
    """The Resolver, made once per Lambda environment, so that its budget of calls spans invocations."""
    # a look-up that fails is put off, and must leave time for the rest
    config = Config(retries={"total_max_attempts": 2}, connect_timeout=1, read_timeout=8)
    source = trace_source_for(settings(), lambda: boto3.client("xray", region_name=settings().region or None, config=config), config)
    return Resolver(store=store_for(settings()), source=source, settings=settings(), topic=alert_topic_for(settings()))


def resolve_all(hints: Mapping[str, Hint], again: frozenset[str], remaining: Callable[[], float]) -> dict[str, TracejoinError]:
    """Resolves the traces of these hints while there is time, and sends on what is left; returns the failures by message id.

    Args:
        hints: by message id.
        again: the ids of messages that SQS delivers once more; each is resolved alone, after the others, since one may be why all failed.
        remaining: returns Lambda's remaining milliseconds.
    """
    total = Resolution()
    failures: dict[str, TracejoinError] = {}
    waiting = batches_of({id_: hint for id_, hint in hints.items() if not hint.is_too_large}, again)
    try:
        with deadline((remaining() - _END_MS) / 1000):
            for number, batch in enumerate(tuple(waiting)):
                # the first one always, so that no limit of time keeps all from ever being done
                if number and remaining() <= _LAST_BATCH_MS:
                    break
                failures |= resolve_batch({id_: hints[id_] for id_ in batch}, total)
                waiting.pop(0)
    except TimeIsUp:
        late = waiting.pop(0) if waiting else ()
        failures |= dict.fromkeys(late, UnavailableError("the time was up before all of it was resolved"))
    except UnavailableError as error:
        failures |= dict.fromkeys((id_ for batch in waiting for id_ in batch), error)
        waiting.clear()
    finally:
        count(total, metrics, logger)
    rest = {id_: hints[id_] for batch in waiting for id_ in batch}
    failures |= _sent({id_: hint for id_, hint in hints.items() if id_ not in failures}, total, rest)
    for reason in dict.fromkeys(map(str, failures.values())):
        logger.warning("these hints come again", extra={"hints": len(failures), "reason": reason})
    return failures


def resolve_batch(hints: Mapping[str, Hint], total: Resolution) -> dict[str, TracejoinError]:
    """Resolves the traces of these hints at once, since five traces share a call to X-Ray; returns the failures by message id.

    Raises UnavailableError where OpenSearch is away.
    """
    try:
        held = HeldTraces((hint.trace_ids, hint.lines) for hint in hints.values())
        resolver().resolve([id_ for hint in hints.values() for id_ in hint.trace_ids], total=total, held=held)
    except BadInputError as error:
        if len(hints) == 1:
            return dict.fromkeys(hints, error)
        # only one of them is bad: each is resolved alone
        return {id_: failure for each in hints for id_, failure in resolve_batch({each: hints[each]}, total).items()}
    return {}


def _sent(done: Mapping[str, Hint], total: Resolution, rest: Mapping[str, Hint]) -> dict[str, TracejoinError]:
    """Sends hints of what is to be looked at again, of the ``rest`` that there was no time for, and of what is too large, in parts."""
    parts = {id_: hint for id_, hint in done.items() if id_ in rest or hint.is_too_large}
    resolved = {id_: hint for id_, hint in done.items() if id_ not in parts}
    failures: dict[str, TracejoinError] = {}
    try:
        failures |= hand_on(parts, settings())
        metrics.add_metric("hints_handed_on", MetricUnit.Count, len(parts) - len(failures))
        if resolved:
            send_again(total.unsettled, resolved.values(), settings())
    except UnavailableError as error:
        failures |= dict.fromkeys(resolved, error)
    return failures


def sweep(remaining: Callable[[], float], left: int = 0) -> None:
    """Sweeps, and asks for the next one where this one leaves work.

    Args:
        remaining: returns Lambda's remaining milliseconds.
        left: how many sweeps in a row before this one have left work.
    """
    metrics.add_metric("sweeps", MetricUnit.Count, 1)
    swept = resolver().sweep(min_age=settings().lookup_delays[0], go_on=lambda: remaining() > _LAST_GROUP_MS)
    count(swept, metrics, logger)
    if not settings().sweep_queue_url:
        return
    is_cut = remaining() <= _LAST_GROUP_MS
    if is_cut or resolver().leaves_work(swept):
        ask_for_next_sweep(settings(), 1 if _is_backlog(swept, is_cut=is_cut) else left + 1)


def _is_backlog(swept: Resolution, *, is_cut: bool) -> bool:
    """Whether there was more than one sweep does, and it did a part: then nothing is stuck."""
    return bool((is_cut and swept.settled) or (swept.alerts.sent and not swept.alerts.failures))


def sweep_if_due(event: Mapping[str, Any], remaining: Callable[[], float]) -> None:
    """Sweeps for a schedule, or for the messages of an SQS event unless they are to wait; ``remaining`` as for `sweep`."""
    if "Records" not in event:
        try:
            sweep(remaining)
        except TracejoinError:
            # a queue's message comes again by itself; what the daily schedule found would wait for the next day
            ask_for_sweep(settings())
            raise
    elif request := sweeps(settings()).due(record["body"] for record in event["Records"]):
        sweep(remaining, request.left)


def holds_hints(event: Mapping[str, Any]) -> bool:
    """Whether the ``event`` is a batch of hints; else it is a schedule's, or messages of the queue that asks for a sweep."""
    records = event.get("Records")
    if not records or not settings().sweep_queue_url:
        return records is not None
    # a batch comes from one queue
    return not sweeps(settings()).is_source_of(records[0].get("eventSourceARN", ""))


@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Resolves the hints of an SQS event, or sweeps for any other event; returns a partial batch response, or None for a sweep."""
    metrics.add_metric("invocations", MetricUnit.Count, 1)
    remaining = context.get_remaining_time_in_millis
    if not holds_hints(event):
        sweep_if_due(event, remaining)
        return None
    ask_for_sweep(settings())
    hints, unreadable = read_hints(event["Records"])
    for message_id, reason in unreadable.items():
        logger.warning("a message is no hint", extra={"messageId": message_id, "reason": reason})
    metrics.add_metric("bad_hints", MetricUnit.Count, len(unreadable))
    # first: whatever happens to the others, these are done
    aside = put_aside(event["Records"], unreadable, settings())
    return batch_response(event, aside | resolve_all(hints, came_again(event["Records"]), remaining))
