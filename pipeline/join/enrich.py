"""Enrich: writes a trace's verdict to its lines and spans by compare-and-set; an old verdict never replaces a new one.

A line or span gets a verdict only if the trace's state holds the facts of the document itself. So a document whose facts were never
merged stays `pending`, where the sweep finds it: no lost message can lose a fact.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.detect.verdict import Root, Verdict
from pipeline.logs.line_facts import said_by_line
from pipeline.model.facts import RequestFact, SegmentFact, request_key
from pipeline.model.index_days import OUTSIDE
from pipeline.model.invocations import position_of, stream_of, window_around
from pipeline.model.timestamps import iso_nanos, millis_of
from pipeline.model.trace_state import holds
from pipeline.store.client import Store
from pipeline.store.document_facts import FACTS, facts_of, stored_fact
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord, annotations_of, correlation_ids_of, trace_status
from pipeline.traces.span_document import ERROR, UNSET, span_address

if TYPE_CHECKING:
    from pipeline.detect.segment_tree import SegmentTree


def out_of_date(records: Iterable[TraceRecord], store: Store) -> list[Hit]:
    """Returns the lines and spans of these traces that carry an older verdict than the record; finds refreshed documents only."""
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
    return list(store.scan(query, index=store.lines_and_spans, source=FACTS))


def apply_verdicts(hits: Iterable[Hit], records: Mapping[str, TraceRecord], store: Store) -> set[str]:
    """Writes the records' verdicts to lines and spans; returns the ids of traces with one that could not be updated yet."""
    left: set[str] = set()
    actions: list[object] = []
    touched: list[str] = []
    patches: dict[str, _DocumentPatch] = {}
    for hit in hits:
        record = records[hit.source["traceId"]]
        if hit.source.get("trace", {}).get("version", 0) >= record.version:
            continue
        if not holds(record.state, facts_of(hit)):
            left.add(record.trace_id)
            continue
        if record.trace_id not in patches:
            patches[record.trace_id] = _DocumentPatch(record)
        actions += patches[record.trace_id].action(hit, store.prefix)
        touched.append(record.trace_id)
    for trace_id, result in zip(touched, store.write(actions), strict=True):
        if result.conflict:
            left.add(trace_id)
        elif not (result.ok or result.gone):
            result.raise_for_failure(f"a line of trace {trace_id}")
    return left


class _DocumentPatch:
    """Makes the updates of a record's lines and spans."""

    def __init__(self, record: TraceRecord) -> None:
        # imported here: most batches of `ship` find no verdict, and a cold start should not pay for it
        from pipeline.detect.segment_tree import SegmentTree  # noqa: PLC0415

        self._record = record
        self._tree = SegmentTree(record.state.segments)
        self._annotations = annotations_of(record.state)
        self._correlation_ids = correlation_ids_of(record.state)
        self._trace = trace_status(record.verdict, record.version)

    def action(self, hit: Hit, prefix: str) -> list[object]:
        """Returns the bulk lines that update one line or span, or delete the loser of two spans with one id."""
        address = {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}
        if hit.source["doc"]["kind"] == "log":
            return [{"update": address}, {"doc": self._of_line(hit.source)}]
        fact = self._record.state.segments.get(hit.source["spanId"])
        if fact is None:
            return [{"update": address}, {"doc": self._of_trace()}]
        if span_address(fact, self._record.trace_id, prefix) != (hit.index, hit.id) and not _is_its_own_outside(fact, hit):
            # another document of the same span, with another start, has won
            return [{"delete": address}]
        return [{"update": address}, {"doc": self._of_trace() | patch_of_span(fact, self._tree, self._record.verdict)}]

    def _of_trace(self) -> dict[str, Any]:
        return {"trace": self._trace, "transactionId": self._record.transaction_id, "correlationId": self._correlation_ids}

    def _of_line(self, source: Mapping[str, Any]) -> dict[str, Any]:
        request_id = source.get("requestId") or ""
        segment = self._tree.status_of_line(request_id, source.get("spanId") or "", millis_of(source["@timestamp"]))
        # an update merges objects: a key that is gone must be set to null
        annotations = dict.fromkeys(source.get("annotations") or ()) | self._annotations
        patch: dict[str, Any] = {"trace": self._trace, "transactionId": self._record.transaction_id}
        if segment or source.get("segment"):
            patch["segment"] = segment
        given = self._of_request(source) | self._correlation(source)
        kept = {name: said_by_line(source, name) for name in given}
        return patch | given | ({"state": kept} if given else {}) | ({"annotations": annotations} if annotations else {})

    def _of_request(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """The platform's span id and sampling for a line whose own content lacks them."""
        requests = self._record.state.requests
        # for a line of API Gateway that was assigned by its integration's request
        of_integration = (
            request for request in requests.values() if request.platform and request.request_id == source.get("integrationRequestId")
        )
        stream = stream_of(source)
        request = requests.get(request_key(source.get("requestId") or "", stream.log_group, stream.account))
        request = request if request and request.platform else next(of_integration, None) or self._request_around(source)
        if request is None or not request.platform or (source.get("eventName") and source.get("idSource") == "inline"):
            return {}
        # a line's own span is more exact than its request's segment
        span_id = said_by_line(source, "spanId") if source.get("idSource") == "inline" else None
        segment_id = None if request.elsewhere else request.segment_id or None
        given = {"spanId": span_id or segment_id, "sampled": request.is_sampled}
        return {name: value for name, value in given.items() if value is not None and value != source.get(name)}

    def _request_around(self, source: Mapping[str, Any]) -> RequestFact | None:
        """The request of the invocation that a line was assigned to by its position, if the line kept another service's request id."""
        if source.get("idSource") != "stream":
            return None
        stream, position = stream_of(source), position_of(source)
        around = [(window, request) for request in self._record.state.requests.values()
                  if request.platform and request.origin == stream.origin and stream.log_stream in request.runs
                  and (window := window_around(position, request.runs[stream.log_stream]))]  # fmt: skip
        return max(around, key=lambda found: found[0])[1] if around else None

    def _correlation(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """The line's own correlation ids and then those of its trace, where the line lacks some."""
        own_ids = said_by_line(source, "correlationId") or []
        all_ids = [*own_ids, *(id_ for id_ in self._correlation_ids if id_ not in own_ids)]
        return {"correlationId": all_ids} if all_ids != (source.get("correlationId") or []) else {}


def _is_its_own_outside(fact: SegmentFact, hit: Hit) -> bool:
    """Whether a span document in the index for all times outside is that of ``fact``: both have the same start."""
    return hit.index.endswith(OUTSIDE) and (own := stored_fact(hit.source)) is not None and own.start == fact.start


def patch_of_span(fact: SegmentFact, tree: "SegmentTree", verdict: Verdict) -> dict[str, Any]:
    """Makes the fields of a span document that depend on its trace: parent, service name and Data Prepper's trace group."""
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
