"""Envelope: takes the subscription documents out of what delivers them: Lambda's own event, or records of Kinesis or Data Firehose.

Sources: the event shapes in the AWS Lambda developer guide, "Process Amazon CloudWatch Logs" and "Process Amazon Kinesis Data Streams
records", and in the Amazon Data Firehose developer guide, "Data transformation".
"""

import binascii
import json
from collections.abc import Iterator
from typing import Final, cast

import msgspec
import pybase64
from isal import isal_zlib

from pipeline.errors import EnvelopeError

# zlib's code for detecting a gzip or a zlib header
_GZIP_OR_ZLIB = 47
# isal's stubs declare this class as an instance
_Unreadable = cast("type[Exception]", isal_zlib.error)
_COMPRESSED = (b"\x1f\x8b", b"\x78")
# of a whole number: more than any id or time has
_LARGEST: Final = 10**400
_DEEPEST: Final = 100


def records_in(event: object) -> Iterator[tuple[str, object]]:
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


def documents_in(record: object, max_bytes: int) -> Iterator[bytes]:
    """Yields the JSON in a record, decompressed; it may be several documents in sequence.

    ``max_bytes`` is the most that a record may hold after decompression.

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
        return as_text(record).encode()
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


def as_utf8(text: str) -> str:
    """Returns ``text`` with a question mark in place of each half of a surrogate pair, which UTF-8 can't hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def as_text(content: object) -> str:
    """Returns ``content`` as a text that UTF-8 can hold: a text as it is, all else as JSON."""
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
