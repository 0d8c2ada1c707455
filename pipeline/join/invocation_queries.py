"""Invocation queries: the searches for lines and for other requests in and around an invocation's window in its log stream."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.model.invocations import ENDS, LAST_MILLI, LONGEST_INVOCATION_MS, STARTS, InvocationWindow, LogStream, millis_at, position_of
from pipeline.model.timestamps import millis_of
from pipeline.store.client import Store
from pipeline.store.results import Hit

_MOST_STARTS = 1000
# of about ten terms each: a query may have 1,024 (OpenSearch, `indices.query.bool.max_clause_count`)
_MOST_CLAUSES = 60
_MOST_LINES = 1000
_BY_POSITION: dict[str, Any] = {"term": {"idSource": "stream"}}


class Invocation(NamedTuple):
    """One invocation of a trace's request; ``json`` says whether its log stream is in Lambda's JSON format."""

    trace_id: str
    request_id: str
    stream: LogStream
    window: InvocationWindow
    json: bool


class _RequestLine(NamedTuple):
    """A line of Lambda's own that names a request: its event name, and its position in the log stream."""

    request_id: str
    event_name: str
    position: str


def open_before(streams: Mapping[LogStream, Sequence[str]], store: Store) -> set[str]:
    """Returns the ids of the traces whose requests may be open in these log streams at these times (ISO 8601), by their START lines."""
    found: set[str] = set()
    for stream, times in streams.items():
        # whatever time a line claims, OpenSearch must accept the query
        earliest, latest = (min(max(at, 0), LAST_MILLI) for at in (millis_of(min(times)) - LONGEST_INVOCATION_MS, millis_of(max(times))))
        filters = [*_in_stream(stream, earliest, latest), {"terms": {"eventName": list(STARTS)}}, {"exists": {"field": "traceId"}}]
        body = {"query": {"bool": {"filter": filters}}, "size": _MOST_STARTS, "_source": ["traceId"], "sort": [{"@timestamp": "desc"}]}
        found |= {hit["_source"]["traceId"] for hit in store.search(body, index=f"{store.prefix}-logs-*")["hits"]["hits"]}
    return found


def unassigned_lines(invocation: Invocation) -> dict[str, Any]:
    """Returns the query for lines in an invocation that have no trace, no request, or a provisional assignment."""
    by_platform, has_trace, has_request = ({"exists": {"field": field}} for field in ("eventName", "traceId", "requestId"))
    without_request = {"bool": {"must_not": [has_request]}}
    # the request that it names may be another service's
    without_trace = {"bool": {"must_not": [has_trace]}}
    provisional = [_BY_POSITION] if invocation.json else []
    here = _in_stream(invocation.stream, millis_at(invocation.window.start), millis_at(invocation.window.end))
    return {"bool": {"filter": [*here, {"bool": {"should": [without_trace, without_request, *provisional]}}], "must_not": [by_platform]}}


def lines_by_position(stream: LogStream, start: int, end: int) -> dict[str, Any]:
    """Returns the query for lines of a stream that were assigned by position, between two times (epoch milliseconds)."""
    return {"bool": {"filter": [*_in_stream(stream, start, end), _BY_POSITION, {"exists": {"field": "traceId"}}]}}


def reach_of_overlap(window: InvocationWindow) -> tuple[int, int]:
    """Returns the earliest and latest time (epoch milliseconds) of an invocation that overlaps this one."""
    return millis_at(window.start) - LONGEST_INVOCATION_MS, millis_at(window.end) + LONGEST_INVOCATION_MS


def streams_with(clauses: Sequence[Mapping[str, Any]], store: Store) -> set[str]:
    """Returns the names of the log streams with a line that matches any of the clauses."""
    found: set[str] = set()
    for query in _queries(clauses):
        body = {"size": 0, "query": query, "aggs": {"streams": {"terms": {"field": "aws.logStream", "size": _MOST_CLAUSES}}}}
        answer = store.search(body, index=f"{store.prefix}-logs-*")
        found |= {bucket["key"] for bucket in answer.get("aggregations", {}).get("streams", {}).get("buckets", ())}
    return found


