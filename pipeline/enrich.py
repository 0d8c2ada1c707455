"""Enrich: the verdict reaches every line and span of its trace, by compare-and-set; an old verdict never replaces a new one.

A line or span is brought up to date only by a verdict whose state holds what the document itself says. So a document that nobody
has taken in stays `pending`, where the sweep finds it: no lost message can lose a fact.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pipeline.index import Items
from pipeline.judge import Tree
from pipeline.opensearch import Hit, Store
from pipeline.records import Record, TraceRecords, annotations_of, status_of
from pipeline.spans import patch_of_span, span_place, stored_fact
from pipeline.state import RequestFact, Signal, SignalFact, TraceState, holds, merge_by_trace

_LONGEST_EVIDENCE = 500
_FACTS = (
    "@timestamp",
    "doc.kind",
    "traceId",
    "spanId",
    "requestId",
    "sampled",
    "signals",
    "serviceName",
    "trace.version",
    "body",
    "state",
    "annotations",
    "segment.id",
)


def greet(items: Items, store: Store, records: TraceRecords) -> tuple[str, ...]:
    """Gives the freshly indexed lines ``items`` the verdicts that are there already.

    What a late line says is merged into a settled record here, so that the line need not wait. Returns the ids of the traces that
    `resolve` must look at: those without a current record, those that a line reopened, and those of which a line says more than
    the record holds.
    """
    lines: dict[str, list[tuple[str, str]]] = {}
    for action, line in items:
        if line.trace_id:
            lines.setdefault(line.trace_id, []).append((action.create.index, action.create.id))
    known = {id_: record for id_, record in records.load(lines).items() if record.version and record.current}
    hits = [hit for hit in store.get_many([address for id_ in known for address in lines[id_]], source=_FACTS) if hit]
    settled = {id_ for id_, record in known.items() if record.settled}
    known |= records.add(facts_by_trace(hit for hit in hits if hit.source["traceId"] in settled))
    left = update(hits, known, store) | {id_ for id_ in settled if not known[id_].settled}
    return tuple(id_ for id_ in lines if id_ not in known or id_ in left)


def stale(records: Iterable[Record], store: Store) -> list[Hit]:
    """The lines and spans of these traces that carry an older verdict than the record's; sees what is refreshed."""
    by_version: dict[int, list[str]] = {}
    for record in records:
        by_version.setdefault(max(record.version, 1), []).append(record.trace_id)
    if not by_version:
        return []
    older = [
        {"bool": {"filter": [{"terms": {"traceId": ids}}, {"range": {"trace.version": {"lt": version}}}]}}
        for version, ids in by_version.items()
    ]
    query = {"bool": {"should": older, "minimum_should_match": 1}}
    return list(store.scan(query, index=f"{store.prefix}-logs-*,{store.prefix}-spans-*", source=_FACTS))


def facts_of(hit: Hit) -> TraceState:
    """What a stored log line or span says of its trace."""
    source = hit.source
    if source["doc"]["kind"] == "span":
        fact = stored_fact(source)
        return TraceState(segments={fact.id: fact}) if fact else TraceState()
    at = _milliseconds(source)
    request_id, sampled = source.get("requestId", ""), source.get("sampled")
    request = RequestFact(request_id=request_id, segment_id=source.get("spanId", ""), sampled=sampled)
    signals = tuple(source.get("signals", ()))
    return TraceState(
        requests={request_id: request} if request_id else {},
        signals=signal_fact(hit.id, signals, source.get("serviceName", ""), request_id, source.get("body", ""), at),
        first_line_at=at,
        last_line_at=at,
        unsampled=sampled is False,
    )


def facts_by_trace(hits: Iterable[Hit]) -> dict[str, TraceState]:
    """What stored lines and spans say, merged for each trace."""
    return merge_by_trace((hit.source["traceId"], facts_of(hit)) for hit in hits)


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
    news: dict[str, _News] = {}
    for hit in hits:
        record = records[hit.source["traceId"]]
        if hit.source.get("trace", {}).get("version", 0) >= record.version:
            continue
        if not holds(record.state, facts_of(hit)):
            left.add(record.trace_id)
            continue
        if record.trace_id not in news:
            news[record.trace_id] = _News(record)
        actions += news[record.trace_id].action(hit, store.prefix)
        touched.append(record.trace_id)
    for trace_id, result in zip(touched, store.write(actions), strict=True):
        if result.conflict:
            left.add(trace_id)
        elif not (result.ok or result.gone):
            result.raise_for_failure(f"a line of trace {trace_id}")
    return left


class _News:
    """What a record has to tell its lines and spans."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._tree = Tree(record.state.segments)
        self._annotations = annotations_of(record.state)
        self._trace = status_of(record.verdict, record.version)

    def action(self, hit: Hit, prefix: str) -> list[object]:
        """The bulk lines that bring ``hit`` up to date."""
        place = {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}
        if hit.source["doc"]["kind"] == "log":
            return [{"update": place}, {"doc": self._of_line(hit.source)}]
        fact = self._record.state.segments.get(hit.source["spanId"])
        if fact is None:
            return [{"update": place}, {"doc": {"trace": self._trace}}]
        if span_place(fact, self._record.trace_id, prefix) != (hit.index, hit.id):
            # another document of the same id, with another start, has won
            return [{"delete": place}]
        return [{"update": place}, {"doc": {"trace": self._trace} | patch_of_span(fact, self._tree, self._record.verdict)}]

    def _of_line(self, source: Mapping[str, Any]) -> dict[str, Any]:
        segment = self._tree.status_of_line(source.get("requestId", ""), source.get("spanId", ""), _milliseconds(source))
        # an update merges objects: what is no more must be wiped
        annotations = dict.fromkeys(source.get("annotations") or ()) | self._annotations
        patch: dict[str, Any] = {"trace": self._trace}
        if segment or source.get("segment"):
            patch["segment"] = segment
        return patch | ({"annotations": annotations} if annotations else {})


def _milliseconds(source: Mapping[str, Any]) -> int:
    return round(datetime.fromisoformat(source["@timestamp"]).timestamp() * 1000)
