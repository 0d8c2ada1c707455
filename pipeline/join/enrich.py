"""Enrich: writes a trace's verdict to its lines and spans by compare-and-set; an old verdict never replaces a new one.

A line or span gets a verdict only if the trace's state holds the facts of the document itself. So a document whose facts were never
merged stays `pending`, where the sweep finds it: no lost message can lose a fact. A line that leaves its state to its trace's record is
not written at all as long as nothing about the trace is notable; once something was, for good, it is written like any other.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pipeline.detect.verdict import Root, Verdict
from pipeline.logs.line_facts import is_provisional, said_by_line
from pipeline.model.facts import RequestFact, SegmentFact, request_key
from pipeline.model.index_days import KEPT_SPANS, OUTSIDE
from pipeline.model.invocations import position_of, stream_of, window_around
from pipeline.model.line_states import IN_RECORD
from pipeline.model.timestamps import iso_nanos, millis_of
from pipeline.model.trace_state import TraceState, holds
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_of, stored_fact
from pipeline.store.own_documents import only_own
from pipeline.store.results import Hit
from pipeline.store.together import Writer
from pipeline.store.trace_document import TraceRecord, annotations_of, correlation_ids_of, trace_status
from pipeline.traces.span_document import ERROR, UNSET, span_address

if TYPE_CHECKING:
    from pipeline.detect.segment_tree import SegmentTree
    from pipeline.traces.segment import Segment


# what a line may say itself, and its trace may say otherwise
_SAID: Final = ("spanId", "sampled", "correlationId")
_LEFT: Final = {"term": {"trace.state": IN_RECORD}}


def out_of_date(records: Iterable[TraceRecord], store: Store, held: Mapping[tuple[str, str], Hit] | None = None) -> list[Hit]:
    """Returns the lines and spans of these traces that carry an older verdict than the record; finds refreshed documents only.

    Without the lines that were left as they were shipped, and may stay so, where the record holds what all of them say. Those of the
    ``held`` ones, by index and id, that nobody changed since are not read again.
    """
    alike: dict[tuple[int, bool], list[str]] = {}
    for record in records:
        without_left = record.left and record.knows_all_lines and not record.lets_go
        alike.setdefault((max(record.version, 1), without_left), []).append(record.trace_id)
    if not alike:
        return []
    older = [
        {"bool": {"filter": [{"terms": {"traceId": ids}}, {"range": {"trace.version": {"lt": version}}}],
                  "must_not": [_LEFT] if without_left else []}}
        for (version, without_left), ids in alike.items()
    ]  # fmt: skip
    query = {"bool": {"should": older, "minimum_should_match": 1}}
    known = held or {}
    found = [(hit, known.get((hit.index, hit.id))) for hit in store.scan(query, index=store.lines_and_spans, source=False)]
    unchanged = [mine for hit, mine in found if mine is not None and mine.seq_no == hit.seq_no]
    changed = store.fetch([hit for hit, mine in found if mine is None or mine.seq_no != hit.seq_no])
    return [*unchanged, *only_own(changed, store.left_out)]


def applying_verdicts(
    hits: Iterable[Hit],
    records: Mapping[str, TraceRecord],
    store: Store,
    refused: dict[tuple[str, str], str] | None = None,
    merged: Container[str] = (),
) -> Writer[set[str]]:
    """Writes the records' verdicts to lines and spans; returns the ids of traces with one that could not be updated yet.

    Args:
        hits: the lines and spans, with their whole documents.
        records: the records of their traces, by trace id.
        store: OpenSearch.
        refused: is filled with the addresses of documents whose index takes no writes now, each with the reason.
        merged: the ids of traces whose records are known to hold the facts of all their ``hits``.

    Raises BadInputError where OpenSearch refuses an update for good.
    """
    left: set[str] = set()
    ready: list[Hit] = []
    for hit in hits:
        record = records[hit.source["traceId"]]
        status = hit.source.get("trace", {})
        if status.get("version", 0) >= record.version:
            continue
        if not (record.trace_id in merged or holds(record.state, facts_of(hit))):
            left.add(record.trace_id)
        elif not (record.left and status.get("state") == IN_RECORD) or record.lets_go:
            ready.append(hit)
    patches = {id_: _DocumentPatch(records[id_]) for id_ in {hit.source["traceId"]: None for hit in ready}}
    writes = [line for hit in ready for line in patches[hit.source["traceId"]].rewritten(hit, store)]
    for hit, result in zip(ready, (yield writes), strict=True):
        if result.conflict:
            left.add(hit.source["traceId"])
        elif result.curable:
            left.add(hit.source["traceId"])
            if refused is not None:
                refused[hit.index, hit.id] = result.described()
        elif not (result.ok or result.gone):
            result.raise_for_failure(f"a line of trace {hit.source['traceId']}")
    return left


def with_verdicts(records: Mapping[str, TraceRecord]) -> Callable[["Segment", dict[str, Any]], dict[str, Any]]:
    """Returns a function that gives the document of a new span the verdict of its trace, by the trace's record among ``records``.

    A segment that the record knows otherwise, since another document of it has won, keeps its document.
    """
    patches: dict[str, _DocumentPatch] = {}

    def finished(segment: "Segment", document: dict[str, Any]) -> dict[str, Any]:
        record = records[segment.trace_id]
        if record.state.segments.get(segment.fact.id) != segment.fact:
            return document
        if segment.trace_id not in patches:
            patches[segment.trace_id] = _DocumentPatch(record)
        return document | patches[segment.trace_id].of_span(segment.fact, document)

    return finished


class _DocumentPatch:
    """Makes the updates of a record's lines and spans."""

    def __init__(self, record: TraceRecord) -> None:
        self._record = record
        status = trace_status(record.verdict, record.version)
        self._lines = LineEnrichment(record.state, status, record.transaction_id, expendable=record.lets_go)

    def rewritten(self, hit: Hit, store: Store) -> list[object]:
        """Returns the bulk lines that write one line or span with the verdict, or delete the loser of two spans with one id.

        The whole document is written: for a part of it OpenSearch would read the document again, which costs more than the writing.
        """
        action = store.compare_and_set(hit.index, hit.id, hit.seq_no, hit.primary_term)
        if hit.source["doc"]["kind"] == "log":
            return [action, self._lines.enriched(hit.source)]
        fact = self._record.state.segments.get(hit.source["spanId"])
        source = {name: value for name, value in hit.source.items() if name != "expendable"}
        if fact is None:
            return [action, source | self._lines.of_trace]
        if span_address(fact, self._record.trace_id, store.prefix) != (hit.index, hit.id) and not _is_its_own_elsewhere(fact, hit):
            # another document of the same span, with another start, has won
            return [{"delete": action["index"]}]
        return [action, source | self.of_span(fact, source)]

    def of_span(self, fact: SegmentFact, source: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the fields that the document ``source`` of a span has from its trace."""
        return self._lines.of_trace | patch_of_span(fact, source, self._lines.tree, self._record.verdict)


class LineEnrichment:
    """What the lines of one trace have from it.

    Args:
        state: the facts of the trace.
        status: its `trace` object.
        transaction_id: the id of its transaction.
        expendable: whether others of it were sampled out, so that what comes now has to be found.

    Attributes:
        tree: the segments of the trace.
        of_trace: the fields that its spans have, too.
    """

    def __init__(self, state: TraceState, status: Mapping[str, Any], transaction_id: str, *, expendable: bool = False) -> None:
        # imported here: most batches of `ship` find no verdict, and a cold start should not pay for it
        from pipeline.detect.segment_tree import SegmentTree  # noqa: PLC0415
        from pipeline.detect.told_requests import told_requests  # noqa: PLC0415

        self.tree = SegmentTree(state.segments)
        self._requests = told_requests(state)
        self._annotations = annotations_of(state)
        self._correlation_ids = correlation_ids_of(state)
        self._shared = {"trace": status, "transactionId": transaction_id}
        self._expendable = expendable or None
        self.of_trace = {**self._shared, "correlationId": self._correlation_ids, **({"expendable": True} if expendable else {})}

    def enriched(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the document of a line, ``source``, with what it has from its trace."""
        patch = self._of_line(source)
        kept = {name: value for name, value in source.items() if name not in patch}
        return kept | {name: value for name, value in patch.items() if value is not None}

    def _of_line(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """All fields that a line has from its trace, None for those that it lacks.

        They follow from what the line itself says and from the record alone, whatever the line had from an earlier verdict.
        """
        said = {name: said_by_line(source, name) for name in _SAID}
        state = source.get("state") or {}
        # a line that was assigned anew does not show the span of the trace that it claims
        shown = {name: None if name in state and source.get("idSource") != "inline" else value for name, value in said.items()}
        own = shown | self._of_request(source, said) | self._correlation(said)
        segment = self.tree.status_of_line(source.get("requestId") or "", own["spanId"] or "", millis_of(source["@timestamp"]))
        noted = {name: value for name, value in state.items() if name not in _SAID}
        # what a line says stands in `state` where the line shows something else, and for its next assignment where this one is a guess
        noted |= {name: value for name, value in said.items() if value != own[name] or (is_provisional(source) and name != "correlationId")}
        given = {"segment": segment, "annotations": self._annotations or None, "state": noted or None, "expendable": self._expendable}
        return {**self._shared, **given, **own}

    def _of_request(self, source: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
        """The platform's span id and sampling for a line whose own content lacks them."""
        stream = stream_of(source)
        request = (
            self._requests.get(request_key(source.get("requestId") or "", stream.log_group, stream.account))
            or self._of_integration(source)
            or self._request_around(source)
        )
        if request is None or (source.get("eventName") and source.get("idSource") == "inline"):
            return {}
        # a line's own span is more exact than its request's segment
        span_id = said["spanId"] if source.get("idSource") == "inline" else None
        segment_id = None if request.elsewhere else request.segment_id or None
        given = {"spanId": span_id or segment_id, "sampled": request.is_sampled}
        return {name: value for name, value in given.items() if value is not None}

    def _of_integration(self, source: Mapping[str, Any]) -> RequestFact | None:
        """The request of the integration, for a line of API Gateway that was assigned by it."""
        id_ = source.get("integrationRequestId")
        return next((request for request in self._requests.values() if request.request_id == id_), None) if id_ else None

    def _request_around(self, source: Mapping[str, Any]) -> RequestFact | None:
        """The request of the invocation that a line was assigned to by its position, if the line kept another service's request id."""
        if source.get("idSource") != "stream":
            return None
        stream, position = stream_of(source), position_of(source)
        around = [(window, request) for request in self._requests.values()
                  if request.origin == stream.origin and stream.log_stream in request.runs
                  and (window := window_around(position, request.runs[stream.log_stream]))]  # fmt: skip
        return max(around, key=lambda found: found[0])[1] if around else None

    def _correlation(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """The line's own correlation ids and then those of its trace."""
        own_ids = said["correlationId"] or []
        return {"correlationId": [*own_ids, *(id_ for id_ in self._correlation_ids if id_ not in own_ids)] or None}


def _is_its_own_elsewhere(fact: SegmentFact, hit: Hit) -> bool:
    """Whether a span document in the index for all times outside, or for held ones, is that of ``fact``: both have the same start."""
    return hit.index.endswith((OUTSIDE, KEPT_SPANS)) and (own := stored_fact(hit.source)) is not None and own.start == fact.start


def patch_of_span(fact: SegmentFact, source: Mapping[str, Any], tree: "SegmentTree", verdict: Verdict) -> dict[str, Any]:
    """Makes the fields of a span document, ``source``, that depend on its trace: parent, service name and Data Prepper's trace group."""
    root = verdict.root
    service_name = tree.service_name(fact)
    return {
        # a root whose caller is not in X-Ray is a root all the same
        "parentSpanId": "" if root and fact.id == root.id else fact.parent_id,
        "serviceName": service_name,
        "resource": {"attributes": (source.get("resource") or {}).get("attributes", {}) | {"service.name": service_name}},
        "traceGroup": root.name if root else None,
        "traceGroupFields": _group_fields(root) if root else None,
    }


def _group_fields(root: Root) -> dict[str, Any]:
    return {
        "endTime": iso_nanos(root.end) if root.end is not None else None,
        "durationInNanos": root.duration,
        "statusCode": ERROR if root.failed else UNSET,
    }
