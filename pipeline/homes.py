"""Homes: where a line belongs, as other batches tell.

The platform's record of a request (REPORT, platform.*, a log of API Gateway) says in which trace it ran; it may come in a later batch
than the request's lines, or in an earlier one. Its trace's record and the link of the request id hold it. `resolve` looks for lines
that have to move once it has written both; `ship` asks both about the lines that it has just indexed: so one of the two sees the
other. Lines that name no request go by their place (`places`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pipeline.enrich import FACTS, is_loose
from pipeline.links import Link, Links
from pipeline.opensearch import Hit, Store
from pipeline.places import Home, Move, any_of, around_line, by_run, home_in, overlapped, runs_of, states_of, strays
from pipeline.records import Record
from pipeline.runs import Span


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
    by_place = (*by_run(records, store), *strays(records.values(), store), *overlapped(records.values(), store, checked))
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
    hits = list(any_of(clauses, store, FACTS))
    asked = {id_ for hit in hits for id_ in (hit.source.get("requestId"), hit.source.get("integrationRequestId")) if id_}
    # a line of API Gateway's has a request of its own, beside that of its integration
    links = {**links, **Links(store).load(asked - links.keys())}
    for hit in hits:
        home = home_by_request(hit.source, _ran_in(hit.source, links))
        if home:
            yield Move(hit, home)


def _ran_in(source: Mapping[str, Any], links: Mapping[str, Link]) -> set[str]:
    """The traces in which the platform says that the request of a line ran: in the line's own log group; else its integration's."""
    link = links.get(source.get("requestId") or "")
    found = link.traces_of((source.get("aws") or {}).get("logGroup") or "") if link else set()
    integration = links.get(source.get("integrationRequestId") or "")
    if found or integration is None or (source.get("traceId") and source.get("idSource") == "inline"):
        return found
    # of a request that API Gateway did not trace, such as an HTTP API's
    return {trace_id for trace_id, _ in integration.platform}


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
    runs = runs_of(states_of(open_before.values()))
    moves += [Move(hit, home) for hit in hits
              if open_before and (hit.index, hit.id) not in taken and not hit.source.get("eventName")
              and (home := home_in(hit, around_line(hit, runs), alone, store))]  # fmt: skip
    return moves