def lines_matching_any(clauses: Sequence[Mapping[str, Any]], store: Store, *, most: int = _MOST_CLAUSES) -> Iterator[Hit]:
    """Yields the log lines that match any of the clauses; several searches where there are more than ``most`` clauses."""
    for query in _queries(clauses, most):
        yield from store.scan(query, index=f"{store.prefix}-logs-*")


def is_alone(invocation: Invocation, store: Store) -> bool:
    """Whether no other request is seen in an invocation: no START or end of one during it, and none open around it.

    What other lines call a request id may be another service's. An earlier request of a JSON stream whose end is not known yet does not
    count: its end, when it comes, makes its own trace look again.
    """
    return not _requests_during(invocation, store) and not (invocation.json and _open_around(invocation, store))


def overlapping(invocation: Invocation, store: Store) -> set[str]:
    """Returns the ids of the other requests that start or end during an invocation, or are open around it."""
    return _requests_during(invocation, store) | _open_around(invocation, store)


def _requests_during(invocation: Invocation, store: Store) -> set[str]:
    window = invocation.window
    during = _lines_of_others(invocation, store, millis_at(window.start), millis_at(window.end), [*STARTS, *ENDS], newest=False)
    return {line.request_id for line in during if window.start < line.position < window.end}


def _open_around(invocation: Invocation, store: Store) -> set[str]:
    """The ids of the other requests that began before an invocation and ended after it, without an end between."""
    window, open_ = invocation.window, set[str]()
    earliest, began = millis_at(window.start) - LONGEST_INVOCATION_MS, millis_at(window.start)
    before = _lines_of_others(invocation, store, earliest, began, [*STARTS, *ENDS], newest=True)
    for line in sorted((line for line in before if line.position < window.start), key=lambda line: line.position):
        (open_.add if line.event_name in STARTS else open_.discard)(line.request_id)
    if not open_:
        return open_
    ended, latest = millis_at(window.end), millis_at(window.end) + LONGEST_INVOCATION_MS
    after = _lines_of_others(invocation, store, ended, latest, ENDS, newest=False)
    return open_ & {line.request_id for line in after if line.position > window.end}


def _lines_of_others(invocation: Invocation, store: Store, start: int, end: int, events: Sequence[str], *,
                     newest: bool) -> list[_RequestLine]:  # fmt: skip
    """Lambda's own lines of other requests in an invocation's stream between two times (epoch milliseconds), of these ``events``."""
    filters = [*_in_stream(invocation.stream, start, end), {"exists": {"field": "requestId"}}, {"terms": {"eventName": list(events)}}]
    query = {"bool": {"filter": filters, "must_not": [{"term": {"requestId": invocation.request_id}}]}}
    body = {"query": query, "size": _MOST_LINES, "_source": ["@timestamp", "eventId", "requestId", "eventName"],
            "sort": [{"@timestamp": "desc" if newest else "asc"}]}  # fmt: skip
    hits = [hit["_source"] for hit in store.search(body, index=f"{store.prefix}-logs-*")["hits"]["hits"]]
    return [_RequestLine(source["requestId"], source.get("eventName") or "", position_of(source)) for source in hits]


def _in_stream(stream: LogStream, start: int, end: int) -> list[dict[str, Any]]:
    """The filters for lines of a log stream between two times (epoch milliseconds)."""
    account = [{"term": {"aws.accountId": stream.account}}] if stream.account else []
    return [*account, {"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
            {"range": {"@timestamp": {"gte": max(start, 0), "lte": end, "format": "epoch_millis"}}}]  # fmt: skip


def _queries(clauses: Sequence[Mapping[str, Any]], most: int = _MOST_CLAUSES) -> Iterator[dict[str, Any]]:
    """The clauses as queries for any of them, each within OpenSearch's bound on clauses."""
    for start in range(0, len(clauses), most):
        yield {"bool": {"should": clauses[start : start + most], "minimum_should_match": 1}}
