"""Places: which invocation a line stands in, across batches, for lines that name no request or no trace.

In a text stream what is found once stays true; in a JSON stream, where invocations may overlap, a line leaves again when one does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.enrich import FACTS
from pipeline.opensearch import Hit, Store
from pipeline.records import Record, load_states, millis_of
from pipeline.runs import LAST_MILLI, LONGEST_RUN_MS, STARTS, Span, Stream, at_of, inside, is_alone, overlapping, spans_of, spot_of
from pipeline.state import RequestFact, Run, TraceState

_MOST_STARTS = 1000
# of about ten terms each: a query may have 1,024 (OpenSearch, `indices.query.bool.max_clause_count`)
_MOST_CLAUSES = 60


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Where a line belongs.

    Attributes:
        trace_id: empty where nothing is certain.
        request_id: the request that was open at the line's place, for a line that names none.
        id_source: how it got there.
        stale: the trace that it claims, wrongly.
        loose: what comes later may show that it does not belong there.
    """

    trace_id: str = ""
    request_id: str = ""
    id_source: str = "none"
    stale: str = ""
    loose: bool = False


class Move(msgspec.Struct, frozen=True):
    """A line, and its new home."""

    hit: Hit
    home: Home


class _Around(msgspec.Struct, frozen=True):
    """An invocation that a line stands in."""

    trace_id: str
    request: RequestFact
    stream: Stream
    span: Span
    json: bool


_Runs = Mapping[Stream, Sequence[tuple[str, RequestFact, Run]]]


def by_run(records: Mapping[str, Record], store: Store) -> Iterator[Move]:
    """Bare lines inside the invocations of these traces' requests; and those that one of another request shows to be nobody's."""
    runs = runs_of(states_of(records.values()))
    clauses = [_bare_lines(_Around(trace_id, request, stream, span, run.json)) for stream, entries in runs.items()
               for trace_id, request, run in entries for span in spans_of(run)]  # fmt: skip
    alone: dict[Span, bool] = {}
    for hit in any_of(clauses, store, (*FACTS, "attributes")):
        if home := home_in(hit, around_line(hit, runs), alone, store):
            yield Move(hit, home)


def overlapped(records: Iterable[Record], store: Store, checked: set[Span]) -> Iterator[Move]:
    """Lines that stand by their place in an invocation of a JSON stream which one of these traces' invocations turns out to overlap."""
    json_runs = [(stream, request, span) for stream, entries in runs_of(states_of(records)).items() for _, request, run in entries
                 if run.json for span in spans_of(run) if span not in checked]  # fmt: skip
    checked |= {span for _, _, span in json_runs}
    with_bare_lines = _streams_with([_by_place(stream, *_reach(span)) for stream, _, span in json_runs], store)
    for stream, request, span in json_runs:
        others = sorted(overlapping(span, request.request_id, stream, store)) if stream.log_stream in with_bare_lines else []
        if others:
            yield from (Move(hit, Home()) for hit in any_of([_by_place(stream, *_reach(span), others)], store, FACTS))


def strays(records: Iterable[Record], store: Store) -> Iterator[Move]:
    """Lines between two attempts of one request, put into it while the end of the first and the START of the second were not seen yet."""
    for stream, entries in runs_of(states_of(records)).items():
        for _, request, run in entries:
            if len(run.starts) > 1 and run.ends and not run.json:
                clause = _by_place(stream, at_of(run.starts[0]), at_of(run.ends[-1]), [request.request_id])
                for hit in any_of([clause], store, FACTS):
                    if run.starts[0] < spot_of(hit.source) < run.ends[-1] and not inside(spot_of(hit.source), run):
                        yield Move(hit, _other_home(hit, stream, store))


def _other_home(hit: Hit, stream: Stream, store: Store) -> Home:
    """The home of a line that does not stand where it was put: in another request's invocation, or nowhere."""
    states = load_states(open_before({stream: [hit.source["@timestamp"]]}, store), store)
    bare = {name: value for name, value in hit.source.items() if name not in {"traceId", "requestId", "idSource"}}
    return home_in(msgspec.structs.replace(hit, source=bare), around_line(hit, runs_of(states.items())), {}, store) or Home()


def runs_of(states: Iterable[tuple[str, TraceState]]) -> _Runs:
    """The runs of the requests of which the platform says that they ran in these traces, by log stream."""
    found: dict[Stream, list[tuple[str, RequestFact, Run]]] = {}
    for trace_id, state in states:
        for request in state.requests.values():
            if request.platform and not request.elsewhere:
                for stream, run in request.runs.items():
                    found.setdefault(Stream(request.log_group, stream), []).append((trace_id, request, run))
    return found


def states_of(records: Iterable[Record]) -> Iterator[tuple[str, TraceState]]:
    """What is known of each trace, by its id."""
    return ((record.trace_id, record.state) for record in records)


def around_line(hit: Hit, runs: _Runs) -> list[_Around]:
    """The invocations that a line stands in."""
    aws, place = hit.source.get("aws") or {}, spot_of(hit.source)
    stream = Stream(aws.get("logGroup") or "", aws.get("logStream") or "")
    return [_Around(trace_id, request, stream, span, run.json) for trace_id, request, run in runs.get(stream, ())
            if (span := inside(place, run))]  # fmt: skip


