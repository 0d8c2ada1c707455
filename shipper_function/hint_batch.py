"""Hint batch: an SQS batch becomes hints, unsettled traces become later hints, and SQS gets a partial batch response."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.hint_queue import Hint, read_hint
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
