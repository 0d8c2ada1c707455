"""Find reassignments: which log lines belong to another trace or request than they are assigned to.

The platform's record of a request (REPORT, platform.*, a log of API Gateway) says in which trace it ran; it may come in an earlier or
a later batch than the request's lines. The trace's record and the join key of the request id hold it. `resolve` looks for misplaced
lines after it wrote both; `ship` reads both after it wrote lines: so at least one of them sees the other's write. Lines that name no
request are assigned by position (`by_position`).
"""

from collections.abc import Mapping, Sequence

from pipeline.join.assignment import Reassignment
from pipeline.join.by_position import assign_by_position, misplaced_by_position
from pipeline.join.by_request import assign_by_request, judged_by_request, ran_in
from pipeline.model.invocations import InvocationWindow
from pipeline.store.client import Store
from pipeline.store.join_keys import JoinKey
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord


def find_misplaced(
    records: Mapping[str, TraceRecord], join_keys: Mapping[str, JoinKey], store: Store, checked: set[InvocationWindow]
) -> list[Reassignment]:
    """Returns the lines that have to be moved into or out of these traces; finds refreshed lines only.

    ``checked`` holds the invocations whose overlaps were looked for already; this adds those that it looks for.
    """
    by_position = misplaced_by_position(records, store, checked)
    found = {(reassignment.hit.index, reassignment.hit.id): reassignment for reassignment in by_position}
    for hit, assignment in judged_by_request(records, join_keys, store):
        # the platform's record of a line's request outweighs the line's position, also where it leaves the line as it is
        found.pop((hit.index, hit.id), None)
        if assignment:
            found[hit.index, hit.id] = Reassignment(hit, assignment)
    return list(found.values())


def assign_new(
    hits: Sequence[Hit], join_keys: Mapping[str, JoinKey], open_before: Mapping[str, TraceRecord], store: Store
) -> list[Reassignment]:
    """Returns those of newly indexed lines that records and join keys assign elsewhere than their batch did.

    Args:
        hits: lines of any kind, with their full documents.
        join_keys: those of the requests that the lines name.
        open_before: the records of the traces whose requests may be open around the lines.
        store: OpenSearch, to find other requests in an invocation.
    """
    ran = [(hit, ran_in(hit.source, join_keys)) for hit in hits]
    found = [Reassignment(hit, new) for hit, traces in ran if (new := assign_by_request(hit.source, traces))]
    rest = [hit for hit, traces in ran if not traces and not hit.source.get("eventName")]
    return [*found, *assign_by_position(rest, open_before, store)]
