"""Parked record: reads what AWS keeps of events that a function failed to process. Pure; whatever the content, it is bounded.

Sources: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations" (requestPayload, responsePayload) and "Retain
discarded batch records for a Kinesis Data Streams event source" (payload, the event as escaped JSON, which Lambda writes to S3 alone);
Amazon Data Firehose developer guide, "Handle failure in data transformation" (one record a line, with rawData).
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import msgspec

from pipeline.errors import BadInputError
from pipeline.model.json_values import as_text
from pipeline.offline.input_files import is_event

MOST_BYTES: Final = 8 * 1024 * 1024
"""The most bytes of one record: an event of Lambda has 6 MB (AWS Lambda developer guide, "Lambda quotas"), escaped a little more."""

_GZIP: Final = b"\x1f\x8b"
_LONGEST_REASON: Final = 500
# Firehose writes objects of 128 MB at most
_MOST_RECORDS: Final = 200_000
_UNKNOWN: Final = "it is no record of an event that Lambda parked or Firehose could not transform"


class ParkedRecord(msgspec.Struct, frozen=True):
    """What one record holds.

    Attributes:
        event: the event, as `ship` got it.
        reason: why it was parked: the function's error, else the condition that AWS names.
        attempts: how often it was tried, as AWS says; 0 if unknown.
    """

    event: Mapping[str, Any]
    reason: str
    attempts: int = 0


def read_parked(data: bytes, *, most_bytes: int = MOST_BYTES) -> list[ParkedRecord]:
    """Reads an object: one record, or one a line.

    Args:
        data: the object's content, perhaps gzipped.
        most_bytes: the most bytes that it may hold, decompressed.

    Raises BadInputError where any of it is no such record, or holds no event: then the object is no one's to delete.
    """
    content = _decompressed(data, most_bytes)
    return [_read(document) for document in _documents(content)]


def _decompressed(data: bytes, most_bytes: int) -> bytes:
    if data.startswith(_GZIP):
        # all of its members: who appends to an object leaves one each time (RFC 1952, 2.2)
        with gzip.GzipFile(fileobj=BytesIO(data)) as content:
            try:
                data = content.read(most_bytes + 1)
            except EOFError as error:
                raise BadInputError("its compressed content is cut off") from error
            except (OSError, zlib.error) as error:
                raise BadInputError(f"it is no readable gzip: {error}") from error
    if len(data) > most_bytes:
        raise BadInputError(f"it holds more than {most_bytes} bytes")
    return data


def _documents(content: bytes) -> Iterator[object]:
    """Each JSON document in ``content``: all of it, or one a line."""
    lines = BytesIO(content)
    first = lines.readline(MOST_BYTES + 1)
    if not lines.read(1).strip() or not _is_json(first):
        # one record, perhaps formatted over several lines
        yield _json(_bounded(content))
        return
    lines.seek(0)
    for number, line in enumerate(iter(lambda: lines.readline(MOST_BYTES + 1), b"")):
        if number == _MOST_RECORDS:
            raise BadInputError(f"it holds more than {_MOST_RECORDS} records")
        if line.strip():
            yield _json(_bounded(line))


def _bounded(text: bytes) -> bytes:
    if len(text) > MOST_BYTES:
        raise BadInputError(f"a record holds more than {MOST_BYTES} bytes")
    return text


def _is_json(line: bytes) -> bool:
    try:
        _json(_bounded(line))
    except BadInputError:
        return False
    return True


def _json(text: bytes | str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{_UNKNOWN}: {str(error)[:_LONGEST_REASON]}") from error


def _read(document: object) -> ParkedRecord:
    if not isinstance(document, dict):
        raise BadInputError(_UNKNOWN)
    if "requestPayload" in document:
        return _record(document["requestPayload"], document, _failure(document))
    if "payload" in document:
        payload = document["payload"]
        return _record(_json(payload) if isinstance(payload, str) else payload, document, _failure(document))
    if isinstance(raw := document.get("rawData"), str):
        reason = _joined(document.get("errorCode"), document.get("errorMessage"))
        return ParkedRecord({"awslogs": {"data": raw}}, reason, _whole(document.get("attemptsMade")))
    if isinstance(batch := document.get("KinesisBatchInfo"), dict):
        first, last, shard, stream = (as_text(batch.get(name))[:_LONGEST_REASON] for name in
                                      ("startSequenceNumber", "endSequenceNumber", "shardId", "streamArn"))  # fmt: skip
        raise BadInputError(f"it has no payload, which Lambda keeps in S3 alone: read {first} to {last} of {shard} in {stream}")
    raise BadInputError(_UNKNOWN)


def _record(event: object, document: Mapping[str, Any], reason: str) -> ParkedRecord:
    if not isinstance(event, dict) or not is_event(event):
        raise BadInputError("the event in it is none of CloudWatch Logs, Kinesis or Firehose")
    context = document.get("requestContext")
    return ParkedRecord(event, reason, _whole(context.get("approximateInvokeCount")) if isinstance(context, dict) else 0)


def _failure(document: Mapping[str, Any]) -> str:
    """The function's error; where it gave none, such as for an event that was too old, the condition and the kind of error."""
    context, response, answer = (document.get(name) for name in ("requestContext", "responseContext", "responsePayload"))
    if isinstance(answer, dict) and (reason := _joined(answer.get("errorType"), answer.get("errorMessage"))):
        return reason
    kind = response.get("functionError") if isinstance(response, dict) else ""
    return _joined(context.get("condition") if isinstance(context, dict) else "", kind)


def _joined(*parts: object) -> str:
    return ": ".join(text for part in parts if (text := as_text(part)))[:_LONGEST_REASON]


def _whole(number: object) -> int:
    return number if isinstance(number, int) and not isinstance(number, bool) else 0
