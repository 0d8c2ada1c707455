"""Letter events: makes of dead letters what can be shipped again, with the ids that their log events had. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from pipeline.errors import BadInputError
from pipeline.logs.decode import decode_event
from pipeline.logs.event_source import FIELDS
from pipeline.model.log_groups import SPANS_LOG_GROUP
from pipeline.model.timestamps import millis_of
from pipeline.redact.redactor import Redactor
from pipeline.store.dead_letters import LONGEST
from pipeline.store.stored_letters import StoredLetter
from pipeline.traces.otel_spans import read_span
from pipeline.traces.segment import Segment

Kind = Literal["line", "span", "entry", "record"]
"""What a letter holds: a log event or a span that OpenSearch refused, an entry of a batch that is no log event, or a whole record."""


def kind_of(letter: StoredLetter, prefix: str) -> Kind:
    """The kind of ``letter``; ``prefix`` is the start of the index names."""
    if letter.index.startswith(f"{prefix}-spans-"):
        return "span"
    if letter.index:
        return "line"
    return "entry" if letter.log_group else "record"


def shipped_together(letters: Sequence[StoredLetter], prefix: str) -> list[list[StoredLetter]]:
    """Groups letters: log events by log stream, in which `ship` looks for a line's neighbours, and all others alone.

    The order within each stays, and that of their first ones.
    """
    groups: dict[tuple[str, ...], list[StoredLetter]] = {}
    for letter in letters:
        of_line = kind_of(letter, prefix) == "line"
        key = (letter.account, letter.log_group, letter.log_stream) if of_line else (letter.id,)
        groups.setdefault(key, []).append(letter)
    return list(groups.values())


def event_of_lines(letters: Sequence[StoredLetter]) -> dict[str, Any]:
    """The subscription document with the log events of these letters, all of one log stream. Raises BadInputError where a time is none."""
    events = [{"id": _event_id(letter), "timestamp": _millis(letter), "message": letter.content, **_system_fields(letter)}
              for letter in letters]  # fmt: skip
    return _document(letters[0], events)


def event_of_entry(letter: StoredLetter, redactor: Redactor) -> dict[str, Any]:
    """The subscription document with the entry of a letter. Raises BadInputError where it still is no log event, or no span."""
    entry = _object(letter.content)
    if letter.log_group == SPANS_LOG_GROUP and not isinstance(entry.get("message"), str):
        # a line of this log group that was no span
        read_span(letter.content, redactor=redactor)
        entry = {"id": letter.id, "timestamp": _millis(letter), "message": letter.content}
    return _document(letter, [entry])


def event_of_record(letter: StoredLetter) -> dict[str, Any]:
    """The event with the record of a letter. Raises BadInputError where the letter does not hold all of it."""
    if len(letter.content) >= LONGEST:
        raise BadInputError(f"the letter keeps the first {LONGEST} characters of the record, not all of it")
    document = _object(letter.content)
    return {"awslogs": {"data": document or letter.content}}


def segment_of(letter: StoredLetter) -> Segment:
    """The span of a letter. Raises BadInputError where it is none."""
    try:
        return msgspec.json.decode(letter.content, type=Segment)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInputError(f"the letter holds no span: {error}") from error


def require_readable(event: Mapping[str, Any], *, max_bytes: int, whole: bool = False) -> int:
    """Returns the number of log events in ``event``, decoded as `ship` does it.

    Args:
        event: the event.
        max_bytes: the most bytes of one record after decompression.
        whole: whether every record and log event has to be readable; otherwise one is enough.

    Raises BadInputError with the reason where it is not: `ship` would make dead letters of what is none of its events.
    """
    decoded = decode_event(event, max_bytes=max_bytes)
    readable = bool(decoded.batches or decoded.control_messages or decoded.bad_events)
    unread = [*decoded.bad_envelopes, *(record for _, record in decoded.bad_events if whole)]
    if unread and (whole or not readable):
        raise BadInputError(unread[0].reason)
    return sum(len(batch.events) for batch in decoded.batches) + len(decoded.bad_events)


def _document(letter: StoredLetter, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The subscription document of these events of the letter's log stream."""
    return {"messageType": "DATA_MESSAGE", "owner": letter.account, "logGroup": letter.log_group, "logStream": letter.log_stream,
            "logEvents": events}  # fmt: skip


def _system_fields(letter: StoredLetter) -> dict[str, Any]:
    """Where the event of a letter came from, as CloudWatch Logs put it beside the event; empty where that is not known."""
    return {"extractedFields": dict(zip(FIELDS, letter.came_from, strict=True))} if letter.came_from else {}


def _event_id(letter: StoredLetter) -> str:
    # an event without an id got a substitute, which follows from its content before the redaction: it is the end of the letter's own id
    return letter.event_id or letter.id.partition("-")[2]


def _millis(letter: StoredLetter) -> int:
    try:
        return millis_of(letter.at)
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"the letter's time is none: {letter.at[:40]!r}") from error


def _object(text: str) -> dict[str, Any]:
    """``text`` as a JSON object; empty where it is none."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
