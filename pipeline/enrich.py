"""Enrich: the verdict reaches every line and span of its trace, by compare-and-set; an old verdict never replaces a new one.

A line is brought up to date only by a verdict whose state holds what the line itself says. So a line that nobody has
taken in stays `pending`, where the sweep finds it: no lost message can lose a fact.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from pipeline.index import Items
from pipeline.opensearch import Hit, Store
from pipeline.records import Record, TraceRecords, status_of
from pipeline.segments import Segment
from pipeline.spans import span_document, trace_group
from pipeline.state import RequestFact, Signal, SignalFact, TraceState, holds

_LONGEST_EVIDENCE = 500
_FACTS = (
    "@timestamp",
    "doc.kind",
    "traceId",
    "requestId",
    "sampled",
    "signals",
    "serviceName",
    "trace.version",
    "body",
)


def greet(items: Items, store: Store, records: TraceRecords) -> tuple[str, ...]:
    """Gives the freshly indexed lines ``items`` the verdicts that are there already.

    Returns the ids of the traces that `resolve` must look at: those without a record, and those of which a line says more
    than the record holds.
    """
    lines: dict[str, list[tuple[str, str]]] = {}
    for action, line in items:
        if line.trace_id:
            lines.setdefault(line.trace_id, []).append((action.create.index, action.create.id))
    known = {id_: record for id_, record in records.load(lines).items() if record.version}
    hits = store.get_many([address for id_ in known for address in lines[id_]], source=_FACTS)
    left = update([hit for hit in hits if hit], known, store)
    return tuple(id_ for id_ in lines if id_ not in known or id_ in left)


def stale(records: Iterable[Record], store: Store) -> list[Hit]:
    """The lines and spans of these traces that carry an older verdict than the record's; sees what is refreshed."""
    older = [
        {"bool": {"filter": [{"term": {"traceId": record.trace_id}},
                             {"range": {"trace.version": {"lt": max(record.version, 1)}}}]}}
        for record in records
    ]  # fmt: skip
    if not older:
        return []
    query = {"bool": {"should": older, "minimum_should_match": 1}}
    return list(store.scan(query, index=f"{store.prefix}-logs-*,{store.prefix}-spans-*", source=_FACTS))


def facts_of(hit: Hit) -> TraceState:
    """What a stored log line says of its trace; nothing for a span, whose segment is in the state already."""
    source = hit.source
    if source["doc"]["kind"] != "log":
        return TraceState()
    at = int(datetime.fromisoformat(source["@timestamp"]).timestamp() * 1000)
    request_id, sampled = source.get("requestId", ""), source.get("sampled")
    signals = tuple(source.get("signals", ()))
    return TraceState(
        requests={request_id: RequestFact(request_id=request_id, sampled=sampled)} if request_id else {},
        signals=signal_fact(hit.id, signals, source.get("serviceName", ""), request_id, source.get("body", ""), at),
        last_line_at=at,
        unsampled=sampled is False,
    )


def signal_fact(line_id: str, signals: tuple[Signal, ...], service_name: str, request_id: str, text: str, at: int) -> dict[str, SignalFact]:
    """The failure that a line speaks of, by the line's id; nothing where it speaks of none. ``at`` is in epoch milliseconds."""
    if not signals:
        return {}
    text = text[:_LONGEST_EVIDENCE]
    return {line_id: SignalFact(line_id=line_id, signals=signals, service_name=service_name, request_id=request_id, text=text, at=at)}


def update(hits: Iterable[Hit], records: Mapping[str, Record], store: Store) -> set[str]:
    """Brings ``hits`` up to date; returns the ids of the traces of which one could not be, to be tried again."""
    left: set[str] = set()
    actions: list[object] = []
    touched: list[str] = []
    for hit in hits:
        record = records[hit.source["traceId"]]
        if hit.source.get("trace", {}).get("version", 0) >= record.version:
            continue
        if not _taken_in(record, facts_of(hit)):
            left.add(record.trace_id)
            continue
        actions.append({"update": {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no,
                                   "if_primary_term": hit.primary_term}})  # fmt: skip
        actions.append({"doc": _patch(hit, record)})
        touched.append(record.trace_id)
    for trace_id, result in zip(touched, store.write(actions), strict=True):
        if result.conflict:
            left.add(trace_id)
        elif not result.ok:
            result.raise_for_failure(f"a line of trace {trace_id}")
    return left


def write_spans(segments: Iterable[Segment], records: Mapping[str, Record], store: Store) -> set[str]:
    """Writes the spans of ``segments``; returns the ids of traces of which another worker changed a span meanwhile.

    A finished segment replaces one in progress, never the other way round, and the newer verdict stays.
    """
    documents = [(segment.trace_id, *span_document(segment, records[segment.trace_id].verdict)) for segment in segments]
    addresses = [(f"{store.prefix}-spans-{suffix}", id_) for _, suffix, id_, _ in documents]
    sent: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for (trace_id, _, _, document), address, hit in zip(documents, addresses, store.get_many(addresses), strict=True):
        document["trace"] = status_of(records[trace_id].verdict, records[trace_id].version)
        write = _span_action(address, document, hit)
        if write:
            sent.append((trace_id, *write))
    results = store.write([part for _, action, document in sent for part in (action, document)])
    left: set[str] = set()
    for (trace_id, action, document), result in zip(sent, results, strict=True):
        final = result
        if not (result.ok or result.conflict or result.retryable):
            # odd metadata is what OpenSearch refuses, such as a string above 32,766 bytes: once more without it
            final = store.write([action, document | {"attributes": {}, "events": []}])[0]
        if final.conflict:
            left.add(trace_id)
        elif not final.ok:
            final.raise_for_failure(f"a span of trace {trace_id}")
    return left


def _span_action(address: tuple[str, str], document: dict[str, Any], hit: Hit | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
    place: dict[str, Any] = {"_index": address[0], "_id": address[1]}
    if hit is None:
        return {"create": place}, document
    newer = hit.source if hit.source["trace"]["version"] > document["trace"]["version"] else document
    content = hit.source if hit.source.get("endTime") and not document.get("endTime") else document
    merged = content | {key: newer.get(key) for key in ("trace", "traceGroup", "traceGroupFields")}
    if merged == hit.source:
        return None
    return {"index": place | {"if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}}, merged


def _taken_in(record: Record, facts: TraceState) -> bool:
    """Whether the record's verdict follows from ``facts`` too. When a line came no longer matters once a trace is complete."""
    if record.verdict.state == "complete":
        facts = msgspec.structs.replace(facts, last_line_at=0)
    return holds(record.state, facts)


def _patch(hit: Hit, record: Record) -> dict[str, Any]:
    patch: dict[str, Any] = {"trace": status_of(record.verdict, record.version)}
    if hit.source["doc"]["kind"] == "span":
        return patch | trace_group(record.verdict)
    segment = record.verdict.segments_by_request.get(hit.source.get("requestId", ""))
    return patch | ({"segment": segment} if segment else {})
