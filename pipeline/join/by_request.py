"""By request: assigns a line that names a request to the trace in which the platform says that this request ran."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pipeline.join.assignment import Assignment
from pipeline.join.invocation_queries import lines_matching_any
from pipeline.join.shown_keys import sends_events
from pipeline.logs.line_facts import EVENT_BUS, said_by_line
from pipeline.model.invocations import stream_of
from pipeline.store.client import Store
from pipeline.store.join_keys import BY_XRAY, REQUEST_FIELDS, JoinKey, JoinKeys
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord

# of three terms each: a query may have 1,024 (OpenSearch, `indices.query.bool.max_clause_count`)
_MOST_CLAUSES = 200


def assign_by_request(source: Mapping[str, Any], ran_in: Collection[str]) -> Assignment | None:
    """Returns the assignment of a line (its document), given the traces in which the platform says that its request ran.

    None if the line is already assigned to the right trace, or the platform names none. Where it names several, the line's own trace id
    counts if it is one of them; else the trace is uncertain. The platform's own record of a request stays where it is: what it says counts
    in whichever order the records of one request come.
    """
    if source.get("eventName") and source.get("idSource") == "inline":
        return None
    current, own = source.get("traceId") or "", source.get("staleTraceId") or ""
    if source.get("idSource") == "inline":
        own = current
    target = next(iter(ran_in)) if len(ran_in) == 1 else own if own in ran_in else ""
    if target == current or not ran_in:
        return None
    id_source = "none" if not target else "inline" if target == own else "request"
    propagated = source.get("propagatedTraceId") or ()
    stale = own if own and own != target and own not in propagated else ""
    return Assignment(trace_id=target, request_id=named_by(source), id_source=id_source, stale_trace_id=stale)


def judged_by_request(
    records: Mapping[str, TraceRecord], join_keys: Mapping[str, JoinKey], store: Store
) -> Iterator[tuple[Hit, Assignment | None]]:
    """Yields the lines of these traces' requests that are assigned elsewhere, each with its new assignment; finds refreshed lines only.

    The assignment is None where the line stays as it is, whatever its position says, since the platform names several traces.
    """
    clauses = []
    for record in records.values():
        platform = {request.request_id for request in record.state.requests.values() if request.platform}
        if ids := sorted(platform | sought_calls(record, join_keys)):
            named = {"bool": {"should": [{"terms": {field: ids}} for field in REQUEST_FIELDS]}}
            clauses.append({"bool": {"filter": [named], "must_not": [{"term": {"traceId": record.trace_id}}]}})
    hits = list(lines_matching_any(clauses, store, most=_MOST_CLAUSES))
    named_ids = {id_ for hit in hits for id_ in (named_by(hit.source), hit.source.get("integrationRequestId")) if id_}
    # a line of API Gateway has a request of its own, beside that of its integration
    join_keys = {**join_keys, **JoinKeys(store).load(named_ids - join_keys.keys())}
    for hit in hits:
        if ran := ran_in(hit.source, join_keys):
            yield hit, assign_by_request(hit.source, ran)


def sought_calls(record: TraceRecord, join_keys: Mapping[str, JoinKey]) -> set[str]:
    """The PutEvents requests of a trace that a line without a trace named before, as the records of an event bus do."""
    calls = {fact.request_id for fact in record.state.segments.values() if fact.request_id and sends_events(fact)}
    return {id_ for id_ in calls if id_ in join_keys and join_keys[id_].sought}


def named_by(source: Mapping[str, Any]) -> str:
    """The id of the request that a line names, or else that it was given; empty if there is none."""
    return said_by_line(source, "requestId") or source.get("requestId") or ""


def ran_in(source: Mapping[str, Any], join_keys: Mapping[str, JoinKey]) -> set[str]:
    """Returns the traces in which the platform says that a line's request ran: in the line's log group, else its integration's request."""
    own = join_keys.get(named_by(source))
    stream = stream_of(source)
    found = own.traces_of(stream.origin) if own else set()
    if own and not found and (source.get("eventName") or "").startswith(EVENT_BUS):
        # the bus names the request that put the event, and X-Ray the span that made it
        found = own.traces_of(BY_XRAY)
    integration = join_keys.get(source.get("integrationRequestId") or "")
    if found or integration is None or (source.get("traceId") and source.get("idSource") == "inline"):
        return found
    # API Gateway did not trace the request itself, such as an HTTP API's; any function may print a REPORT line, but no segment
    own_account = f"{stream.account}:"
    return (
        integration.traces_of(BY_XRAY)
        or {trace_id for trace_id, origin in integration.platform if origin.startswith(own_account)}
        or {trace_id for trace_id, _ in integration.platform}
    )