def home_in(hit: Hit, around: Sequence[_Around], alone: dict[Span, bool], store: Store) -> Home | None:
    """The home of a line, given the invocations that it stands in; None where it stands in none, or is at home."""
    if not around:
        return None
    # text invocations never overlap: of two that seem to, the outer one is a request and its retry, with their ends between not seen yet
    here, source = max(around, key=lambda one: one.span), hit.source
    current, by_place = source.get("traceId") or "", source.get("idSource") == "stream"
    shown = current in (source.get("propagatedTraceId") or ())
    if current and not by_place and (source.get("requestId") or (current != here.trace_id and not shown)):
        # it names a trace: another one, or this one and its request
        return None
    if (by_place and not here.json) or (here.json and not by_place and source.get("requestId")):
        return None
    if here.span not in alone:
        alone[here.span] = (len(around) == 1 or not here.json) and is_alone(
            here.span, here.request.request_id, here.stream, store, json=here.json
        )
    if not alone[here.span]:
        return Home() if by_place else None
    # JSON has a key for it; what a free text calls a request id may be another service's
    named = source.get("requestId") if source.get("attributes") is not None else None
    if by_place and current == here.trace_id and source.get("requestId") in {named, here.request.request_id}:
        return None
    how = "inline" if current == here.trace_id and not by_place else "stream"
    loose = here.json and how == "stream"
    return Home(trace_id=here.trace_id, request_id=named or here.request.request_id, id_source=how, loose=loose)


def open_before(streams: Mapping[Stream, Sequence[str]], store: Store) -> set[str]:
    """The traces of the requests that may be open in these log streams at these times (ISO 8601): of those whose START stands before."""
    found: set[str] = set()
    for stream, times in streams.items():
        # whatever time a line claims, the question must be one that OpenSearch takes
        earliest, latest = (min(max(at, 0), LAST_MILLI) for at in (millis_of(min(times)) - LONGEST_RUN_MS, millis_of(max(times))))
        times_there = {"gte": earliest, "lte": latest, "format": "epoch_millis"}
        filters = [{"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
                   {"terms": {"eventName": list(STARTS)}}, {"exists": {"field": "traceId"}},
                   {"range": {"@timestamp": times_there}}]  # fmt: skip
        body = {"query": {"bool": {"filter": filters}}, "size": _MOST_STARTS, "_source": ["traceId"], "sort": [{"@timestamp": "desc"}]}
        found |= {hit["_source"]["traceId"] for hit in store.search(body, index=f"{store.prefix}-logs-*")["hits"]["hits"]}
    return found


def _bare_lines(around: _Around) -> dict[str, Any]:
    """The query for lines in an invocation that have no home yet, lack a request, or have a home that may turn out wrong."""
    times = {"gte": at_of(around.span.start), "lte": at_of(around.span.end), "format": "epoch_millis"}
    here = [{"term": {"aws.logStream": around.stream.log_stream}}, {"term": {"aws.logGroup": around.stream.log_group}},
            {"range": {"@timestamp": times}}]  # fmt: skip
    by_platform, has_trace, has_request = ({"exists": {"field": field}} for field in ("eventName", "traceId", "requestId"))
    # one that names this trace and no request, and one that shows the header of an event that it logs
    names_it = {"bool": {"should": [{"term": {"traceId": around.trace_id}}, {"exists": {"field": "propagatedTraceId"}}]}}
    own: dict[str, Any] = {"bool": {"filter": [names_it], "must_not": [has_request]}}
    by_place: dict[str, Any] = {"term": {"idSource": "stream"}}
    # where invocations can't interleave, a line without a trace is this request's, whichever it mentions
    homeless = {"bool": {"must_not": [has_trace, has_request if around.json else by_place]}}
    placed = [by_place] if around.json else []
    return {"bool": {"filter": [*here, {"bool": {"should": [homeless, own, *placed]}}], "must_not": [by_platform]}}


def _by_place(stream: Stream, start: int, end: int, request_ids: Sequence[str] = ()) -> dict[str, Any]:
    """The query for lines of a stream that got their request by their place, between two times (epoch milliseconds)."""
    filters: list[dict[str, Any]] = [{"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
                                     {"term": {"idSource": "stream"}}, {"exists": {"field": "traceId"}},
                                     {"range": {"@timestamp": {"gte": max(start, 0), "lte": end, "format": "epoch_millis"}}}]  # fmt: skip
    if request_ids:
        filters.append({"terms": {"requestId": list(request_ids)}})
    return {"bool": {"filter": filters}}


def _reach(span: Span) -> tuple[int, int]:
    """From when to when an invocation may lie that overlaps this one, in epoch milliseconds."""
    return at_of(span.start) - LONGEST_RUN_MS, at_of(span.end) + LONGEST_RUN_MS


def _streams_with(clauses: Sequence[Mapping[str, Any]], store: Store) -> set[str]:
    """The log streams in which there is a line that matches any of the clauses."""
    found: set[str] = set()
    for start in range(0, len(clauses), _MOST_CLAUSES):
        body = {"size": 0, "query": {"bool": {"should": clauses[start : start + _MOST_CLAUSES], "minimum_should_match": 1}},
                "aggs": {"streams": {"terms": {"field": "aws.logStream", "size": _MOST_CLAUSES}}}}  # fmt: skip
        answer = store.search(body, index=f"{store.prefix}-logs-*")
        found |= {bucket["key"] for bucket in answer.get("aggregations", {}).get("streams", {}).get("buckets", ())}
    return found


def any_of(clauses: Sequence[Mapping[str, Any]], store: Store, source: Sequence[str]) -> Iterator[Hit]:
    """The log lines that match any of the clauses, in as many searches as OpenSearch's bound on clauses asks for."""
    for start in range(0, len(clauses), _MOST_CLAUSES):
        query = {"bool": {"should": clauses[start : start + _MOST_CLAUSES], "minimum_should_match": 1}}
        yield from store.scan(query, index=f"{store.prefix}-logs-*", source=source)
