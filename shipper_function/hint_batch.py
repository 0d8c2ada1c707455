"""The resolve function's side of the queue: hints in, hints for later out, and what SQS is told of each message."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from pipeline.errors import BadInputError, TracejoinError, UnavailableError
from pipeline.hint_queue import Hint, read_hint
from pipeline.settings import Settings
from shipper_function.queues import dead_letters, queue


def read_hints(records: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Hint], dict[str, str]]:
    """The hints in these SQS records, and what is wrong with each record that holds none; both by message id."""
    hints: dict[str, Hint] = {}
    refused: dict[str, str] = {}
    for record in records:
        try:
            hints[record["messageId"]] = read_hint(record["body"])
        except BadInputError as error:
            refused[record["messageId"]] = str(error)
    return hints, refused


def put_aside(records: Iterable[Mapping[str, Any]], refused: Mapping[str, str], settings: Settings) -> dict[str, TracejoinError]:
    """Moves the ``refused`` of these records to the dead letters, each with its reason, at once: they will never be hints.

    Returns what is wrong with each that could not be moved, by message id: it comes again. Where the settings name no queue for them,
    the log alone tells of them.
    """
    bodies = {record["messageId"]: record["body"] for record in records if record["messageId"] in refused}
    if not bodies or not settings.dead_letters_url:
        return {}
    try:
        dead_letters(settings).put_aside(list(bodies.values()), [refused[id_] for id_ in bodies])
    except UnavailableError as error:
        return dict.fromkeys(bodies, error)
    return {}


def send_again(trace_ids: Iterable[str], hints: Collection[Hint], settings: Settings) -> None:
    """Asks to come back to these traces, each after the delay that follows its hint's; not after the last delay.

    Where several hints speak of one trace, the earliest attempt counts: it comes from the newest line. Raises UnavailableError.
    """
    attempts: dict[str, int] = {}
    for hint in sorted(hints, key=lambda hint: hint.attempt):
        for id_ in hint.trace_ids:
            attempts.setdefault(id_, hint.attempt)
    rounds: dict[int, list[str]] = {}
    for id_ in trace_ids:
        # what another trace's lines led to begins anew
        rounds.setdefault(attempts.get(id_, 0) + 1, []).append(id_)
    for attempt, ids in rounds.items():
        if attempt < len(settings.lookup_delays):
            queue(settings).send(ids, attempt=attempt, delay=settings.lookup_delays[attempt])


def batch_response(event: dict[str, Any], failures: Mapping[str, TracejoinError]) -> Any:
    """A partial batch response: the messages with a failure come again, all others are done."""

    def outcome(record: SQSRecord) -> None:
        if record.message_id in failures:
            raise failures[record.message_id]

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=outcome, processor=processor)
