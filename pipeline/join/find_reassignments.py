"""Homes: where a line belongs, as other batches tell.

The platform's record of a request (REPORT, platform.*, a log of API Gateway) says in which trace it ran; it may come in a later batch
than the request's lines, or in an earlier one. Its trace's record and the link of the request id hold it. `resolve` looks for lines
that have to move once it has written both; `ship` asks both about the lines that it has just indexed: so one of the two sees the
other. Lines that name no request go by their place (`places`).
"""

from collections.abc import Mapping, Sequence

from pipeline.join.assignment import Reassignment
from pipeline.join.by_position import (
    assign_by_position,
    between_attempts,
    in_overlapping_invocations,
    inside_invocations,
    invocations_around,
    marks_by_stream,
    states_of,
)
from pipeline.join.by_request import assign_by_request, assigned_by_request, ran_in
from pipeline.model.invocations import InvocationWindow
from pipeline.store.client import Store
from pipeline.store.join_keys import JoinKey
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord


def find_misplaced(
    records: Mapping[str, TraceRecord], links: Mapping[str, JoinKey], store: Store, checked: set[InvocationWindow]
) -> list[Reassignment]:
    """The lines that are to move into or out of these traces, as their requests and runs say; sees what is refreshed.

    ``checked`` are the invocations whose overlaps were looked for already; those that are looked for now are added.
    """
    by_place = (
        *inside_invocations(records, store),
        *between_attempts(records.values(), store),
        *in_overlapping_invocations(records.values(), store, checked),
    )
    moves = {(one.hit.index, one.hit.id): one for one in by_place}
    # what the platform says of its request outweighs a line's place
    moves |= {(one.hit.index, one.hit.id): one for one in assigned_by_request(records, links, store)}
    return list(moves.values())


def assign_new(
    hits: Sequence[Hit], links: Mapping[str, JoinKey], open_before: Mapping[str, TraceRecord], store: Store
) -> list[Reassignment]:
    """The homes of freshly indexed lines, out of what is known already.

    Args:
        hits: lines of any kind, with their full documents.
        links: of the requests that they name.
        open_before: the records of the traces whose requests may be open around them.
        store: to see whether an invocation is alone in its stream.
    """
    moves = [Reassignment(hit, home) for hit in hits if (home := assign_by_request(hit.source, ran_in(hit.source, links)))]
    taken = {(one.hit.index, one.hit.id) for one in moves}
    alone: dict[InvocationWindow, bool] = {}
    runs = marks_by_stream(states_of(open_before.values()))
    moves += [Reassignment(hit, home) for hit in hits
              if open_before and (hit.index, hit.id) not in taken and not hit.source.get("eventName")
              and (home := assign_by_position(hit, invocations_around(hit, runs), alone, store))]  # fmt: skip
    return moves
