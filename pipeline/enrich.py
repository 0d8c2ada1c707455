"""Enrich: the verdict reaches every line and span of its trace, by compare-and-set; an old verdict never replaces a new one.

A line or span is brought up to date only by a verdict whose state holds what the document itself says. So a document that nobody
has taken in stays `pending`, where the sweep finds it: no lost message can lose a fact.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pipeline.ids import parse_trace_id
from pipeline.judge import Tree
from pipeline.opensearch import Hit, Store
from pipeline.records import Record, annotations_of, correlation_ids_of, millis_of, status_of
from pipeline.runs import run_of, spot_of
from pipeline.spans import patch_of_span, span_place, stored_fact
from pipeline.state import KeyFact, Method, RequestFact, Run, Signal, SignalFact, TraceState, holds, merge_by_trace, request_key
from pipeline.unpack import is_of_lambda

_LONGEST_EVIDENCE = 500
FACTS: Final = (
    "@timestamp",
    "doc.kind",
    "traceId",
    "spanId",
    "requestId",
    "sampled",
    "signals",
    "serviceName",
    "trace.version",
    "severity.number",
    "body",
    "excerpt",
    "httpStatus",
    "state",
    "annotations",
    "segment.id",
    "aws.logGroup",
    "aws.logStream",
    "eventId",
    "eventName",
    "idSource",
    "staleTraceId",
    "correlationId",
    "propagatedTraceId",
    "integrationRequestId",
)
"""What of a line or span has to be read to know what it says of its trace, and to bring it up to date."""


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
    return list(store.scan(query, index=f"{store.prefix}-logs-*,{store.prefix}-spans-*", source=FACTS))


def facts_of(hit: Hit) -> TraceState:
    """What a stored log line or span says of its trace."""
    source = hit.source
    if source["doc"]["kind"] == "span":
        fact = stored_fact(source)
        return TraceState(segments={fact.id: fact}) if fact else TraceState()
    if is_loose(source):
        return TraceState()
    request = _request_of(source)
    return TraceState(
        requests={request.key: request},
        signals=signal_fact(
            hit.id,
            tuple(source.get("signals", ())),
            source.get("serviceName", ""),
            request,
            evidence_of(source.get("body", ""), source.get("excerpt")),
            (source.get("severity") or {}).get("number") or 0,
        ),
        keys={value: {request.key: fact} for value, fact in _keys_of(hit)},
    )


def is_loose(source: Mapping[str, Any]) -> bool:
    """Whether a line stands in its request by its place alone, and what comes later may show that it does not: it says nothing."""
    return bool((source.get("state") or {}).get("loose"))


def own(source: Mapping[str, Any], name: str) -> Any:
    """What a line itself says, where its trace or request gave it more: that is kept in its state."""
    return (source.get("state") or {}).get(name, source.get(name))


def facts_by_trace(hits: Iterable[Hit]) -> dict[str, TraceState]:
    """What stored lines and spans say, merged for each trace: also of the trace that a line claims, and the platform denies."""
    return merge_by_trace(_facts(hits))


def _facts(hits: Iterable[Hit]) -> Iterator[tuple[str, TraceState]]:
    for hit in hits:
        if trace_id := hit.source.get("traceId"):
            yield trace_id, facts_of(hit)
        if claimed := hit.source.get("staleTraceId"):
            yield claimed, elsewhere(hit.source)


def elsewhere(source: Mapping[str, Any]) -> TraceState:
    """What a line says of a trace that was taken for its own, and is not."""
    request = _request_of(source)
    gone = RequestFact(request_id=request.request_id, log_group=request.log_group, first_at=request.first_at, last_at=request.last_at,
                       elsewhere=True)  # fmt: skip
    return TraceState(requests={gone.key: gone})


def nobodys(hit: Hit) -> TraceState:
    """What takes back the signals of a line that was put into a trace by its place, and stands in none."""
    return TraceState(signals={hit.id: SignalFact(line_id=hit.id)})


def _request_of(source: Mapping[str, Any]) -> RequestFact:
    """What a line says of its request."""
    at = millis_of(source["@timestamp"])
    aws, inline = source.get("aws") or {}, source.get("idSource") == "inline"
    group = aws.get("logGroup") or ""
    request_id, event_name = own(source, "requestId") or "", source.get("eventName") or ""
    by_platform = inline and bool(event_name)
    # what Lambda itself says of the segment; API Gateway's logs name none
    by_lambda = by_platform and not event_name.startswith("apigateway.")
    return RequestFact(
        request_id=request_id,
        log_group=group if request_id else "",
        platform=by_platform and bool(request_id),
        segment_id=(source.get("spanId") or "") if by_lambda else "",
        sampled=source.get("sampled") if by_lambda else None,
        claimed_sampled=own(source, "sampled") if inline and not by_lambda else None,
        first_at=at,
        last_at=at,
        # a function may print what looks like an access log
        status=None if is_of_lambda(group, aws.get("logStream") or "") else source.get("httpStatus"),
        integration_request_id=source.get("integrationRequestId") or "",
        runs=_runs_of(source, event_name) if request_id and event_name else {},
    )


def _runs_of(source: Mapping[str, Any], event_name: str) -> dict[str, Run]:
    return run_of(event_name, (source.get("aws") or {}).get("logStream") or "", spot_of(source))


def _keys_of(hit: Hit) -> Iterator[tuple[str, KeyFact]]:
    """What a line shows that other traces may show too."""
    source = hit.source
    integration = source.get("integrationRequestId")
    named: dict[Method, list[str]] = {
        "tracing header": [id_ for id_ in source.get("propagatedTraceId") or () if id_ != source.get("traceId")],
        "integration request id": [integration] if integration else [],
        "correlation id": own(source, "correlationId") or [],
    }
    for method, values in named.items():
        for value in values:
            fact = KeyFact(method=method, service_name=source.get("serviceName", ""), line_id=hit.id)
            yield value, fact
            # a trace id may serve as correlation id, in X-Ray's rendering
            if method == "correlation id" and (trace_id := parse_trace_id(value)) and trace_id not in {value, source.get("traceId")}:
                yield trace_id, fact


def evidence_of(body: str, excerpt: str | None) -> str:
    """What of a line serves as evidence: its message, and what in it shows the failure."""
    if not excerpt or excerpt in body[:_LONGEST_EVIDENCE]:
        return body[:_LONGEST_EVIDENCE]
    return f"{body[: _LONGEST_EVIDENCE - len(excerpt) - 3]} | {excerpt}"


def signal_fact(line_id: str, signals: tuple[Signal, ...], service_name: str, request: RequestFact, text: str,
                severity: int) -> dict[str, SignalFact]:  # fmt: skip
    """The failure that a line of ``request`` speaks of, by the line's id; nothing where it speaks of none."""
    if not signals:
        return {}
    fact = SignalFact(line_id=line_id, signals=signals, service_name=service_name, request_id=request.request_id,
                      log_group=request.log_group, text=text, at=request.first_at, severity=severity)  # fmt: skip
    return {line_id: fact}


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
        self._correlation_ids = correlation_ids_of(record.state)
        self._trace = status_of(record.verdict, record.version)

    def action(self, hit: Hit, prefix: str) -> list[object]:
        """The bulk lines that bring ``hit`` up to date."""
        place = {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}
        if hit.source["doc"]["kind"] == "log":
            return [{"update": place}, {"doc": self._of_line(hit.source)}]
        fact = self._record.state.segments.get(hit.source["spanId"])
        if fact is None:
            return [{"update": place}, {"doc": self._of_trace()}]
        if span_place(fact, self._record.trace_id, prefix) != (hit.index, hit.id):
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
        kept = {name: own(source, name) for name in given}
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
        span_id = own(source, "spanId") if source.get("idSource") == "inline" else None
        told = {"spanId": span_id or request.segment_id or None, "sampled": request.said}
        return {name: value for name, value in told.items() if value is not None and value != source.get(name)}

    def _correlation(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """The trace's correlation ids beside the line's own."""
        own_ids = own(source, "correlationId") or []
        all_ids = [*own_ids, *(id_ for id_ in self._correlation_ids if id_ not in own_ids)]
        return {"correlationId": all_ids} if all_ids != (source.get("correlationId") or []) else {}
