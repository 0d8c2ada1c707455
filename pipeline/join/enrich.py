"""Enrich: writes a trace's verdict to its lines and spans by compare-and-set; an old verdict never replaces a new one.

A line or span gets a verdict only if the trace's state holds the facts of the document itself. So a document whose facts were never
merged stays `pending`, where the sweep finds it: no lost message can lose a fact.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pipeline.detect.verdict import Root, Verdict
from pipeline.logs.line_facts import is_provisional, said_by_line
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


# what a line may say itself, and its trace may say otherwise
_SAID: Final = ("spanId", "sampled", "correlationId")
_OBJECTS: Final = ("annotations", "state")


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


def apply_verdicts(
    hits: Iterable[Hit], records: Mapping[str, TraceRecord], store: Store, refused: dict[tuple[str, str], str] | None = None
) -> set[str]:
    """Writes the records' verdicts to lines and spans; returns the ids of traces with one that could not be updated yet.

    Args:
        hits: the lines and spans.
        records: the records of their traces, by trace id.
        store: OpenSearch.
        refused: is filled with the addresses of documents whose index takes no writes now, each with the reason.

    Raises BadInputError where OpenSearch refuses an update for good.
    """
    left: set[str] = set()
    ready: list[Hit] = []
    for hit in hits:
        record = records[hit.source["traceId"]]
        if hit.source.get("trace", {}).get("version", 0) >= record.version:
            continue
        if holds(record.state, facts_of(hit)):
            ready.append(hit)
        else:
            left.add(record.trace_id)
    patches = {id_: _DocumentPatch(records[id_]) for id_ in {hit.source["traceId"]: None for hit in ready}}
    writes = [(hit, patches[hit.source["traceId"]].action(hit, store.prefix)) for hit in ready]
    losing = [hit for hit, lines in writes if not lines]
    writes = [(hit, lines) for hit, lines in writes if lines]
    if losing:
        rewrites = list(_rewrites(losing, patches, store))
        left |= {hit.source["traceId"] for hit, lines in rewrites if not lines}
        writes += [(hit, lines) for hit, lines in rewrites if lines]
    for (hit, _), result in zip(writes, store.write([line for _, lines in writes for line in lines]), strict=True):
        if result.conflict:
            left.add(hit.source["traceId"])
        elif result.curable:
            left.add(hit.source["traceId"])
            if refused is not None:
                refused[hit.index, hit.id] = result.described()
        elif not (result.ok or result.gone):
            result.raise_for_failure(f"a line of trace {hit.source['traceId']}")
    return left


def _rewrites(hits: Sequence[Hit], patches: Mapping[str, "_DocumentPatch"], store: Store) -> Iterator[tuple[Hit, list[object]]]:
    """Yields the bulk lines that write each of these lines anew; none where a line changed meanwhile, and nothing where it is gone."""
    for hit, whole in zip(hits, store.get_many([(hit.index, hit.id) for hit in hits]), strict=True):
        if whole and whole.seq_no == hit.seq_no:
            action = store.compare_and_set(whole.index, whole.id, whole.seq_no, whole.primary_term)
            yield hit, [action, patches[hit.source["traceId"]].rewritten(whole.source)]
        elif whole:
            yield hit, []


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
        """Returns the bulk lines that update one line or span, or delete the loser of two spans with one id.

        Returns none for a line that loses a field, which no update can do: it has to be `rewritten`.
        """
        address = {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}
        if hit.source["doc"]["kind"] == "log":
            patch = self._of_line(hit.source)
            return [] if _loses(hit.source, patch) else [{"update": address}, {"doc": _changed(hit.source, patch)}]
        fact = self._record.state.segments.get(hit.source["spanId"])
        if fact is None:
            return [{"update": address}, {"doc": self._of_trace()}]
        if span_address(fact, self._record.trace_id, prefix) != (hit.index, hit.id) and not _is_its_own_outside(fact, hit):
            # another document of the same span, with another start, has won
            return [{"delete": address}]
        return [{"update": address}, {"doc": self._of_trace() | patch_of_span(fact, self._tree, self._record.verdict)}]

    def rewritten(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the whole document of a line with the verdict, given the whole stored one."""
        patch = self._of_line(source)
        kept = {name: value for name, value in source.items() if name not in patch}
        return kept | {name: value for name, value in patch.items() if value is not None}

    def _of_trace(self) -> dict[str, Any]:
        return {"trace": self._trace, "transactionId": self._record.transaction_id, "correlationId": self._correlation_ids}

    def _of_line(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """All fields that a line has from its trace, None for those that it lacks.

        They follow from what the line itself says and from the record alone, whatever the line had from an earlier verdict.
        """
        said = {name: said_by_line(source, name) for name in _SAID}
        state = source.get("state") or {}
        # a line that was assigned anew does not show the span of the trace that it claims
        shown = {name: None if name in state and source.get("idSource") != "inline" else value for name, value in said.items()}
        own = shown | self._of_request(source, said) | self._correlation(said)
        segment = self._tree.status_of_line(source.get("requestId") or "", own["spanId"] or "", millis_of(source["@timestamp"]))
        noted = {name: value for name, value in state.items() if name not in _SAID}
        # what a line says stands in `state` where the line shows something else, and for its next assignment where this one is a guess
        noted |= {name: value for name, value in said.items() if value != own[name] or (is_provisional(source) and name != "correlationId")}
        given = {"segment": segment, "annotations": self._annotations or None, "state": noted or None}
        return {"trace": self._trace, "transactionId": self._record.transaction_id, **given, **own}

    def _of_request(self, source: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
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
        span_id = said["spanId"] if source.get("idSource") == "inline" else None
        segment_id = None if request.elsewhere else request.segment_id or None
        given = {"spanId": span_id or segment_id, "sampled": request.is_sampled}
        return {name: value for name, value in given.items() if value is not None}

    def _request_around(self, source: Mapping[str, Any]) -> RequestFact | None:
        """The request of the invocation that a line was assigned to by its position, if the line kept another service's request id."""
        if source.get("idSource") != "stream":
            return None
        stream, position = stream_of(source), position_of(source)
        around = [(window, request) for request in self._record.state.requests.values()
                  if request.platform and request.origin == stream.origin and stream.log_stream in request.runs
                  and (window := window_around(position, request.runs[stream.log_stream]))]  # fmt: skip
        return max(around, key=lambda found: found[0])[1] if around else None

    def _correlation(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """The line's own correlation ids and then those of its trace."""
        own_ids = said["correlationId"] or []
        return {"correlationId": [*own_ids, *(id_ for id_ in self._correlation_ids if id_ not in own_ids)] or None}


def _loses(source: Mapping[str, Any], patch: Mapping[str, Any]) -> bool:
    """Whether a line has a field, or a key of an object, that it lacks with this patch: an update of OpenSearch merges objects."""
    return any(name in source and (value is None or (name in _OBJECTS and not (source[name] or {}).keys() <= value.keys()))
               for name, value in patch.items())  # fmt: skip


def _changed(source: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in patch.items() if value is not None and value != source.get(name)}


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
