"""Unpack: what a subscription delivers becomes batches of log events; bounded, and every record accounted for.

Sources: Amazon CloudWatch Logs user guide, "Real-time processing of log data with subscriptions" (the document and its
CONTROL_MESSAGE); the envelopes are Lambda's, Kinesis' and Data Firehose's event shapes.
"""

import binascii
import json
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from isal import isal_zlib

from pipeline.errors import EnvelopeError

# automatic detection of a gzip or a zlib header
_GZIP_OR_ZLIB = 47
# isal's stubs declare this class as an instance
_Unreadable = cast("type[Exception]", isal_zlib.error)
_COMPRESSED = (b"\x1f\x8b", b"\x78")


class LogEvent(msgspec.Struct, gc=False):
    """One log event; ``timestamp`` in milliseconds since the epoch, UTC."""

    id: str
    timestamp: int
    message: str


class UnreadableRecord(msgspec.Struct, frozen=True):
    """What could not be read: where it stood, why, and the thing itself as text."""

    where: str
    reason: str
    content: str


class LogBatch(msgspec.Struct):
    """The events of one log stream, as one subscription document brings them."""

    message_type: str = msgspec.field(name="messageType", default="")
    owner: str = ""
    log_group: str = msgspec.field(name="logGroup", default="")
    log_stream: str = msgspec.field(name="logStream", default="")
    events: list[LogEvent] = msgspec.field(name="logEvents", default_factory=list)


class DecodedEvent(msgspec.Struct):
    """All that one invocation's event held."""

    batches: list[LogBatch] = []
    control_messages: int = 0
    bad_envelopes: list[UnreadableRecord] = []
    bad_events: list[tuple[LogBatch, UnreadableRecord]] = []


class _LooseLogBatch(LogBatch):
    """A batch in which some event is odd; its events are read one by one."""

    events: list[Any] = msgspec.field(name="logEvents", default_factory=list)


_strict = msgspec.json.Decoder(LogBatch)
_loose = msgspec.json.Decoder(_LooseLogBatch)


def decode_event(event: object, *, max_bytes: int) -> DecodedEvent:
    """The batches in a Lambda event of CloudWatch Logs, Kinesis or Data Firehose, or in a decoded subscription document.

    Args:
        event: the event as Lambda's JSON decoder leaves it.
        max_bytes: how much one record may hold once decompressed; a larger one is a bad envelope.

    Never raises for what is inside: a record that can't be read is a BadRecord, its neighbours go through.
    """
    unpacked = DecodedEvent()
    for where, record in _records(event):
        try:
            for document in _documents(record, max_bytes):
                _take(document, where, unpacked)
        except EnvelopeError as error:
            unpacked.bad_envelopes.append(UnreadableRecord(where, str(error), _as_text(record)))
    return unpacked


def _records(event: object) -> Iterator[tuple[str, object]]:
    """Each record of an envelope with its place, still encoded."""
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
    """The JSON documents in a record: it may hold several, compressed together or one after the other."""
    if isinstance(record, dict):
        try:
            yield msgspec.json.encode(record)
        except UnicodeEncodeError:
            # half a surrogate pair, which no UTF-8 can hold
            yield json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")
        return
    if not isinstance(record, str):
        raise EnvelopeError("no CloudWatch Logs event: expected awslogs.data, Kinesis Records or Firehose records")
    try:
        data = binascii.a2b_base64(record, strict_mode=True)
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


def _take(document: bytes, where: str, unpacked: DecodedEvent, *, whole: bool = True) -> None:
    try:
        batch = _strict.decode(document)
    except msgspec.ValidationError:
        batch = _read_loosely(document, where, unpacked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not whole:
            raise EnvelopeError(f"the data is JSON that can't be read: {error}") from error
        for piece in _split(document):
            _take(piece, where, unpacked, whole=False)
        return
    if batch.message_type == "CONTROL_MESSAGE":
        unpacked.control_messages += 1
    elif batch.message_type == "DATA_MESSAGE" or batch.log_group:
        unpacked.batches.append(batch)
    else:
        raise EnvelopeError("the data is no CloudWatch Logs document: it has no messageType and no logGroup")


def _split(document: bytes) -> Iterator[bytes]:
    """The documents that stand one after the other, each made plain UTF-8 (lone surrogates become question marks)."""
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


def _read_loosely(document: bytes, where: str, unpacked: DecodedEvent) -> LogBatch:
    try:
        loose = _loose.decode(document)
    except msgspec.ValidationError as error:
        raise EnvelopeError(f"the data is no CloudWatch Logs document: {error}") from error
    batch = LogBatch(loose.message_type, loose.owner, loose.log_group, loose.log_stream)
    for number, raw in enumerate(loose.events):
        event = _read_event(raw)
        if event is None:
            bad = UnreadableRecord(f"{where} logEvents[{number}]", "a log event needs timestamp and message", _as_text(raw))
            unpacked.bad_events.append((batch, bad))
        else:
            batch.events.append(event)
    return batch


def _read_event(raw: object) -> LogEvent | None:
    """A log event whose id or timestamp has another type than CloudWatch's, such as a local emulator's."""
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
