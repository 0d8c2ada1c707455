"""Decode: turns what a subscription delivers into batches of log events. Sizes are bounded, and every record is accounted for.

Sources: Amazon CloudWatch Logs user guide, "Real-time processing of log data with subscriptions" (the document and its
CONTROL_MESSAGE); the envelopes are Lambda's, Kinesis' and Data Firehose's event shapes.
"""

import binascii
import json
import math
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec
import pybase64
from isal import isal_zlib

from pipeline.errors import EnvelopeError

# zlib's code for detecting a gzip or a zlib header
_GZIP_OR_ZLIB = 47
# isal's stubs declare this class as an instance
_Unreadable = cast("type[Exception]", isal_zlib.error)
_COMPRESSED = (b"\x1f\x8b", b"\x78")
# what a document is not, or not alone
_NOT_ONE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# of a whole number: more than any id or time has, and quick to read
_MOST_DIGITS: Final = 400
_LARGEST: Final = 10**_MOST_DIGITS
# a time beyond this many milliseconds is none
_LATEST: Final = 2**63
_DEEPEST: Final = 100
# of a record; a good one has none
_MOST_BAD: Final = 100
_LONGEST_REASON: Final = 1000


class LogEvent(msgspec.Struct, gc=False):
    """One log event of CloudWatch Logs; ``timestamp`` is in milliseconds since the epoch, UTC."""

    id: str
    timestamp: int
    message: str


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


class DecodedEvent(msgspec.Struct):
    """Everything that one event of Lambda held: readable batches, control messages, and unreadable records and log events."""

    batches: list[LogBatch] = []
    control_messages: int = 0
    bad_envelopes: list[UnreadableRecord] = []
    bad_events: list[tuple[LogBatch, UnreadableRecord]] = []


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
    for where, record in _records(event):
        try:
            for document in _documents(record, max_bytes):
                _add(document, where, decoded)
        except EnvelopeError as error:
            decoded.bad_envelopes.append(UnreadableRecord(where, as_utf8(str(error)), _as_text(record)))
    return decoded


def as_utf8(text: str) -> str:
    """Returns ``text`` with a question mark in place of each half of a surrogate pair, which UTF-8 can't hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _records(event: object) -> Iterator[tuple[str, object]]:
    """Yields each record of an event, still encoded, with its path in the event."""
    if isinstance(event, dict):
        if isinstance(logs := event.get("awslogs"), dict):
            yield "awslogs.data", logs.get("data", logs)
            return
        if "logEvents" in event or "messageType" in event:
            yield "event", event
            return
        # Kinesis writes Records with a capital, Firehose without
        for key in ("Records", "records"):
            if isinstance(records := event.get(key), list):
                for number, record in enumerate(records):
                    yield f"{key}[{number}]", _data_of(record)
                return
    yield "event", event


def _data_of(record: object) -> object:
    if isinstance(record, dict):
        kinesis = record.get("kinesis")
        return kinesis.get("data", kinesis) if isinstance(kinesis, dict) else record.get("data", record)
    return record


def _documents(record: object, max_bytes: int) -> Iterator[bytes]:
    """Yields the JSON in a record, decompressed; it may be several documents in sequence, which `_add` splits.

    Raises EnvelopeError for what can't be read, after it yielded what stands before.
    """
    if isinstance(record, dict):
        yield _as_json(record)
        return
    if not isinstance(record, str):
        raise EnvelopeError("no CloudWatch Logs event: expected awslogs.data, Kinesis Records or Firehose records")
    try:
        data = pybase64.b64decode(record, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError(f"the data is not base64: {error}") from error
    if not data.startswith(_COMPRESSED):
        yield _bounded(data, max_bytes)
        return
    parts, problem = _decompress(data, max_bytes)
    if parts:
        yield parts[0] if len(parts) == 1 else b"".join(parts)
    if problem:
        raise EnvelopeError(problem)


def _as_json(record: dict[object, object]) -> bytes:
    try:
        return msgspec.json.encode(record)
    except (ValueError, TypeError, OverflowError):
        # the record holds half a surrogate pair, which UTF-8 can't hold, or a number of thousands of digits
        return _as_text(record).encode()
    except RecursionError as error:
        raise EnvelopeError("the record is nested too deep") from error


def _decompress(data: bytes, max_bytes: int) -> tuple[list[bytes], str]:
    """The content of each whole member of ``data``, and why the rest can't be read; empty if there is no rest."""
    parts: list[bytes] = []
    room = max_bytes
    while data.startswith(_COMPRESSED):
        member = isal_zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
        try:
            part = member.decompress(data, room + 1)
        except _Unreadable as error:
            return parts, f"the data is not readable gzip or zlib: {error}"
        if len(part) > room:
            return parts, f"the data decompresses to more than {max_bytes} bytes, the limit for one record"
        if not member.eof:
            return parts, "the compressed data is cut off"
        parts.append(part)
        room -= len(part)
        data = member.unused_data
    # gzip may be padded with zeros, and a stream may end each record with a new line
    return parts, "the compressed data is followed by something else" if data.strip(b"\0 \t\r\n") else ""


def _bounded(data: bytes, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise EnvelopeError(f"the data is larger than {max_bytes} bytes, the limit for one record")
    return data


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
        decoded.batches.append(batch)
    else:
        raise EnvelopeError("the data is no CloudWatch Logs document: it has no messageType and no logGroup")


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
            bad = UnreadableRecord(f"{where} logEvents[{number}]", "a log event needs timestamp and message", _as_text(raw))
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
    return LogEvent(_as_text(raw.get("id") or ""), int(timestamp), message)


def _as_text(content: object) -> str:
    """``content`` as a text that UTF-8 can hold: a text as it is, all else as JSON."""
    if isinstance(content, str):
        return as_utf8(content)
    try:
        return as_utf8(json.dumps(content, default=str, ensure_ascii=False))
    except (ValueError, RecursionError, TypeError):
        return as_utf8(json.dumps(_shortened(content, _DEEPEST), default=str, ensure_ascii=False))


def _shortened(content: object, depth: int) -> object:
    """``content`` without what is nested deeper than ``depth``, and without numbers that have more digits than Python writes."""
    if isinstance(content, dict):
        return {str(key): _shortened(value, depth - 1) for key, value in content.items()} if depth else "…"
    if isinstance(content, list | tuple):
        return [_shortened(value, depth - 1) for value in content] if depth else "…"
    return hex(content) if isinstance(content, int) and not isinstance(content, bool) and abs(content) > _LARGEST else content
