from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pipeline.join.assignment import Assignment, Reassignment
from pipeline.join.invocation_queries import lines_matching_any
from pipeline.logs.line_facts import is_provisional
from pipeline.store.client import Store
from pipeline.store.document_facts import FACTS
from pipeline.store.join_keys import JoinKey, JoinKeys
from pipeline.store.trace_document import TraceRecord


def assign_by_request(source: Mapping[str, Any], ran_in: Collection[str]) -> Assignment | None:
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
    return Assignment(trace_id=target, request_id=source.get("requestId") or "", id_source=how, stale=stale, loose=is_provisional(source))


def assigned_by_request(records: Mapping[str, TraceRecord], links: Mapping[str, JoinKey], store: Store) -> Iterator[Reassignment]:
    """The lines of these traces' requests that stand in another trace, each with its right one; sees what is refreshed."""
    clauses = []
    for record in records.values():
        ids = sorted({request.request_id for request in record.state.requests.values() if request.platform})
        if ids:
            named = {"bool": {"should": [{"terms": {"requestId": ids}}, {"terms": {"integrationRequestId": ids}}]}}
            clauses.append({"bool": {"filter": [named], "must_not": [{"term": {"traceId": record.trace_id}}]}})
    hits = list(lines_matching_any(clauses, store, FACTS))
    asked = {id_ for hit in hits for id_ in (hit.source.get("requestId"), hit.source.get("integrationRequestId")) if id_}
    # a line of API Gateway's has a request of its own, beside that of its integration
    links = {**links, **JoinKeys(store).load(asked - links.keys())}
    for hit in hits:
        home = assign_by_request(hit.source, ran_in(hit.source, links))
        if home:
            yield Reassignment(hit, home)


def ran_in(source: Mapping[str, Any], links: Mapping[str, JoinKey]) -> set[str]:
    """The traces in which the platform says that the request of a line ran: in the line's own log group; else its integration's."""
    link = links.get(source.get("requestId") or "")
    found = link.traces_of((source.get("aws") or {}).get("logGroup") or "") if link else set()
    integration = links.get(source.get("integrationRequestId") or "")
    if found or integration is None or (source.get("traceId") and source.get("idSource") == "inline"):
        return found
    # of a request that API Gateway did not trace, such as an HTTP API's
    return {trace_id for trace_id, _ in integration.platform}
