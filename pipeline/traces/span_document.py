"""Span document: turns a segment into a document of Data Prepper's standard template, which Trace Analytics draws as it stands.

Source: Data Prepper's `otel-v1-apm-span-index-standard-template`, and OpenSearch Dashboards' queries on it: a root has an empty
`parentSpanId`, and every span has its trace's group.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.model.facts import SegmentFact
from pipeline.model.index_days import ALL_DAYS, OUTSIDE, IndexDays
from pipeline.model.line_states import PENDING
from pipeline.model.timestamps import day_of_nanos, iso_nanos
from pipeline.model.trace_ids import to_xray

if TYPE_CHECKING:
    from pipeline.traces.segment import Segment

_REMOTE = frozenset({"aws", "remote"})
_MILLISECOND = 1_000_000
ERROR = 2
UNSET = 0


def span_address(fact: SegmentFact, trace_id: str, prefix: str, days: IndexDays = ALL_DAYS) -> tuple[str, str]:
    """Gives the index and the id of a span's document.

    The index is named by the day (UTC) of the span's start; ``undated`` if it has none, ``outside`` if ``days`` does not have it.
    """
    return f"{prefix}-spans-{_day(fact.start, days)}", f"{trace_id}-{fact.id}"


def _day(start: int | None, days: IndexDays) -> str:
    if start is None:
        return "undated"
    return day_of_nanos(start) if days.has(start // _MILLISECOND) else OUTSIDE


def span_document(segment: "Segment") -> dict[str, Any]:
    """Gives the span document of ``segment`` alone; `patch_of_span` adds what only the whole trace knows."""
    fact = segment.fact
    document: dict[str, Any] = {
        "doc": {"kind": "span"},
        "traceId": segment.trace_id,
        "spanId": fact.id,
        "parentSpanId": fact.parent_id,
        "xray": {"traceId": to_xray(segment.trace_id)},
        "name": _name(segment),
        "kind": segment.kind or _kind(fact),
        "serviceName": fact.service_name or fact.name,
        "status": {"code": ERROR if _failed(fact) else UNSET, "message": fact.exception_message},
        "events": [_event(fact, exception.type, exception.message, exception.stack) for exception in segment.exceptions],
        "links": [{"traceId": link.trace_id, "spanId": link.span_id} for link in segment.links],
        "attributes": segment.attributes,
        "resource": {"attributes": segment.resource | {"service.name": fact.service_name or fact.name}},
        "traceGroup": None,
        "traceGroupFields": None,
        "trace": PENDING,
        "state": fact,
    }
    if fact.annotations:
        document["annotations"] = dict(fact.annotations)
    if fact.status is not None:
        document["httpStatus"] = fact.status
    if fact.durable:
        document["durable"] = fact.durable
    if fact.request_id:
        document["requestId"] = fact.request_id
    # OpenSearch may refuse a part of these fields, so the digest says whether two documents of a span are the same
    shown = [document[name] for name in ("attributes", "events", "links", "resource")]
    document["digest"] = blake2b(msgspec.json.encode(shown, order="deterministic"), digest_size=8).hexdigest()
    document["attributes"] = _kept_once(segment.attributes, fact)
    if fact.start is not None:
        document["@timestamp"] = document["startTime"] = iso_nanos(fact.start)
    if fact.end is not None and not fact.in_progress:
        document["endTime"] = iso_nanos(fact.end)
        document["durationInNanos"] = max(fact.end - (fact.start or fact.end), 0)
    return document


def _kept_once(attributes: Mapping[str, Any], fact: SegmentFact) -> dict[str, Any]:
    """The attributes without the annotations and the request id that the document has in fields of its own: each would be held twice."""
    kept = dict(attributes)
    if isinstance(annotations := kept.get("annotations"), dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if (key, value) not in fact.annotations}
    if isinstance(aws := kept.get("aws"), dict):
        kept["aws"] = _without_request(aws, fact.request_id)
        if isinstance(gateway := aws.get("api_gateway"), dict):
            kept["aws"]["api_gateway"] = _without_request(gateway, fact.request_id)
    return {name: value for name, value in kept.items() if value or name not in {"annotations", "aws"}}


def _without_request(content: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != "request_id" or value != request_id}


def _name(segment: "Segment") -> str:
    fact = segment.fact
    # OpenTelemetry names its spans itself
    if segment.kind or fact.subsegment or not fact.method:
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


def _failed(fact: SegmentFact) -> bool:
    return fact.fault or fact.error or fact.throttle or fact.unmarked
