"""Spans: segments as span documents in the shape of Data Prepper's standard template, which Trace Analytics draws as it stands.

Source: Data Prepper's `otel-v1-apm-span-index-standard-template`, and OpenSearch Dashboards' queries on it: a root has an empty
`parentSpanId`, and every span carries its trace's group.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pipeline.ids import to_xray
from pipeline.judge import Root, Verdict
from pipeline.segments import Segment
from pipeline.state import SegmentFact

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000
_REMOTE = frozenset({"aws", "remote"})
_ERROR = 2
_UNSET = 0


def span_document(segment: Segment, verdict: Verdict) -> tuple[str, str, dict[str, Any]]:
    """The span of ``segment``: its day (``undated`` where it has no time), its id, its document without `trace`."""
    fact = segment.fact
    root = verdict.root
    is_root = root is not None and fact.id == root.id
    failed = fact.fault or fact.error or fact.throttle
    document: dict[str, Any] = {
        "doc": {"kind": "span"},
        "traceId": segment.trace_id,
        "spanId": fact.id,
        # a root whose caller is not in X-Ray is a root all the same
        "parentSpanId": "" if is_root else fact.parent_id,
        "xray": {"traceId": to_xray(segment.trace_id)},
        "name": _name(fact),
        "kind": _kind(fact),
        "serviceName": fact.service_name or fact.name,
        "status": {"code": _ERROR if failed else _UNSET, "message": fact.exception_message},
        "events": [_event(fact, exception.type, exception.message, exception.stack) for exception in segment.exceptions],
        "links": [{"traceId": link.trace_id, "spanId": link.span_id} for link in segment.links],
        "attributes": _plain(segment.attributes | ({"parentSpanId": fact.parent_id} if is_root and fact.parent_id else {})),
        "resource": {"attributes": {"service.name": fact.service_name or fact.name}},
    } | trace_group(verdict)
    if fact.request_id:
        document["requestId"] = fact.request_id
    if fact.start is not None:
        document["@timestamp"] = document["startTime"] = iso_nanos(fact.start)
    if fact.end is not None and not fact.in_progress:
        document["endTime"] = iso_nanos(fact.end)
        document["durationInNanos"] = max(fact.end - (fact.start or fact.end), 0)
    day = f"{_EPOCH + timedelta(seconds=fact.start // _SECOND):%Y.%m.%d}" if fact.start is not None else "undated"
    return day, f"{segment.trace_id}-{fact.id}", document


def trace_group(verdict: Verdict) -> dict[str, Any]:
    """What every span of a trace says of its root; nulls until the root is known."""
    root = verdict.root
    return {"traceGroup": root.name if root else None, "traceGroupFields": _group_fields(root) if root else None}


def iso_nanos(nanos: int) -> str:
    """Nanoseconds since the epoch as ISO 8601 with nine digits, UTC."""
    seconds, rest = divmod(nanos, _SECOND)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _group_fields(root: Root) -> dict[str, Any]:
    duration = root.end - root.start if root.end is not None and root.start is not None else None
    return {
        "endTime": iso_nanos(root.end) if root.end is not None else None,
        "durationInNanos": duration,
        "statusCode": _ERROR if root.failed else _UNSET,
    }


def _name(fact: SegmentFact) -> str:
    if fact.subsegment or not fact.method:
        return fact.name
    _, _, path = fact.url.partition("://")
    return f"{fact.method} /{path.partition('/')[2].partition('?')[0]}"


def _kind(fact: SegmentFact) -> str:
    if not fact.subsegment:
        return "SPAN_KIND_SERVER"
    return "SPAN_KIND_CLIENT" if fact.namespace in _REMOTE else "SPAN_KIND_INTERNAL"


def _event(fact: SegmentFact, kind: str, message: str, stack: str) -> dict[str, Any]:
    at = fact.end if fact.end is not None else fact.start
    attributes = {"exception.type": kind, "exception.message": message, "exception.stacktrace": stack}
    return {"name": "exception", "time": iso_nanos(at) if at is not None else None, "attributes": attributes}


def _plain(value: Any) -> Any:
    """``value`` with numbers as JSON knows them."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return float(value) if isinstance(value, Decimal) else value
