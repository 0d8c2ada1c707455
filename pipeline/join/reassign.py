"""Adopt: a line whose trace only another batch tells comes home, and one that was taken for another trace's moves.

What a line says is merged into the record of its new trace, and taken back from that of its old one, before the line itself is
written anew, by compare-and-set. Where it belongs is said in `homes`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from pipeline.join.assignment import Reassignment
from pipeline.logs.line_facts import is_provisional, ran_in_other_trace, retract_signals, said_by_line
from pipeline.model.trace_ids import to_xray
from pipeline.model.trace_state import TraceState, merge
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.results import Hit
from pipeline.traces.span_document import PENDING

# what a trace gave its line, and what says how the line got there
_GIVEN: Final = ("trace", "segment", "annotations", "transactionId", "state", "xray", "traceId", "spanId", "sampled", "idSource",
                 "staleTraceId")  # fmt: skip
# what the decision about a line rested on
_PLACE: Final = ("traceId", "idSource", "requestId", "staleTraceId")


def facts_of_reassignments(moves: Iterable[Reassignment]) -> dict[str, TraceState]:
    """What is to be merged into the records of new homes, and taken back from those of the old ones."""
    moved = list(moves)
    facts = facts_by_trace(_reassigned(move) for move in moved)
    for move in moved:
        source = move.hit.source
        left = source.get("traceId") or ""
        if left in {"", move.home.stale, move.home.trace_id} or is_provisional(source):
            continue
        # a line that stood there by its place, or by a header that it shows, says nothing of its request
        by_place = source.get("idSource") == "stream" and move.home.request_id != source.get("requestId")
        apart = by_place or not said_by_line(source, "requestId")
        gone = retract_signals(move.hit.id) if apart else ran_in_other_trace(source)
        facts[left] = merge(facts.get(left, TraceState()), gone)
    return facts


def reassign(moves: Sequence[Reassignment], store: Store) -> tuple[list[Hit], list[Reassignment]]:
    """Writes the lines anew, each at home; returns them as they are now, and the moves that others were faster than."""
    if not moves:
        return [], []
    full = store.get_many([(move.hit.index, move.hit.id) for move in moves])
    pairs: list[tuple[Reassignment, Reassignment]] = []
    missed: list[Reassignment] = []
    for one, hit in zip(moves, full, strict=True):
        if hit and all(hit.source.get(name) == one.hit.source.get(name) for name in _PLACE):
            pairs.append((msgspec.structs.replace(one, hit=hit), one))
        elif hit:
            missed.append(one)
    lines: list[object] = []
    for current, _ in pairs:
        hit = current.hit
        lines += [store.compare_and_set(hit.index, hit.id, hit.seq_no, hit.primary_term), _reassigned(current).source]
    moved: list[Hit] = []
    for (current, one), result in zip(pairs, store.write(lines), strict=True):
        if result.ok:
            moved.append(msgspec.structs.replace(_reassigned(current), seq_no=result.seq_no, primary_term=result.primary_term))
        elif result.conflict:
            missed.append(one)
        else:
            result.raise_for_failure(f"line {one.hit.id}")
    return moved, missed


def _reassigned(move: Reassignment) -> Hit:
    """The line as it is at its new home: what its old trace gave it is gone."""
    home, source = move.home, move.hit.source
    document = {name: value for name, value in source.items() if name not in _GIVEN}
    for name in ("correlationId", "requestId"):
        if value := said_by_line(source, name):
            document[name] = value
        else:
            document.pop(name, None)
    state: dict[str, Any] = {}
    if home.id_source == "inline" and home.trace_id == source.get("traceId"):
        # only its request is news; what the line says, it says without one
        state = {"requestId": said_by_line(source, "requestId")}
        document |= {name: value for name in ("spanId", "sampled") if (value := said_by_line(source, name)) is not None}
    if home.request_id:
        document["requestId"] = home.request_id
    elif source.get("idSource") == "stream":
        document.pop("requestId", None)
    document["idSource"] = home.id_source
    if home.stale:
        document["staleTraceId"] = home.stale
    if home.trace_id:
        document |= {"traceId": home.trace_id, "xray": {"traceId": to_xray(home.trace_id)}, "trace": PENDING}
    if home.loose and home.trace_id:
        state = {"loose": True}
    if state:
        document["state"] = state
    return msgspec.structs.replace(move.hit, source=document)
