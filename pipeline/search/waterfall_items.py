"""Waterfall items: keeps of each stored line and span the little that a waterfall draws, so that thousands fit into memory. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pipeline.model.log_groups import API_GATEWAY_LOG_GROUPS, writer_of
from pipeline.model.tracing_headers import find_headers

_FAILED: Final = 2  # OpenTelemetry's ERROR
_OWN_EVENTS: Final = "apigateway."
_LONGEST: Final = 400
_ENDS: Final = ("attemptOutcome", "operationStatus", "invocationStatus", "executionStatus")
_LEVELS_SHOWN: Final = frozenset({"WARN", "WARNING", "ERROR", "CRITICAL", "FATAL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallItem:
    """A span or a log line.

    Attributes:
        key: the document's id.
        is_span: whether it is a span; else it is a line.
        at: milliseconds since the epoch; None where the document has no time.
        duration: milliseconds; 0 for a line; None for a span that is still open.
        span_ids: its own id, for a span; for a line the spans that may have written it, the best one first.
        parent_id: the id of the span that a span names as its parent.
        caused_by: the ids of spans that links and tracing headers name.
        text: on one line, cut where it is long.
        is_cut: whether the text is longer than that.
        level: the severity of a line, where it is a warning or worse.
        awaits_answer: whether it is a call whose callee has a segment of its own.
        is_segment: whether it is a segment, and not a part of one.
        of_api_gateway: whether it is a line of API Gateway's own logs.
        of_execution: whether it is a span of a durable execution: the spans around it are sent when they end.
    """

    key: str
    is_span: bool
    at: float | None
    duration: float | None = 0
    trace_id: str = ""
    span_ids: tuple[str, ...] = ()
    parent_id: str = ""
    caused_by: tuple[str, ...] = ()
    service_name: str = ""
    text: str = ""
    is_cut: bool = False
    level: str = ""
    failed: bool = False
    awaits_answer: bool = False
    is_segment: bool = False
    of_api_gateway: bool = False
    of_execution: bool = False


def item_of(document: Mapping[str, Any], api_gateway: Sequence[str] = API_GATEWAY_LOG_GROUPS, label: str = "") -> WaterfallItem:
    """Returns the item of a line or span as stored.

    Args:
        document: the line or span.
        api_gateway: names of API Gateway's log groups, with `*` and `?`.
        label: what stands before the text of a line, in brackets; empty for nothing.
    """
    return _span(document) if document["doc"]["kind"] == "span" else _line(document, api_gateway, label)


def _span(document: Mapping[str, Any]) -> WaterfallItem:
    facts = document.get("state") or {}
    durable = document.get("durable") or {}
    status, name = facts.get("status") or _end_of(durable), document.get("name") or ""
    text, is_cut = _one_line(f"{name} → {status}" if status else name)
    nanos = document.get("durationInNanos")
    span_id = document.get("spanId") or ""
    return WaterfallItem(
        key=document.get("_id") or span_id,
        is_span=True,
        at=_at(document),
        duration=nanos / 1e6 if nanos is not None else 0 if document.get("endTime") else None,
        trace_id=document.get("traceId") or "",
        span_ids=(span_id,),
        parent_id=document.get("parentSpanId") or "",
        caused_by=tuple(link["spanId"] for link in document.get("links") or () if link.get("spanId")),
        service_name=document.get("serviceName") or "",
        text=text,
        is_cut=is_cut,
        failed=(document.get("status") or {}).get("code") == _FAILED,
        awaits_answer=bool(facts.get("traced")),
        is_segment=not facts.get("subsegment"),
        of_execution=bool(durable),
    )


def _end_of(durable: Mapping[str, Any]) -> str:
    """How the part of a durable execution ended that a span is about; empty where it is none, or has not ended."""
    return next((durable[name] for name in _ENDS if durable.get(name)), "")


def _line(document: Mapping[str, Any], api_gateway: Sequence[str], label: str) -> WaterfallItem:
    text, is_cut = _one_line(f"[{label}] {document.get('body') or ''}" if label else document.get("body") or "")
    level = ((document.get("severity") or {}).get("text") or "").upper()
    aws = document.get("aws") or {}
    group, stream = aws.get("logGroup") or "", aws.get("logStream") or ""
    spans = ((document.get("segment") or {}).get("id"), document.get("spanId"))
    return WaterfallItem(
        key=document.get("_id") or f"{document.get('@timestamp')} {text}",
        is_span=False,
        at=_at(document),
        trace_id=document.get("traceId") or "",
        span_ids=tuple(id_ for id_ in spans if id_),
        caused_by=tuple(_spans_in_headers(document)),
        service_name=document.get("serviceName") or "",
        text=text,
        is_cut=is_cut,
        level=level if level in _LEVELS_SHOWN else "",
        failed=bool(document.get("signals")),
        of_api_gateway=(document.get("eventName") or "").startswith(_OWN_EVENTS) or writer_of(group, stream, api_gateway) == "api-gateway",
    )


def _spans_in_headers(document: Mapping[str, Any]) -> Iterator[str]:
    """The spans that the tracing headers in a log line name as parent."""
    if document.get("propagatedTraceId"):
        text = json.dumps(document.get("attributes") or document.get("body") or "")
        yield from (found.header.parent_id for found in find_headers(text) if found.header.parent_id)


def _one_line(text: str) -> tuple[str, bool]:
    # more than is shown, so that a long beginning of white space does not use it up
    line = " ".join(text[: 4 * _LONGEST].split())
    return line[:_LONGEST], len(line) > _LONGEST or len(text) > 4 * _LONGEST


def _at(document: Mapping[str, Any]) -> float | None:
    at = document.get("@timestamp")
    return datetime.fromisoformat(at).timestamp() * 1000 if at else None
