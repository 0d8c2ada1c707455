"""Waterfall: makes rows of one transaction's documents: its spans as a tree, its log lines inside them, in time order. Pure.

A trace that another trace caused stands below the span that caused it, if a tracing header or an X-Ray link names that span.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.model.tracing_headers import find_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A span or a log line as one row of the waterfall.

    Attributes:
        kind: span or log.
        offset: milliseconds since the transaction began.
        duration: milliseconds; 0 for a line.
        depth: how many spans enclose it.
    """

    kind: str
    offset: float
    duration: float
    depth: int
    service_name: str
    text: str
    failed: bool


def rows(documents: Sequence[dict[str, Any]]) -> list[Row]:
    """Returns the rows of a transaction's documents (logs and spans, as stored): each span, then what is inside it."""
    if not documents:
        return []
    begun = min(_at(document) for document in documents)
    spans = {document["spanId"]: document for document in documents if document["doc"]["kind"] == "span"}
    callers = _callers(documents, spans)
    inside: dict[str, list[dict[str, Any]]] = {}
    for document in documents:
        inside.setdefault(_enclosing_span(document, spans, callers), []).append(document)
    return list(_walk("", inside, begun, 0, set()))


def _walk(span_id: str, inside: dict[str, list[dict[str, Any]]], begun: float, depth: int, seen: set[str]) -> Iterator[Row]:
    for document in sorted(inside.get(span_id, ()), key=lambda document: (_at(document), document["doc"]["kind"] == "log")):
        yield _row(document, begun, depth)
        if document["doc"]["kind"] == "span" and document["spanId"] not in seen:
            seen.add(document["spanId"])
            yield from _walk(document["spanId"], inside, begun, depth + 1, seen)


def _callers(documents: Sequence[dict[str, Any]], spans: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """For each trace that a span of another trace caused, the id of that span: it began earlier, and a header or a span link names it."""
    found: dict[str, str] = {}
    for document in documents:
        trace_id = document.get("traceId", "")
        for span_id in (*_linked_spans(document), *_spans_in_headers(document)):
            caller = spans.get(span_id)
            if caller and trace_id and caller["traceId"] != trace_id and _at(caller) <= _at(document):
                found.setdefault(trace_id, span_id)
    # traces that name each other in a circle would appear nowhere
    return {trace_id: span_id for trace_id, span_id in found.items() if not _in_circle(trace_id, found, spans)}


def _in_circle(trace_id: str, callers: Mapping[str, str], spans: Mapping[str, dict[str, Any]]) -> bool:
    above, seen = trace_id, set[str]()
    while above in callers and above not in seen:
        seen.add(above)
        above = spans[callers[above]]["traceId"]
    return above in seen


def _linked_spans(document: dict[str, Any]) -> Iterator[str]:
    return (link["spanId"] for link in document.get("links") or () if link.get("spanId"))


def _spans_in_headers(document: dict[str, Any]) -> Iterator[str]:
    """The spans that the tracing headers in a log line name as parent."""
    if document.get("propagatedTraceId"):
        text = json.dumps(document.get("attributes") or document.get("body") or "")
        yield from (found.header.parent_id for found in find_headers(text) if found.header.parent_id)


def _enclosing_span(document: dict[str, Any], spans: Mapping[str, dict[str, Any]], callers: Mapping[str, str]) -> str:
    """The id of the span that encloses a document; empty at the top."""
    if document["doc"]["kind"] == "span":
        parent = document.get("parentSpanId", "")
        if parent in spans and parent != document["spanId"]:
            return str(parent)
        return callers.get(document.get("traceId", ""), "")
    for id_ in ((document.get("segment") or {}).get("id"), document.get("spanId")):
        if id_ in spans:
            return str(id_)
    return ""


def _row(document: dict[str, Any], begun: float, depth: int) -> Row:
    common = {"offset": _at(document) - begun, "depth": depth, "service_name": document.get("serviceName", "")}
    if document["doc"]["kind"] == "span":
        status = document.get("state", {}).get("status")
        text = document["name"] + (f" → {status}" if status else "")
        return Row(kind="span", duration=(document.get("durationInNanos") or 0) / 1e6, text=text,
                   failed=document["status"]["code"] == 2, **common)  # noqa: PLR2004  # OpenTelemetry's ERROR  # fmt: skip
    text = " ".join(document.get("body", "").split())
    return Row(kind="log", duration=0, text=text, failed=bool(document.get("signals")), **common)


def _at(document: dict[str, Any]) -> float:
    """Milliseconds since the epoch."""
    return datetime.fromisoformat(document["@timestamp"]).timestamp() * 1000 if "@timestamp" in document else 0.0
