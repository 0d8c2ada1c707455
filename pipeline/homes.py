"""Homes: where a line belongs, as other batches tell.

The platform's record of a request (REPORT, platform.*, a log of API Gateway) says in which trace it ran; it may come in a later batch
than the request's lines, or in an earlier one. Its trace's record and the link of the request id hold it. `resolve` looks for lines
that have to move once it has written both; `ship` asks both about the lines that it has just indexed: so one of the two sees the
other.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.enrich import FACTS, is_loose
from pipeline.links import Link, Links
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


def home_by_request(source: Mapping[str, Any], ran_in: Collection[str]) -> Home | None:
    """Where a line with a request id belongs, given the traces in which the platform says that the request ran; None: where it is.

    Where the platform names several, a line's own id counts if it is one of them, and nothing else is certain.
    """
    current, own = source.get("traceId") or "", source.get("staleTraceId") or ""
    if source.get("idSource") == "inline":
        own = current
    target = next(iter(ran_in)) if len(ran_in) == 1 else own if own in ran_in else ""
    if target == current or not ran_in:
        return None
    how = "none" if not target else "inline" if target == own else "stream" if source.get("idSource") == "stream" else "request"
    propagated = source.get("propagatedTraceId") or ()
    stale = own if own and own != target and own not in propagated else ""
    return Home(trace_id=target, request_id=source.get("requestId") or "", id_source=how, stale=stale, loose=is_loose(source))


def misplaced(records: Mapping[str, Record], links: Mapping[str, Link], store: Store, checked: set[Span]) -> list[Move]:
    """The lines that are to move into or out of these traces, as their requests and runs say; sees what is refreshed.

    ``checked`` are the invocations whose overlaps were looked for already; those that are looked for now are added.
    """
    by_place = (*_by_run(records, store), *_strays(records.values(), store), *_overlapped(records.values(), store, checked))
    moves = {(one.hit.index, one.hit.id): one for one in by_place}
    # what the platform says of its request outweighs a line's place
    moves |= {(one.hit.index, one.hit.id): one for one in _by_request(records, links, store)}
    return list(moves.values())


def _by_request(records: Mapping[str, Record], links: Mapping[str, Link], store: Store) -> Iterator[Move]:
    clauses = []
    for record in records.values():
        ids = sorted({request.request_id for request in record.state.requests.values() if request.platform})
        if ids:
            named = {"bool": {"should": [{"terms": {"requestId": ids}}, {"terms": {"integrationRequestId": ids}}]}}
            clauses.append({"bool": {"filter": [named], "must_not": [{"term": {"traceId": record.trace_id}}]}})
    hits = list(_any_of(clauses, store, FACTS))
    asked = {id_ for hit in hits for id_ in (hit.source.get("requestId"), hit.source.get("integrationRequestId")) if id_}
    # a line of API Gateway's has a request of its own, beside that of its integration
    links = {**links, **Links(store).load(asked - links.keys())}
    for hit in hits:
        home = home_by_request(hit.source, _ran_in(hit.source, links))
        if home:
            yield Move(hit, home)


def _any_of(clauses: Sequence[Mapping[str, Any]], store: Store, source: Sequence[str]) -> Iterator[Hit]:
    """The log lines that match any of the clauses, in as many searches as OpenSearch's bound on clauses asks for."""
    for start in range(0, len(clauses), _MOST_CLAUSES):
        query = {"bool": {"should": clauses[start : start + _MOST_CLAUSES], "minimum_should_match": 1}}
        yield from store.scan(query, index=f"{store.prefix}-logs-*", source=source)


def _ran_in(source: Mapping[str, Any], links: Mapping[str, Link]) -> set[str]:
    """The traces in which the platform says that the request of a line ran: in the line's own log group; else its integration's."""
    link = links.get(source.get("requestId") or "")
    found = link.traces_of((source.get("aws") or {}).get("logGroup") or "") if link else set()
    integration = links.get(source.get("integrationRequestId") or "")
    if found or integration is None or (source.get("traceId") and source.get("idSource") == "inline"):
        return found
    # of a request that API Gateway did not trace, such as an HTTP API's
    return {trace_id for trace_id, _ in integration.platform}


class _Around(msgspec.Struct, frozen=True):
    """An invocation that a line stands in."""

    trace_id: str
    request: RequestFact
    stream: Stream
    span: Span
    json: bool


_Runs = Mapping[Stream, Sequence[tuple[str, RequestFact, Run]]]


def _by_run(records: Mapping[str, Record], store: Store) -> Iterator[Move]:
    """Bare lines inside the invocations of these traces' requests; and those that one of another request shows to be nobody's."""
    runs = runs_of(_states(records.values()))
    clauses = [_bare_lines(_Around(trace_id, request, stream, span, run.json)) for stream, entries in runs.items()
               for trace_id, request, run in entries for span in spans_of(run)]  # fmt: skip
    alone: dict[Span, bool] = {}
    for hit in _any_of(clauses, store, (*FACTS, "attributes")):
        if home := _home_in(hit, _around(hit, runs), alone, store):
            yield Move(hit, home)


