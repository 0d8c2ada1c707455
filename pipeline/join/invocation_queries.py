"""Invocation queries: the searches for lines in and around an invocation's window in its log stream."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.model.index_days import log_indices
from pipeline.model.invocations import LAST_MILLI, LONGEST_INVOCATION_MS, STARTS, InvocationWindow, LogStream, millis_at
from pipeline.model.timestamps import millis_of
from pipeline.model.trace_ids import is_trace_id
from pipeline.store.client import Store
from pipeline.store.own_documents import only_own
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


def open_before(streams: Mapping[LogStream, Sequence[str]], store: Store) -> set[str]:
    """Returns the ids of the traces whose requests may be open in these log streams at these times (ISO 8601).

    Their START lines say so; where a policy took these, the traces' records do.
    """
    found: set[str] = set()
    index = f"{log_indices(store.prefix)},{store.prefix}-traces*"
    for stream, times in streams.items():
        # whatever time a line claims, OpenSearch must accept the query
        earliest, latest = (min(max(at, 0), LAST_MILLI) for at in (millis_of(min(times)) - LONGEST_INVOCATION_MS, millis_of(max(times))))
        began = [*in_stream(stream, earliest, latest), {"terms": {"eventName": list(STARTS)}}, {"exists": {"field": "traceId"}}]
        query = {"bool": {"should": [{"bool": {"filter": began}}, _sampled_out(stream, earliest, latest)], "minimum_should_match": 1}}
        body = {"query": query, "size": _MOST_STARTS, "_source": ["traceId"], "sort": [{"@timestamp": "desc"}]}
        hits = store.search(body, index=index)["hits"]["hits"]
        found |= {id_ for hit in hits if is_trace_id(id_ := hit["_source"].get("traceId"))}
    return found


def _sampled_out(stream: LogStream, earliest: int, latest: int) -> dict[str, Any]:
    """The query for records of traces whose lines in a log stream were sampled out, and that were alive between two times."""
    # a trace may begin in the record with its first segment, somewhat after its first line
    until = {"lte": min(latest + LONGEST_INVOCATION_MS, LAST_MILLI), "format": "epoch_millis"}
    since = {"gte": earliest, "format": "epoch_millis"}
    filters = [{"term": {"sampledOut.logStreams": stream.address}}, {"range": {"@timestamp": until}}, {"range": {"lastSeenAt": since}}]
    return {"bool": {"filter": filters}}


def unassigned_lines(invocation: Invocation, *, among_others: bool) -> dict[str, Any]:
    """Returns the query for lines in an invocation that have no trace, no request, or a provisional assignment.

    Where the trace has the invocation ``among_others`` of the same log group, also for lines that name another request than this one.
    """
    by_platform, has_trace, has_request = ({"exists": {"field": field}} for field in ("eventName", "traceId", "requestId"))
    without_request = {"bool": {"must_not": [has_request]}}
    # the request that it names may be another service's
    without_trace = {"bool": {"must_not": [has_trace]}}
    provisional = [_BY_POSITION] if invocation.json else []
    if among_others and not invocation.json:
        another = [{"bool": {"must_not": [{"term": {"requestId": invocation.request_id}}]}}, {"exists": {"field": "state.requestId"}}]
        provisional = [{"bool": {"filter": [_BY_POSITION], "should": another, "minimum_should_match": 1}}]
    here = in_stream(invocation.stream, millis_at(invocation.window.start), millis_at(invocation.window.end))
    return {"bool": {"filter": [*here, {"bool": {"should": [without_trace, without_request, *provisional]}}], "must_not": [by_platform]}}


def lines_by_position(stream: LogStream, start: int, end: int) -> dict[str, Any]:
    """Returns the query for lines of a stream that were assigned by position, between two times (epoch milliseconds)."""
    return {"bool": {"filter": [*in_stream(stream, start, end), _BY_POSITION, {"exists": {"field": "traceId"}}]}}


def reach_of_overlap(window: InvocationWindow) -> tuple[int, int]:
    """Returns the earliest and latest time (epoch milliseconds) of an invocation that overlaps this one."""
    return millis_at(window.start) - LONGEST_INVOCATION_MS, millis_at(window.end) + LONGEST_INVOCATION_MS


def streams_with(clauses: Sequence[Mapping[str, Any]], store: Store) -> set[str]:
    """Returns the names of the log streams with a line that matches any of the clauses."""
    found: set[str] = set()
    for query in _queries(clauses):
        body = {"size": 0, "query": query, "aggs": {"streams": {"terms": {"field": "aws.logStream", "size": _MOST_CLAUSES}}}}
        answer = store.search(body, index=log_indices(store.prefix))
        found |= {bucket["key"] for bucket in answer.get("aggregations", {}).get("streams", {}).get("buckets", ())}
    return found


def lines_matching_any(clauses: Sequence[Mapping[str, Any]], store: Store, *, most: int = _MOST_CLAUSES) -> Iterator[Hit]:
    """Yields the log lines that match any of the clauses; several searches where there are more than ``most`` clauses."""
    for query in _queries(clauses, most):
        yield from only_own(store.scan(query, index=log_indices(store.prefix)), store.left_out)


def in_stream(stream: LogStream, start: int, end: int) -> list[dict[str, Any]]:
    """Returns the filters for lines of a log stream between two times (epoch milliseconds)."""
    account = [{"term": {"aws.accountId": stream.account}}] if stream.account else []
    return [*account, {"term": {"aws.logGroup": stream.log_group}}, {"term": {"aws.logStream": stream.log_stream}},
            {"range": {"@timestamp": {"gte": max(start, 0), "lte": end, "format": "epoch_millis"}}}]  # fmt: skip


def _queries(clauses: Sequence[Mapping[str, Any]], most: int = _MOST_CLAUSES) -> Iterator[dict[str, Any]]:
    """The clauses as queries for any of them, each within OpenSearch's bound on clauses."""
    for start in range(0, len(clauses), most):
        yield {"bool": {"should": clauses[start : start + most], "minimum_should_match": 1}}
