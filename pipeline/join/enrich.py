"""Enrich: the verdict reaches every line and span of its trace, by compare-and-set; an old verdict never replaces a new one.

A line or span is brought up to date only by a verdict whose state holds what the document itself says. So a document that nobody
has taken in stays `pending`, where the sweep finds it: no lost message can lose a fact.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.detect.verdict import Root, Verdict
from pipeline.logs.line_facts import said_by_line
from pipeline.model.facts import SegmentFact, request_key
from pipeline.model.timestamps import iso_nanos, millis_of
from pipeline.model.trace_state import holds
from pipeline.store.client import Store
from pipeline.store.document_facts import FACTS, facts_of
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord, annotations_of, correlation_ids_of, trace_status
from pipeline.traces.span_document import ERROR, UNSET, span_address

if TYPE_CHECKING:
    from pipeline.detect.segment_tree import SegmentTree


def out_of_date(records: Iterable[TraceRecord], store: Store) -> list[Hit]:
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
    return list(store.scan(query, index=f"{store.prefix}-logs-*,{store.prefix}-spans-*", source=FACTS))


def apply_verdicts(hits: Iterable[Hit], records: Mapping[str, TraceRecord], store: Store) -> set[str]:
    """Brings ``hits`` up to date; returns the ids of the traces of which one could not be, to be tried again."""
    left: set[str] = set()
    actions: list[object] = []
    touched: list[str] = []
    news: dict[str, _DocumentPatch] = {}
    for hit in hits:
        record = records[hit.source["traceId"]]
        if hit.source.get("trace", {}).get("version", 0) >= record.version:
            continue
        if not holds(record.state, facts_of(hit)):
            left.add(record.trace_id)
            continue
        if record.trace_id not in news:
            news[record.trace_id] = _DocumentPatch(record)
        actions += news[record.trace_id].action(hit, store.prefix)
        touched.append(record.trace_id)
    for trace_id, result in zip(touched, store.write(actions), strict=True):
        if result.conflict:
            left.add(trace_id)
        elif not (result.ok or result.gone):
            result.raise_for_failure(f"a line of trace {trace_id}")
    return left


class _DocumentPatch:
    """What a record has to tell its lines and spans."""

    def __init__(self, record: TraceRecord) -> None:
        # imported here: most batches of `ship` meet no verdict, and a cold start should not wait for it
        from pipeline.detect.segment_tree import SegmentTree  # noqa: PLC0415

        self._record = record
        self._tree = SegmentTree(record.state.segments)
        self._annotations = annotations_of(record.state)
        self._correlation_ids = correlation_ids_of(record.state)
        self._trace = trace_status(record.verdict, record.version)

    def action(self, hit: Hit, prefix: str) -> list[object]:
        """The bulk lines that bring ``hit`` up to date."""
        place = {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}
        if hit.source["doc"]["kind"] == "log":
            return [{"update": place}, {"doc": self._of_line(hit.source)}]
        fact = self._record.state.segments.get(hit.source["spanId"])
        if fact is None:
            return [{"update": place}, {"doc": self._of_trace()}]
        if span_address(fact, self._record.trace_id, prefix) != (hit.index, hit.id):
            # another document of the same id, with another start, has won
            return [{"delete": place}]
        return [{"update": place}, {"doc": self._of_trace() | patch_of_span(fact, self._tree, self._record.verdict)}]

    def _of_trace(self) -> dict[str, Any]:
        return {"trace": self._trace, "transactionId": self._record.transaction_id, "correlationId": self._correlation_ids}

    def _of_line(self, source: Mapping[str, Any]) -> dict[str, Any]:
        request_id = source.get("requestId") or ""
        segment = self._tree.status_of_line(request_id, source.get("spanId") or "", millis_of(source["@timestamp"]))
        # an update merges objects: what is no more must be wiped
        annotations = dict.fromkeys(source.get("annotations") or ()) | self._annotations
        patch: dict[str, Any] = {"trace": self._trace, "transactionId": self._record.transaction_id}
        if segment or source.get("segment"):
            patch["segment"] = segment
        given = self._of_request(source) | self._correlation(source)
        kept = {name: said_by_line(source, name) for name in given}
        return patch | given | ({"state": kept} if given else {}) | ({"annotations": annotations} if annotations else {})

    def _of_request(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """What the platform says of the request of a line that does not say it itself."""
        requests = self._record.state.requests
        # a line of API Gateway's that its integration's request brought here
        of_integration = (
            request for request in requests.values() if request.platform and request.request_id == source.get("integrationRequestId")
        )
        request = requests.get(request_key(source.get("requestId") or "", (source.get("aws") or {}).get("logGroup") or ""))
        request = request if request and request.platform else next(of_integration, None)
        if request is None or not request.platform or (source.get("eventName") and source.get("idSource") == "inline"):
            return {}
        # a line's own span is nearer than its request's segment
        span_id = said_by_line(source, "spanId") if source.get("idSource") == "inline" else None
        told = {"spanId": span_id or request.segment_id or None, "sampled": request.said}
        return {name: value for name, value in told.items() if value is not None and value != source.get(name)}

    def _correlation(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """The trace's correlation ids beside the line's own."""
        own_ids = said_by_line(source, "correlationId") or []
        all_ids = [*own_ids, *(id_ for id_ in self._correlation_ids if id_ not in own_ids)]
        return {"correlationId": all_ids} if all_ids != (source.get("correlationId") or []) else {}


def patch_of_span(fact: SegmentFact, tree: "SegmentTree", verdict: Verdict) -> dict[str, Any]:
    """What a span says of its trace: the group of the root, and the service around it."""
    root = verdict.root
    service_name = tree.service_name(fact)
    return {
        # a root whose caller is not in X-Ray is a root all the same
        "parentSpanId": "" if root and fact.id == root.id else fact.parent_id,
        "serviceName": service_name,
        "resource": {"attributes": {"service.name": service_name}},
        "traceGroup": root.name if root else None,
        "traceGroupFields": _group_fields(root) if root else None,
    }


def _group_fields(root: Root) -> dict[str, Any]:
    return {
        "endTime": iso_nanos(root.end) if root.end is not None else None,
        "durationInNanos": root.duration,
        "statusCode": ERROR if root.failed else UNSET,
    }
