"""Waterfall: one transaction's spans as a tree, its log lines inside, in time order. Pure: documents in, rows out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A span or a log line, where it stands in the picture.

    Attributes:
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
    """The rows of a transaction's documents (logs and spans, as stored): each span, then what happened inside it."""
    if not documents:
        return []
    begun = min(_at(document) for document in documents)
    spans = {document["spanId"]: document for document in documents if document["doc"]["kind"] == "span"}
    inside: dict[str, list[dict[str, Any]]] = {}
    for document in documents:
        inside.setdefault(_place(document, spans), []).append(document)
    return list(_walk("", inside, begun, 0, set()))


def _walk(place: str, inside: dict[str, list[dict[str, Any]]], begun: float, depth: int, seen: set[str]) -> Iterator[Row]:
    for document in sorted(inside.get(place, ()), key=lambda document: (_at(document), document["doc"]["kind"] == "log")):
        yield _row(document, begun, depth)
        if document["doc"]["kind"] == "span" and document["spanId"] not in seen:
            seen.add(document["spanId"])
            yield from _walk(document["spanId"], inside, begun, depth + 1, seen)


def _place(document: dict[str, Any], spans: dict[str, dict[str, Any]]) -> str:
    """The id of the span that a document stands in; empty for the top."""
    if document["doc"]["kind"] == "span":
        parent = document.get("parentSpanId", "")
        return parent if parent in spans and parent != document["spanId"] else ""
    for id_ in (document.get("segment", {}).get("id"), document.get("spanId")):
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
