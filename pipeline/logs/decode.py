"""Decode: turns what a subscription delivers into batches of log events. Sizes are bounded, and every record is accounted for.

Source: Amazon CloudWatch Logs user guide, "Real-time processing of log data with subscriptions" (the document and its CONTROL_MESSAGE).
`envelope` takes the documents out of what delivers them, and `event_source` reads the system fields of their events.
"""

import json
import math
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Final

import msgspec

from pipeline.errors import EnvelopeError
from pipeline.logs.envelope import as_text, as_utf8, documents_in, records_in
from pipeline.logs.event_source import EventSource, SystemFields, lenient_fields, source_of

# what a document is not, or not alone
_NOT_ONE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# of a whole number: more than any id or time has, and quick to read
_MOST_DIGITS: Final = 400
# a time beyond this many milliseconds is none
_LATEST: Final = 2**63
# of a record; a good one has none
_MOST_BAD: Final = 100
_LONGEST_REASON: Final = 1000


class LogEvent(msgspec.Struct, gc=False):
    """One log event of CloudWatch Logs; ``timestamp`` is in milliseconds since the epoch, UTC. Few have system fields."""

    id: str
    timestamp: int
    message: str
    fields: SystemFields | None = msgspec.field(name="extractedFields", default=None)


_fields_of: Final = attrgetter("fields")


class UnreadableRecord(msgspec.Struct, frozen=True):
    """A record or event that could not be read: its path in the event, the reason, and its content as text."""

    where: str
    reason: str
    content: str


class LogBatch(msgspec.Struct):
    """The events of one log stream, as one subscription document holds them."""

    message_type: str = msgspec.field(name="messageType", default="")
    owner: str = ""
    log_group: str = msgspec.field(name="logGroup", default="")
    log_stream: str = msgspec.field(name="logStream", default="")
    events: list[LogEvent] = msgspec.field(name="logEvents", default_factory=list)

    @property
    def source(self) -> EventSource:
        """The account, region and log group that the events came from; the region is empty where nothing names it."""
        return EventSource(self.owner, "", self.log_group)


class DecodedEvent(msgspec.Struct):
    """Everything that one event of Lambda held: readable batches, control messages, and unreadable records and log events."""

    batches: list[LogBatch] = []
    control_messages: int = 0
    bad_envelopes: list[UnreadableRecord] = []
    bad_events: list[tuple[LogBatch, UnreadableRecord]] = []


class SourcedBatch(LogBatch):
    """Those events of a subscription document that came from one account, region and log group, by their system fields.

    The owner and log group are those of the document: where the events were delivered from.
    """

    named: EventSource = EventSource("", "", "")

    @property
    def source(self) -> EventSource:
        """As `LogBatch.source`."""
        return self.named


class _LenientLogBatch(LogBatch):
    """A batch with some event of unexpected types; its events are read one by one."""

    events: list[Any] = msgspec.field(name="logEvents", default_factory=list)


_strict = msgspec.json.Decoder(LogBatch)
_lenient = msgspec.json.Decoder(_LenientLogBatch)


def decode_event(event: object, *, max_bytes: int) -> DecodedEvent:
    """Decodes a Lambda event of CloudWatch Logs, Kinesis or Data Firehose, or a decoded subscription document.

    Args:
        event: the event, as decoded JSON.
        max_bytes: the most bytes that one record may hold after decompression; a larger one is a bad envelope.

    It never raises, whatever the event holds: a record that can't be read becomes an UnreadableRecord, and the others are decoded. Of a
    record with several documents those that can be read are decoded, too.
    """
    decoded = DecodedEvent()
    for where, record in records_in(event):
        try:
            for document in documents_in(record, max_bytes):
                _add(document, where, decoded)
        except EnvelopeError as error:
            decoded.bad_envelopes.append(UnreadableRecord(where, as_utf8(str(error)), as_text(record)))
    return decoded


def _add(document: bytes, where: str, decoded: DecodedEvent) -> None:
    """Adds the batches in ``document``, one subscription document or a sequence of them, to ``decoded``.

    Raises EnvelopeError, after it added what it can, where one of them can't be read.
    """
    try:
        _add_one(document, where, decoded)
    except _NOT_ONE:
        _add_each(document, where, decoded)


