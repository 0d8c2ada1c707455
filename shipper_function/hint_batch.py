"""Hint batch: an SQS batch becomes hints, and batches of traces that fit into one run; SQS gets a partial batch response.

Unsettled traces become later hints. What is too large for a run, and what a run has no time for, becomes new hints at once.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.hint_queue import IDS_PER_MESSAGE, Hint, read_hint
from pipeline.settings import Settings
from shipper_function.queues import dead_letters, queue


def read_hints(records: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Hint], dict[str, str]]:
    """The hints in these SQS records, and the reason for each record that can't be read as one; both by message id."""
    hints: dict[str, Hint] = {}
    unreadable: dict[str, str] = {}
    for record in records:
        try:
            hints[record["messageId"]] = read_hint(record["body"])
        except BadInputError as error:
            unreadable[record["messageId"]] = str(error)
    return hints, unreadable


def came_again(records: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The ids of the messages in these SQS records that SQS delivers once more, since they failed or the function ran out of time."""
    return frozenset(record["messageId"] for record in records if _receive_count(record) > 1)


def _receive_count(record: Mapping[str, Any]) -> int:
    count = str(record.get("attributes", {}).get("ApproximateReceiveCount", ""))
    return int(count) if count.isdecimal() else 1


def batches_of(hints: Mapping[str, Hint], alone: Collection[str]) -> list[tuple[str, ...]]:
    """Puts hints together, by message id, so that a batch names no more traces than a run takes at once; those ``alone`` come last."""
    batches: list[tuple[str, ...]] = []
    size = 0
    for id_, hint in hints.items():
        if id_ in alone:
            continue
        if batches and size + len(hint.trace_ids) <= IDS_PER_MESSAGE:
            batches[-1] += (id_,)
            size += len(hint.trace_ids)
        else:
            batches.append((id_,))
            size = len(hint.trace_ids)
    return [*batches, *((id_,) for id_ in hints if id_ in alone)]


def hand_on(hints: Mapping[str, Hint], settings: Settings) -> dict[str, TracejoinError]:
    """Sends the traces of these hints in new ones that come at once; returns the failures by message id."""
    failures: dict[str, TracejoinError] = {}
    for id_, hint in hints.items():
        try:
            queue(settings).send(hint.trace_ids, attempt=hint.attempt, delay=0)
        except UnavailableError as error:
            failures[id_] = error
    return failures


def put_aside(records: Iterable[Mapping[str, Any]], unreadable: Mapping[str, str], settings: Settings) -> dict[str, TracejoinError]:
    """Moves the ``unreadable`` ones of these SQS records to the dead-letter queue, each with its reason.

    Returns the failures by message id: SQS delivers those messages again. Where the settings name no such queue, nothing is moved.
    """
    bodies = {record["messageId"]: record["body"] for record in records if record["messageId"] in unreadable}
    if not bodies or not settings.dead_letters_url:
        return {}
    try:
        dead_letters(settings).put_aside(list(bodies.values()), [unreadable[id_] for id_ in bodies])
    except UnavailableError as error:
        return dict.fromkeys(bodies, error)
    return {}


def send_again(trace_ids: Iterable[str], hints: Collection[Hint], settings: Settings) -> None:
    """Sends hints for these traces, each delayed by the look-up delay after its hint's; none after the last delay.

    Where several hints name one trace, the earliest attempt counts: it comes from the newest line. Raises UnavailableError.
    """
    attempts: dict[str, int] = {}
    for hint in sorted(hints, key=lambda hint: hint.attempt):
        for id_ in hint.trace_ids:
            attempts.setdefault(id_, hint.attempt)
    by_attempt: dict[int, list[str]] = {}
    for id_ in trace_ids:
        # a trace that no hint named begins at the first attempt
        by_attempt.setdefault(attempts.get(id_, 0) + 1, []).append(id_)
    for attempt, ids in by_attempt.items():
        if attempt < len(settings.lookup_delays):
            queue(settings).send(ids, attempt=attempt, delay=settings.lookup_delays[attempt])


def batch_response(event: dict[str, Any], failures: Mapping[str, TracejoinError]) -> Any:
    """The partial batch response to the SQS ``event``: messages with a failure are delivered again, all others are done."""

    def outcome(record: SQSRecord) -> None:
        if record.message_id in failures:
            raise failures[record.message_id]

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=outcome, processor=processor)