def runs_of(states: Iterable[tuple[str, TraceState]]) -> _Runs:
    """The runs of the requests of which the platform says that they ran in these traces, by log stream."""
    found: dict[Stream, list[tuple[str, RequestFact, Run]]] = {}
    for trace_id, state in states:
        for request in state.requests.values():
            if request.platform and not request.elsewhere:
                for stream, run in request.runs.items():
                    found.setdefault(Stream(request.log_group, stream), []).append((trace_id, request, run))
    return found


def _states(records: Iterable[Record]) -> Iterator[tuple[str, TraceState]]:
    return ((record.trace_id, record.state) for record in records)


def _around(hit: Hit, runs: _Runs) -> list[_Around]:
    """The invocations that a line stands in."""
    aws, place = hit.source.get("aws") or {}, spot_of(hit.source)
    stream = Stream(aws.get("logGroup") or "", aws.get("logStream") or "")
    return [_Around(trace_id, request, stream, span, run.json) for trace_id, request, run in runs.get(stream, ())
            if (span := inside(place, run))]  # fmt: skip


def _overlapped(records: Iterable[Record], store: Store, checked: set[Span]) -> Iterator[Move]:
    """Lines that stand by their place in an invocation of a JSON stream which one of these traces' invocations turns out to overlap."""
    json_runs = [(stream, request, span) for stream, entries in runs_of(_states(records)).items() for _, request, run in entries
                 if run.json for span in spans_of(run) if span not in checked]  # fmt: skip
    checked |= {span for _, _, span in json_runs}
    with_bare_lines = _streams_with([_by_place(stream, *_reach(span)) for stream, _, span in json_runs], store)
    for stream, request, span in json_runs:
        others = sorted(overlapping(span, request.request_id, stream, store)) if stream.log_stream in with_bare_lines else []
        if others:
            yield from (Move(hit, Home()) for hit in _any_of([_by_place(stream, *_reach(span), others)], store, FACTS))


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


def _by_place(stream: Stream, start: int, end: int, request_ids: Sequence[str] = ()) -> dict[str, Any]:
    """The query for lines of a stream that got their request by their place, between two times (epoch milliseconds)."""
    filters: list[dict[str, Any]] = [{"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
                                     {"term": {"idSource": "stream"}}, {"exists": {"field": "traceId"}},
                                     {"range": {"@timestamp": {"gte": max(start, 0), "lte": end, "format": "epoch_millis"}}}]  # fmt: skip
    if request_ids:
        filters.append({"terms": {"requestId": list(request_ids)}})
    return {"bool": {"filter": filters}}


def _strays(records: Iterable[Record], store: Store) -> Iterator[Move]:
    """Lines between two attempts of one request, put into it while the end of the first and the START of the second were not seen yet."""
    for stream, entries in runs_of(_states(records)).items():
        for _, request, run in entries:
            if len(run.starts) > 1 and run.ends and not run.json:
                clause = _by_place(stream, at_of(run.starts[0]), at_of(run.ends[-1]), [request.request_id])
                for hit in _any_of([clause], store, FACTS):
                    if run.starts[0] < spot_of(hit.source) < run.ends[-1] and not inside(spot_of(hit.source), run):
                        yield Move(hit, _other_home(hit, stream, store))


def _other_home(hit: Hit, stream: Stream, store: Store) -> Home:
    """The home of a line that does not stand where it was put: in another request's invocation, or nowhere."""
    states = load_states(open_before({stream: [hit.source["@timestamp"]]}, store), store)
    bare = {name: value for name, value in hit.source.items() if name not in {"traceId", "requestId", "idSource"}}
    return _home_in(msgspec.structs.replace(hit, source=bare), _around(hit, runs_of(states.items())), {}, store) or Home()


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


def _home_in(hit: Hit, around: Sequence[_Around], alone: dict[Span, bool], store: Store) -> Home | None:
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


def newly_placed(hits: Sequence[Hit], links: Mapping[str, Link], open_before: Mapping[str, Record], store: Store) -> list[Move]:
    """The homes of freshly indexed lines, out of what is known already.

    Args:
        hits: lines of any kind, with their full documents.
        links: of the requests that they name.
        open_before: the records of the traces whose requests may be open around them.
        store: to see whether an invocation is alone in its stream.
    """
    moves = [Move(hit, home) for hit in hits if (home := home_by_request(hit.source, _ran_in(hit.source, links)))]
    taken = {(one.hit.index, one.hit.id) for one in moves}
    alone: dict[Span, bool] = {}
    runs = runs_of(_states(open_before.values()))
    moves += [Move(hit, home) for hit in hits
              if open_before and (hit.index, hit.id) not in taken and not hit.source.get("eventName")
              and (home := _home_in(hit, _around(hit, runs), alone, store))]  # fmt: skip
    return moves


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