def _add_each(document: bytes, where: str, decoded: DecodedEvent) -> None:
    problems: list[str] = []
    for piece in _split(document, problems):
        try:
            _add_one(piece, where, decoded)
        except (EnvelopeError, *_NOT_ONE) as error:
            problems.append(str(error) if isinstance(error, EnvelopeError) else f"the data is no CloudWatch Logs document: {error}")
        if len(problems) == _MOST_BAD:
            problems.append("the rest is not read")
            break
    if problems:
        raise EnvelopeError("; ".join(dict.fromkeys(problems))[:_LONGEST_REASON])


def _add_one(document: bytes, where: str, decoded: DecodedEvent) -> None:
    """Adds the batch in one subscription document.

    Raises EnvelopeError where it is no such document, and one of `_NOT_ONE` where it may be several, or JSON that msgspec does not read.
    """
    try:
        batch = _strict.decode(document)
    except msgspec.ValidationError:
        batch = _decode_leniently(document, where, decoded)
    if batch.message_type == "CONTROL_MESSAGE":
        decoded.control_messages += 1
    elif batch.message_type == "DATA_MESSAGE" or batch.log_group:
        decoded.batches += _by_source(batch)
    else:
        raise EnvelopeError("the data is no CloudWatch Logs document: it has no messageType and no logGroup")


def _by_source(batch: LogBatch) -> list[LogBatch]:
    """``batch``, in parts where its events came from several accounts, regions or log groups, or others than its own."""
    if not any(map(_fields_of, batch.events)):
        return [batch]
    parts: dict[EventSource, list[LogEvent]] = {}
    for event in batch.events:
        parts.setdefault(source_of(event.fields, batch.owner, batch.log_group), []).append(event)
    plain = LogBatch(batch.message_type, batch.owner, batch.log_group, batch.log_stream)
    document = plain.message_type, plain.owner, plain.log_group, plain.log_stream
    return [LogBatch(*document, events) if source == plain.source else SourcedBatch(*document, events, source)
            for source, events in parts.items()]  # fmt: skip


def _split(document: bytes, problems: list[str]) -> Iterator[bytes]:
    """Yields each document of a sequence as plain JSON: lone surrogates become question marks, and numbers that it can't hold null.

    What can't be read ends it, and is added to ``problems``.
    """
    text = document.decode("utf-8", "replace").lstrip("\ufeff").rstrip()
    if not text:
        problems.append("the data is empty")
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        try:
            content, position = _json.raw_decode(text, position)
            yield json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        except (ValueError, RecursionError) as error:
            problems.append(f"the data is not JSON: {error}")
            return


def _whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _finite_number(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


_json: Final = json.JSONDecoder(parse_int=_whole_number, parse_float=_finite_number, parse_constant=lambda _: None)


def _decode_leniently(document: bytes, where: str, decoded: DecodedEvent) -> LogBatch:
    """The batch with those events that can be read; the others are added to ``decoded``. Raises an error of `_NOT_ONE`."""
    lenient = _lenient.decode(document)
    batch = LogBatch(lenient.message_type, lenient.owner, lenient.log_group, lenient.log_stream)
    for number, raw in enumerate(lenient.events):
        event = _read_event(raw)
        if event is None:
            bad = UnreadableRecord(f"{where} logEvents[{number}]", "a log event needs timestamp and message", as_text(raw))
            decoded.bad_events.append((batch, bad))
        else:
            batch.events.append(event)
    return batch


def _read_event(raw: object) -> LogEvent | None:
    """Reads a log event whose id or timestamp has another type than CloudWatch's, such as a local emulator's; None if it is none."""
    if not isinstance(raw, dict):
        return None
    message = raw.get("message")
    timestamp = raw.get("timestamp")
    if isinstance(timestamp, str) and timestamp.isdecimal() and len(timestamp) <= _MOST_DIGITS:
        timestamp = int(timestamp)
    if not isinstance(message, str) or isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        return None
    if not -_LATEST <= timestamp <= _LATEST:
        # what is no number is not in between either
        return None
    return LogEvent(as_text(raw.get("id") or ""), int(timestamp), message, lenient_fields(raw.get("extractedFields")))
