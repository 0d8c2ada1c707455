from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.model.facts import RequestFact
from pipeline.model.invocations import ENDS, LAST_MILLI, LONGEST_INVOCATION_MS, STARTS, InvocationWindow, LogStream, millis_at, position_of
from pipeline.model.timestamps import millis_of
from pipeline.store.client import Store
from pipeline.store.results import Hit

_MOST_STARTS = 1000
# of about ten terms each: a query may have 1,024 (OpenSearch, `indices.query.bool.max_clause_count`)
_MOST_CLAUSES = 60
_MOST_LINES = 1000


class EnclosingInvocation(msgspec.Struct, frozen=True):
    """An invocation that a line stands in."""

    trace_id: str
    request: RequestFact
    stream: LogStream
    span: InvocationWindow
    json: bool


def open_before(streams: Mapping[LogStream, Sequence[str]], store: Store) -> set[str]:
    """The traces of the requests that may be open in these log streams at these times (ISO 8601): of those whose START stands before."""
    found: set[str] = set()
    for stream, times in streams.items():
        # whatever time a line claims, the question must be one that OpenSearch takes
        earliest, latest = (min(max(at, 0), LAST_MILLI) for at in (millis_of(min(times)) - LONGEST_INVOCATION_MS, millis_of(max(times))))
        times_there = {"gte": earliest, "lte": latest, "format": "epoch_millis"}
        filters = [{"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
                   {"terms": {"eventName": list(STARTS)}}, {"exists": {"field": "traceId"}},
                   {"range": {"@timestamp": times_there}}]  # fmt: skip
        body = {"query": {"bool": {"filter": filters}}, "size": _MOST_STARTS, "_source": ["traceId"], "sort": [{"@timestamp": "desc"}]}
        found |= {hit["_source"]["traceId"] for hit in store.search(body, index=f"{store.prefix}-logs-*")["hits"]["hits"]}
    return found


def unassigned_lines(around: EnclosingInvocation) -> dict[str, Any]:
    """The query for lines in an invocation that have no home yet, lack a request, or have a home that may turn out wrong."""
    times = {"gte": millis_at(around.span.start), "lte": millis_at(around.span.end), "format": "epoch_millis"}
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


def positioned_lines(stream: LogStream, start: int, end: int, request_ids: Sequence[str] = ()) -> dict[str, Any]:
    """The query for lines of a stream that got their request by their place, between two times (epoch milliseconds)."""
    filters: list[dict[str, Any]] = [{"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
                                     {"term": {"idSource": "stream"}}, {"exists": {"field": "traceId"}},
                                     {"range": {"@timestamp": {"gte": max(start, 0), "lte": end, "format": "epoch_millis"}}}]  # fmt: skip
    if request_ids:
        filters.append({"terms": {"requestId": list(request_ids)}})
    return {"bool": {"filter": filters}}


def reach_of_overlap(span: InvocationWindow) -> tuple[int, int]:
    """From when to when an invocation may lie that overlaps this one, in epoch milliseconds."""
    return millis_at(span.start) - LONGEST_INVOCATION_MS, millis_at(span.end) + LONGEST_INVOCATION_MS


def streams_with(clauses: Sequence[Mapping[str, Any]], store: Store) -> set[str]:
    """The log streams in which there is a line that matches any of the clauses."""
    found: set[str] = set()
    for start in range(0, len(clauses), _MOST_CLAUSES):
        body = {"size": 0, "query": {"bool": {"should": clauses[start : start + _MOST_CLAUSES], "minimum_should_match": 1}},
                "aggs": {"streams": {"terms": {"field": "aws.logStream", "size": _MOST_CLAUSES}}}}  # fmt: skip
        answer = store.search(body, index=f"{store.prefix}-logs-*")
        found |= {bucket["key"] for bucket in answer.get("aggregations", {}).get("streams", {}).get("buckets", ())}
    return found


def lines_matching_any(clauses: Sequence[Mapping[str, Any]], store: Store, source: Sequence[str]) -> Iterator[Hit]:
    """The log lines that match any of the clauses, in as many searches as OpenSearch's bound on clauses asks for."""
    for start in range(0, len(clauses), _MOST_CLAUSES):
        query = {"bool": {"should": clauses[start : start + _MOST_CLAUSES], "minimum_should_match": 1}}
        yield from store.scan(query, index=f"{store.prefix}-logs-*", source=source)


def is_alone(span: InvocationWindow, request_id: str, stream: LogStream, store: Store, *, json: bool) -> bool:
    """Whether no other request is seen in an invocation: none speaks during it, and none is open around it.

    In a text stream only the platform speaks of requests, and invocations can't overlap. In a JSON stream one that began before and whose
    end is not seen yet says nothing: its end, when it comes, makes its own trace look again.
    """
    during = _others(store, stream, request_id, millis_at(span.start), millis_at(span.end), [] if json else [*STARTS, *ENDS], newest=False)
    if any(span.start < place < span.end for _, _, place in during):
        return False
    return not json or not open_around(span, request_id, stream, store)


def open_around(span: InvocationWindow, request_id: str, stream: LogStream, store: Store) -> set[str]:
    """The other requests that began before an invocation and ended after it, without an end between."""
    began, ended = millis_at(span.start), millis_at(span.end)
    open_: set[str] = set()
    before = _others(store, stream, request_id, began - LONGEST_INVOCATION_MS, began, [*STARTS, *ENDS], newest=True)
    for id_, name, _ in sorted((entry for entry in before if entry[2] < span.start), key=lambda entry: entry[2]):
        (open_.add if name in STARTS else open_.discard)(id_)
    if not open_:
        return open_
    after = _others(store, stream, request_id, ended, ended + LONGEST_INVOCATION_MS, ENDS, newest=False)
    return open_ & {id_ for id_, _, place in after if place > span.end}


def overlapping(span: InvocationWindow, request_id: str, stream: LogStream, store: Store) -> set[str]:
    """The other requests of which something is seen during an invocation, or that are open around it."""
    during = _others(store, stream, request_id, millis_at(span.start), millis_at(span.end), [], newest=False)
    return {id_ for id_, _, place in during if span.start < place < span.end} | open_around(span, request_id, stream, store)


def _others(store: Store, stream: LogStream, request_id: str, start: int, end: int, events: Sequence[str], *,
            newest: bool) -> list[tuple[str, str, str]]:  # fmt: skip
    """The lines of other requests in a stream between two times (epoch milliseconds): each's request, event and spot."""
    filters: list[dict[str, Any]] = [{"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
                                     {"exists": {"field": "requestId"}},
                                     {"range": {"@timestamp": {"gte": max(start, 0), "lte": end, "format": "epoch_millis"}}}]  # fmt: skip
    by_json = {"bool": {"should": [{"exists": {"field": "eventName"}}, {"exists": {"field": "attributes"}}]}}
    filters.append({"terms": {"eventName": list(events)}} if events else by_json)
    query = {"bool": {"filter": filters, "must_not": [{"term": {"requestId": request_id}}, {"term": {"idSource": "stream"}}]}}
    body = {"query": query, "size": _MOST_LINES, "_source": ["@timestamp", "eventId", "requestId", "eventName"],
            "sort": [{"@timestamp": "desc" if newest else "asc"}]}  # fmt: skip
    hits = [hit["_source"] for hit in store.search(body, index=f"{store.prefix}-logs-*")["hits"]["hits"]]
    return [(source["requestId"], source.get("eventName") or "", position_of(source)) for source in hits]
