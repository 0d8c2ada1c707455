"""Document: where a line's document goes. The line itself is the document (`extract.line`); this gives it its address.

The document's id follows from account, log group, log stream and event id alone, its index from the event's own day,
so a redelivery on another day, machine or shard can't make a second copy. Nothing in a line's content decides either.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.logs.extract.log_line import LogLine
from pipeline.model.memo import Memo
from pipeline.model.timestamps import EPOCH
from pipeline.model.trace_ids import to_xray

# a document's id may have 512 bytes (OpenSearch), an event id has 56 digits
_LONGEST_EVENT_ID: Final = 100
# date_nanos covers 1970 to 2262
_LAST: Final = 9_223_372_036_000
_PENDING: Final = b'{"state":"pending","version":0}'
_TO_DAY: Final = len("2026-11-24")
_TO_SECOND: Final = len("2026-11-24T10:00:00")
# what stands before the value of `aws` in a line's origin
_KIND: Final = b'{"kind":"log"},"aws":'
_FRACTIONS: Final = tuple(f".{millisecond:03d}Z" for millisecond in range(1000))


class DocumentAddress(msgspec.Struct, frozen=True, gc=False):
    """A document's address."""

    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")


class Create(msgspec.Struct, frozen=True, gc=False):
    """The bulk action that writes a document where there is none yet."""

    create: DocumentAddress


def address_documents(
    batch: LogBatch, texts: Sequence[str], lines: Sequence[LogLine], *, prefix: str, region: str, max_chars: int
) -> list[Create | LogLine]:
    """Completes ``lines``, the read lines of ``batch``, with place and time; returns them with their bulk actions, in turn.

    Args:
        batch: the events of one log stream, as they came: an id that follows from content must not depend on what is secret today.
        texts: one an event, what may be shown of it.
        lines: what they say.
        prefix: the start of the index names.
        region: the AWS region, which a subscription document does not name.
        max_chars: a longer message is cut, and marked.
    """
    origin, service_name, start = _stream(batch.owner, region, batch.log_group, batch.log_stream)
    parts: list[Create | LogLine] = []
    # the start of the second that the last event fell into, in milliseconds
    second = -_LAST
    to_second = index = ""
    seen: dict[str, int] = {}
    for event, text, line in zip(batch.events, texts, lines, strict=True):
        timestamp = event.timestamp
        milliseconds = timestamp - second
        if not 0 <= milliseconds < 1000:  # noqa: PLR2004
            milliseconds = timestamp % 1000
            second = timestamp - milliseconds
            to_second = (EPOCH + timedelta(milliseconds=min(max(second, 0), _LAST))).isoformat()[:_TO_SECOND]
            index = f"{prefix}-logs-{to_second[:_TO_DAY].replace('-', '.')}"
        line.timestamp = to_second + _FRACTIONS[milliseconds]
        line.origin = origin
        line.event_id = event_id = event.id
        if not line.service_name:
            line.service_name = service_name
        trace_id = line.trace_id
        if trace_id is not None:
            line.xray = _XRAY[trace_id]
        if len(text) > max_chars:
            line.make_plain(text, max_chars)
        id_ = start + (event_id if 0 < len(event_id) <= _LONGEST_EVENT_ID else _made_up(event, seen))
        parts.append(Create(DocumentAddress(index, id_)))
        parts.append(line)
    return parts


def aws_of(line: LogLine) -> msgspec.Raw:
    """Account, region, log group and log stream of an addressed line, encoded."""
    return msgspec.Raw(bytes(line.origin or b"").removeprefix(_KIND))


def _xray(trace_id: str) -> msgspec.Raw:
    return msgspec.Raw(b'%b,"trace":%b' % (msgspec.json.encode({"traceId": to_xray(trace_id)}), _PENDING))


_XRAY: Final = Memo(_xray)


@lru_cache(maxsize=1024)
def _stream(owner: str, region: str, log_group: str, log_stream: str) -> tuple[msgspec.Raw, str, str]:
    """What all lines of a log stream have in common: where they come from, their service where they name none, how their ids begin."""
    aws = msgspec.json.encode({"accountId": owner, "region": region, "logGroup": log_group, "logStream": log_stream})
    # an execution log of API Gateway is that of an API's stage (API Gateway developer guide, "CloudWatch log formats")
    execution = log_group.removeprefix("API-Gateway-Execution-Logs_")
    service_name = execution if execution != log_group else log_group.rpartition("/")[2]
    return msgspec.Raw(_KIND + aws), service_name, _hash(f"{owner}\x00{log_group}\x00{log_stream}", 10) + "-"


def _made_up(event: LogEvent, seen: dict[str, int]) -> str:
    """What stands for the id of an event that has none, or too long a one: its content decides."""
    if event.id:
        return _hash(event.id, 16)
    # equal lines of one millisecond are told apart by their order
    content = f"{event.timestamp}\0{event.message}"
    number = seen[content] = seen.get(content, -1) + 1
    return _hash(f"{number}\0{content}", 16)


def _hash(content: str, size: int) -> str:
    return blake2b(content.encode("utf-8", "replace"), digest_size=size).hexdigest()
