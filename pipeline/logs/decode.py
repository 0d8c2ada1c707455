"""Decode: turns what a subscription delivers into batches of log events. Sizes are bounded, and every record is accounted for.

Sources: Amazon CloudWatch Logs user guide, "Real-time processing of log data with subscriptions" (the document and its
CONTROL_MESSAGE); the envelopes are Lambda's, Kinesis' and Data Firehose's event shapes.
"""

import binascii
import json
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pybase64
from isal import isal_zlib

from pipeline.errors import EnvelopeError

# zlib's code for detecting a gzip or a zlib header
_GZIP_OR_ZLIB = 47
# isal's stubs declare this class as an instance
_Unreadable = cast("type[Exception]", isal_zlib.error)
_COMPRESSED = (b"\x1f\x8b", b"\x78")


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

    It never raises, whatever the event holds: a record that can't be read becomes an UnreadableRecord, and the others are decoded.
    """
    decoded = DecodedEvent()
    for where, record in _records(event):
        try:
            for document in _documents(record, max_bytes):
                _add(document, where, decoded)
        except EnvelopeError as error:
            decoded.bad_envelopes.append(UnreadableRecord(where, str(error), _as_text(record)))
    return decoded


def _records(event: object) -> Iterator[tuple[str, object]]:
    """Yields each record of an event, still encoded, with its path in the event."""
    if isinstance(event, dict):
        if isinstance(logs := event.get("awslogs"), dict):
            yield "awslogs.data", logs.get("data")
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
        return kinesis.get("data") if isinstance(kinesis, dict) else record.get("data", record)
    return record


def _documents(record: object, max_bytes: int) -> Iterator[bytes]:
    """Yields the JSON in a record, decompressed; it may be several documents in sequence, which `_add` splits."""
    if isinstance(record, dict):
        try:
            yield msgspec.json.encode(record)
        except UnicodeEncodeError:
            # the record holds half a surrogate pair, which UTF-8 can't hold
            yield json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")
        return
    if not isinstance(record, str):
        raise EnvelopeError("no CloudWatch Logs event: expected awslogs.data, Kinesis Records or Firehose records")
    try:
        data = pybase64.b64decode(record, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError(f"the data is not base64: {error}") from error
    yield _decompress(data, max_bytes) if data.startswith(_COMPRESSED) else _bounded(data, max_bytes)


def _decompress(data: bytes, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    room = max_bytes
    while data.startswith(_COMPRESSED):
        member = isal_zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
        try:
            part = member.decompress(data, room + 1)
        except _Unreadable as error:
            raise EnvelopeError(f"the data is not readable gzip or zlib: {error}") from error
        if len(part) > room:
            raise EnvelopeError(f"the data decompresses to more than {max_bytes} bytes, the limit for one record")
        if not member.eof:
            raise EnvelopeError("the compressed data is cut off")
        parts.append(part)
        room -= len(part)
        data = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _bounded(data: bytes, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise EnvelopeError(f"the data is larger than {max_bytes} bytes, the limit for one record")
    return data


def _add(document: bytes, where: str, decoded: DecodedEvent, *, may_split: bool = True) -> None:
    """Adds the batch in a subscription document to ``decoded``; a sequence of documents is split once."""
    try:
        batch = _strict.decode(document)
    except msgspec.ValidationError:
        batch = _decode_leniently(document, where, decoded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not may_split:
            raise EnvelopeError(f"the data is JSON that can't be read: {error}") from error
        for piece in _split(document):
            _add(piece, where, decoded, may_split=False)
        return
    if batch.message_type == "CONTROL_MESSAGE":
        decoded.control_messages += 1
    elif batch.message_type == "DATA_MESSAGE" or batch.log_group:
        decoded.batches.append(batch)
    else:
        raise EnvelopeError("the data is no CloudWatch Logs document: it has no messageType and no logGroup")


def _split(document: bytes) -> Iterator[bytes]:
    """Yields each document of a sequence as plain UTF-8 (lone surrogates become question marks)."""
    text = document.decode("utf-8", "replace").rstrip()
    if not text:
        raise EnvelopeError("the data is empty")
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        try:
            content, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise EnvelopeError(f"the data is not JSON: {error}") from error
        yield json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def _decode_leniently(document: bytes, where: str, decoded: DecodedEvent) -> LogBatch:
    try:
        lenient = _lenient.decode(document)
    except msgspec.ValidationError as error:
        raise EnvelopeError(f"the data is no CloudWatch Logs document: {error}") from error
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
    if isinstance(timestamp, str) and timestamp.isdecimal():
        timestamp = int(timestamp)
    if not isinstance(message, str) or isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        return None
    return LogEvent(str(raw.get("id") or ""), int(timestamp), message)


def _as_text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content, default=str)
