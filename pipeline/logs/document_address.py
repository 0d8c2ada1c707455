"""Document address: gives each log line the index and _id of its document. The line itself (`extract.log_line`) is the document.

The _id follows from account, log group, log stream and event id alone, and the index from the event's own day, so a redelivery on
another day, machine or shard can't make a second copy. Account and log group are those that the event was delivered from, so that its
system fields (`event_source`) change no _id. The content of a line decides neither. Events whose time no CloudWatch log group
takes share one index (`pipeline.model.index_days`).
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Final

import msgspec

from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.logs.event_source import EventSource
from pipeline.logs.extract.kept_once import XRAY_FORMS, put_time_back
from pipeline.logs.extract.log_line import LogLine
from pipeline.model.index_days import ALL_DAYS, OUTSIDE, IndexDays
from pipeline.model.invocations import LAST_MILLI
from pipeline.model.line_states import IN_RECORD
from pipeline.model.log_groups import service_name_of
from pipeline.model.memo import Memo
from pipeline.model.timestamps import EPOCH

# an _id may have 512 bytes (OpenSearch), an event id has 56 digits
_LONGEST_EVENT_ID: Final = 100
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
    batch: LogBatch, texts: Sequence[str], lines: Sequence[LogLine], *, prefix: str, region: str, max_chars: int,
    days: IndexDays = ALL_DAYS, in_record: bool = False,
) -> tuple[list[Create | LogLine], bool]:  # fmt: skip
    """Sets time, origin, event id and X-Ray id of the ``lines`` of ``batch``, and what each keeps of its text.

    Returns each line's bulk action and the line, alternately; and whether one of them may be stored in the index of its day already, though
    its time is outside by now.

    Args:
        batch: the events of one log stream, not redacted: an _id that follows from content must not depend on the redaction settings.
        texts: the redacted message of each event.
        lines: the line read from each text.
        prefix: the start of the index names.
        region: the AWS region of events that name none themselves.
        max_chars: the most characters of a message; a longer one is cut and marked.
        days: the times whose days have an index of their own.
        in_record: whether the state of a line stands in its trace's record. One with a stale trace id is notable, and `pending`.
    """
    xray_of = _IN_RECORD if in_record else _PENDING
    origin, service_name, id_prefix, apart = _stream(batch.source, region, batch.owner, batch.log_group, batch.log_stream)
    parts: list[Create | LogLine] = []
    # the second of the last event, as milliseconds since the epoch: most neighbours share it
    second = -LAST_MILLI
    to_second = day = index = ""
    aged = False
    seen: dict[str, int] = {}
    for event, text, line in zip(batch.events, texts, lines, strict=True):
        timestamp = event.timestamp
        milliseconds = timestamp - second
        if not 0 <= milliseconds < 1000:  # noqa: PLR2004
            milliseconds = timestamp % 1000
            second = timestamp - milliseconds
            to_second = (EPOCH + timedelta(milliseconds=time_kept(second))).isoformat()[:_TO_SECOND]
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
            line.xray = (xray_of if line.stale_trace_id is None else _PENDING)[trace_id]
        if logged and logged[:_TO_DAY] != day:
            put_time_back(line, text, logged)
        if len(text) > max_chars:
            line.make_plain(text, max_chars)
        elif line.attributes is not None or line.body != text:
            line.original = text
        id_ = id_prefix + (event_id if 0 < len(event_id) <= _LONGEST_EVENT_ID else _substitute_event_id(event, apart, seen))
        parts.append(Create(DocumentAddress(index, id_)))
        parts.append(line)
    return parts, aged


def time_kept(at: int) -> int:
    """The time that the document of an event of ``at`` has, both in milliseconds since the epoch: within what OpenSearch has times for."""
    milliseconds = at % 1000
    return min(max(at - milliseconds, 0), LAST_MILLI) + milliseconds


def daily_index(prefix: str, timestamp: str) -> str:
    """The name of the index of a day; ``timestamp`` is a time of it, ISO 8601, UTC."""
    return f"{prefix}-logs-{timestamp[:_TO_DAY].replace('-', '.')}"


def outside_index(prefix: str) -> str:
    """The name of the index that all events outside the bounds share."""
    return f"{prefix}-logs-{OUTSIDE}"


def aws_of(line: LogLine) -> msgspec.Raw:
    """The account, region, log group and log stream of an addressed line, as an encoded JSON object."""
    return msgspec.Raw(bytes(line.origin or b"").removeprefix(_KIND))


def _xray(trace_id: str, state: str) -> msgspec.Raw:
    return msgspec.Raw(b'{"traceId":"%b"},"trace":{"state":"%b","version":0}' % (XRAY_FORMS[trace_id].encode(), state.encode()))


_PENDING: Final = Memo(partial(_xray, state="pending"))
_IN_RECORD: Final = Memo(partial(_xray, state=IN_RECORD))


def id_prefix_of(owner: str, log_group: str, log_stream: str) -> str:
    """The start of the _id of every line that was delivered from this log stream of an account."""
    return _hash(f"{owner}\x00{log_group}\x00{log_stream}", 10) + "-"


@lru_cache(maxsize=1024)
def _stream(source: EventSource, region: str, owner: str, log_group: str, log_stream: str) -> tuple[msgspec.Raw, str, str, str]:
    """What all lines of a log stream share: their origin, the service name if they name none, and the start of their _id.

    The last is what tells events without an id apart from equal ones of the same log stream that came from elsewhere.
    """
    aws: dict[str, object] = {"accountId": source.account, "region": source.region or region, "logGroup": source.log_group,
                              "logStream": log_stream}  # fmt: skip
    if (source.account, source.log_group) != (owner, log_group):
        aws["deliveredFrom"] = {"accountId": owner, "logGroup": log_group}
    apart = "" if source == EventSource(owner, "", log_group) else "\0".join(("", *source))
    service_name = service_name_of(source.log_group, log_stream)
    return msgspec.Raw(_KIND + msgspec.json.encode(aws)), service_name, id_prefix_of(owner, log_group, log_stream), apart


def _substitute_event_id(event: LogEvent, apart: str, seen: dict[str, int]) -> str:
    """A substitute for an event id that is missing or too long: a hash of the event's time and message, or of the long id."""
    if event.id:
        return _hash(event.id, 16)
    # the order in the batch distinguishes equal events
    content = f"{event.timestamp}\0{event.message}{apart}"
    number = seen[content] = seen.get(content, -1) + 1
    return _hash(f"{number}\0{content}", 16)


def _hash(content: str, size: int) -> str:
    return blake2b(content.encode("utf-8", "replace"), digest_size=size).hexdigest()
