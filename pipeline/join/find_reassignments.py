"""Homes: where a line belongs, as other batches tell.

The platform's record of a request (REPORT, platform.*, a log of API Gateway) says in which trace it ran; it may come in a later batch
than the request's lines, or in an earlier one. Its trace's record and the link of the request id hold it. `resolve` looks for lines
that have to move once it has written both; `ship` asks both about the lines that it has just indexed: so one of the two sees the
other. Lines that name no request go by their place (`places`).
"""

from collections.abc import Mapping, Sequence

from pipeline.join.assignment import Move
from pipeline.join.by_position import around_line, by_run, home_in, overlapped, runs_of, states_of, strays
from pipeline.join.by_request import _by_request, _ran_in, home_by_request
from pipeline.model.invocations import Span
from pipeline.store.client import Store
from pipeline.store.join_keys import Link
from pipeline.store.results import Hit
from pipeline.store.trace_document import Record


def misplaced(records: Mapping[str, Record], links: Mapping[str, Link], store: Store, checked: set[Span]) -> list[Move]:
    """The lines that are to move into or out of these traces, as their requests and runs say; sees what is refreshed.

    ``checked`` are the invocations whose overlaps were looked for already; those that are looked for now are added.
    """
    by_place = (*by_run(records, store), *strays(records.values(), store), *overlapped(records.values(), store, checked))
    moves = {(one.hit.index, one.hit.id): one for one in by_place}
    # what the platform says of its request outweighs a line's place
    moves |= {(one.hit.index, one.hit.id): one for one in _by_request(records, links, store)}
    return list(moves.values())


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
