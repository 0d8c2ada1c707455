"""By request: assigns a line that names a request to the trace in which the platform says that this request ran."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pipeline.join.assignment import Assignment, Reassignment
from pipeline.join.invocation_queries import lines_matching_any
from pipeline.model.invocations import stream_of
from pipeline.store.client import Store
from pipeline.store.join_keys import BY_XRAY, JoinKey, JoinKeys
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
    return Assignment(trace_id=target, request_id=source.get("requestId") or "", id_source=id_source, stale_trace_id=stale)


def misplaced_by_request(records: Mapping[str, TraceRecord], join_keys: Mapping[str, JoinKey], store: Store) -> Iterator[Reassignment]:
    """Yields the lines of these traces' requests that are assigned to another trace; finds refreshed lines only."""
    clauses = []
    for record in records.values():
        ids = sorted({request.request_id for request in record.state.requests.values() if request.platform})
        if ids:
            named = {"bool": {"should": [{"terms": {"requestId": ids}}, {"terms": {"integrationRequestId": ids}}]}}
            clauses.append({"bool": {"filter": [named], "must_not": [{"term": {"traceId": record.trace_id}}]}})
    hits = list(lines_matching_any(clauses, store, most=_MOST_CLAUSES))
    named_ids = {id_ for hit in hits for id_ in (hit.source.get("requestId"), hit.source.get("integrationRequestId")) if id_}
    # a line of API Gateway has a request of its own, beside that of its integration
    join_keys = {**join_keys, **JoinKeys(store).load(named_ids - join_keys.keys())}
    for hit in hits:
        if assignment := assign_by_request(hit.source, ran_in(hit.source, join_keys)):
            yield Reassignment(hit, assignment)


def ran_in(source: Mapping[str, Any], join_keys: Mapping[str, JoinKey]) -> set[str]:
    """Returns the traces in which the platform says that a line's request ran: in the line's log group, else its integration's request."""
    own = join_keys.get(source.get("requestId") or "")
    stream = stream_of(source)
    found = own.traces_of(stream.origin) if own else set()
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
