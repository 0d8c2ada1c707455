"""Document address: gives each log line the index and _id of its document. The line itself (`extract.log_line`) is the document.

The _id follows from account, log group, log stream and event id alone, and the index from the event's own day, so a redelivery on
another day, machine or shard can't make a second copy. The content of a line decides neither. Events whose time no CloudWatch log group
takes share one index (`pipeline.model.index_days`).
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.logs.extract.kept_once import XRAY_FORMS, put_time_back
from pipeline.logs.extract.log_line import LogLine
from pipeline.model.index_days import ALL_DAYS, OUTSIDE, IndexDays
from pipeline.model.log_groups import service_name_of
from pipeline.model.memo import Memo
from pipeline.model.timestamps import EPOCH

# an _id may have 512 bytes (OpenSearch), an event id has 56 digits
_LONGEST_EVENT_ID: Final = 100
# date_nanos covers 1970 to 2262
_LAST: Final = 9_223_372_036_000
_PENDING: Final = b'{"state":"pending","version":0}'
_TO_DAY: Final = len("2026-11-24")
_TO_SECOND: Final = len("2026-11-24T10:00:00")
# a line's origin is this and the value of `aws`
_KIND: Final = b'{"kind":"log"},"aws":'
_FRACTIONS: Final = tuple(f".{millisecond:03d}Z" for millisecond in range(1000))


class DocumentAddress(msgspec.Struct, frozen=True, gc=False):
    """The index and _id of a document in OpenSearch."""

    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")


class Create(msgspec.Struct, frozen=True, gc=False):
    """The bulk action that writes a document unless its address is taken."""

    create: DocumentAddress


def address_documents(
    batch: LogBatch, texts: Sequence[str], lines: Sequence[LogLine], *, prefix: str, region: str, max_chars: int, days: IndexDays = ALL_DAYS
) -> tuple[list[Create | LogLine], bool]:
    """Sets time, origin, event id and X-Ray id of the ``lines`` of ``batch``, and what each keeps of its text.

    Returns each line's bulk action and the line, alternately; and whether one of them may be stored in the index of its day already, though
    its time is outside by now.

    Args:
        batch: the events of one log stream, not redacted: an _id that follows from content must not depend on the redaction settings.
        texts: the redacted message of each event.
        lines: the line read from each text.
        prefix: the start of the index names.
        region: the AWS region, which a subscription document does not name.
        max_chars: the most characters of a message; a longer one is cut and marked.
        days: the times whose days have an index of their own.
    """
    origin, service_name, id_prefix = _stream(batch.owner, region, batch.log_group, batch.log_stream)
    parts: list[Create | LogLine] = []
    # the second of the last event, as milliseconds since the epoch: most neighbours share it
    second = -_LAST
    to_second = day = index = ""
    aged = False
    seen: dict[str, int] = {}
    for event, text, line in zip(batch.events, texts, lines, strict=True):
        timestamp = event.timestamp
        milliseconds = timestamp - second
        if not 0 <= milliseconds < 1000:  # noqa: PLR2004
            milliseconds = timestamp % 1000
            second = timestamp - milliseconds
            to_second = (EPOCH + timedelta(milliseconds=min(max(second, 0), _LAST))).isoformat()[:_TO_SECOND]
            day = to_second[:_TO_DAY]
            index = daily_index(prefix, to_second) if days.has(second) else outside_index(prefix)
            aged = aged or days.aged(second)
        logged = line.timestamp
        line.timestamp = to_second + _FRACTIONS[milliseconds]
        line.origin = origin
        line.event_id = event_id = event.id
        if not line.service_name:
            line.service_name = service_name
        trace_id = line.trace_id
        if trace_id is not None:
            line.xray = _XRAY[trace_id]
        if logged and logged[:_TO_DAY] != day:
            put_time_back(line, text, logged)
        if len(text) > max_chars:
            line.make_plain(text, max_chars)
        elif line.attributes is not None or line.body != text:
            line.original = text
        id_ = id_prefix + (event_id if 0 < len(event_id) <= _LONGEST_EVENT_ID else _substitute_event_id(event, seen))
        parts.append(Create(DocumentAddress(index, id_)))
        parts.append(line)
    return parts, aged


def daily_index(prefix: str, timestamp: str) -> str:
    """The name of the index of a day; ``timestamp`` is a time of it, ISO 8601, UTC."""
    return f"{prefix}-logs-{timestamp[:_TO_DAY].replace('-', '.')}"


def outside_index(prefix: str) -> str:
    """The name of the index that all events outside the bounds share."""
    return f"{prefix}-logs-{OUTSIDE}"


def aws_of(line: LogLine) -> msgspec.Raw:
    """The account, region, log group and log stream of an addressed line, as an encoded JSON object."""
    return msgspec.Raw(bytes(line.origin or b"").removeprefix(_KIND))


def _xray(trace_id: str) -> msgspec.Raw:
    return msgspec.Raw(b'%b,"trace":%b' % (msgspec.json.encode({"traceId": XRAY_FORMS[trace_id]}), _PENDING))


_XRAY: Final = Memo(_xray)


@lru_cache(maxsize=1024)
def _stream(owner: str, region: str, log_group: str, log_stream: str) -> tuple[msgspec.Raw, str, str]:
    """What all lines of a log stream share: their origin, the service name if they name none, and the start of their _id."""
    aws = msgspec.json.encode({"accountId": owner, "region": region, "logGroup": log_group, "logStream": log_stream})
    return msgspec.Raw(_KIND + aws), service_name_of(log_group), _hash(f"{owner}\x00{log_group}\x00{log_stream}", 10) + "-"


def _substitute_event_id(event: LogEvent, seen: dict[str, int]) -> str:
    """A substitute for an event id that is missing or too long: a hash of the event's time and message, or of the long id."""
    if event.id:
        return _hash(event.id, 16)
    # the order in the batch distinguishes equal events
    content = f"{event.timestamp}\0{event.message}"
    number = seen[content] = seen.get(content, -1) + 1
    return _hash(f"{number}\0{content}", 16)


def _hash(content: str, size: int) -> str:
    return blake2b(content.encode("utf-8", "replace"), digest_size=size).hexdigest()
