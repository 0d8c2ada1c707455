"""Reassign: writes lines under another trace or request, and says what that changes in the records of both traces.

The facts of a line are merged into the record of its new trace, and retracted from that of its old one, before the line itself is
rewritten, by compare-and-set. Where its position decides and it names another request, its facts follow the line: after a crash between
the two the line may go where that request ran, and nobody would retract them. `find_reassignments` decides which lines these are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from pipeline.join.assignment import Assignment, Reassignment
from pipeline.logs.line_facts import (
    as_logged,
    facts_of_line,
    is_provisional,
    names_another,
    ran_in_other_trace,
    retract_signals,
    said_by_line,
)
from pipeline.model.line_states import PENDING
from pipeline.model.trace_ids import to_xray
from pipeline.model.trace_state import EMPTY, TraceState, merge
from pipeline.store.client import Store
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.results import Hit

# the fields that a line has from its trace, and from its assignment
_GIVEN: Final = ("trace", "segment", "annotations", "transactionId", "state", "xray", "traceId", "spanId", "sampled", "idSource",
                 "staleTraceId")  # fmt: skip
# those of them that a line may say itself, if it claims a trace
_SAID: Final = ("spanId", "sampled")
# the fields that the decision about a line rested on
_DECISIVE: Final = ("traceId", "idSource", "requestId", "staleTraceId")


def facts_of_reassignments(reassignments: Iterable[Reassignment]) -> dict[str, TraceState]:
    """Returns by trace id what to merge into the records of the lines' new traces, and what retracts facts from their old ones."""
    reassignments = list(reassignments)
    anew = map(_reassigned, reassignments)
    facts = facts_by_trace(hit for hit in anew if not names_another(hit.source))
    for reassignment in reassignments:
        source, assignment = reassignment.hit.source, reassignment.assignment
        old = source.get("traceId") or ""
        if old in {"", assignment.trace_id} or is_provisional(source):
            continue
        if old == assignment.stale_trace_id and said_by_line(source, "requestId"):
            # its request ran in another trace, which the line under its new assignment says
            continue
        # a line that was assigned by position, or by a header that it shows, says nothing of its request
        by_position = source.get("idSource") == "stream" and (assignment.request_id != source.get("requestId") or names_another(source))
        only_signals = by_position or not said_by_line(source, "requestId")
        line_id = reassignment.hit.id
        retraction = retract_signals(line_id, source) if only_signals else ran_in_other_trace(line_id, source, old)
        # what the line said of the trace that it names, which nobody may have read while it stood there
        said = facts_of_line(line_id, source) if source.get("idSource") == "inline" else EMPTY
        facts[old] = merge(facts.get(old, EMPTY), merge(said, retraction))
    return facts


def reassign(
    reassignments: Sequence[Reassignment], store: Store, refused: dict[tuple[str, str], str] | None = None
) -> tuple[list[Hit], list[Reassignment]]:
    """Rewrites lines under their new assignment; returns the rewritten lines, and the reassignments that could not be made now.

    These were lost to a concurrent writer, or the line's index takes no writes now.

    Args:
        reassignments: the lines, each with its new assignment.
        store: OpenSearch.
        refused: is filled with the addresses of lines whose index takes no writes now, each with the reason.

    Raises BadInputError where OpenSearch refuses a line for good.
    """
    if not reassignments:
        return [], []
    full = store.get_many([(reassignment.hit.index, reassignment.hit.id) for reassignment in reassignments])
    pairs: list[tuple[Reassignment, Reassignment]] = []
    missed: list[Reassignment] = []
    for reassignment, hit in zip(reassignments, full, strict=True):
        if hit and all(hit.source.get(name) == reassignment.hit.source.get(name) for name in _DECISIVE):
            pairs.append((msgspec.structs.replace(reassignment, hit=hit), reassignment))
        elif hit:
            missed.append(reassignment)
    lines: list[object] = []
    for current, _ in pairs:
        hit = current.hit
        lines += [store.compare_and_set(hit.index, hit.id, hit.seq_no, hit.primary_term), _reassigned(current).source]
    written: list[Hit] = []
    for (current, reassignment), result in zip(pairs, store.write(lines), strict=True):
        if result.ok:
            written.append(msgspec.structs.replace(_reassigned(current), seq_no=result.seq_no, primary_term=result.primary_term))
        elif result.conflict or result.curable:
            missed.append(reassignment)
            if result.curable and refused is not None:
                refused[reassignment.hit.index, reassignment.hit.id] = result.described()
        else:
            result.raise_for_failure(f"line {reassignment.hit.id}")
    return written, missed


def _reassigned(reassignment: Reassignment) -> Hit:
    """The line under its new assignment, without the fields that it has from its old trace."""
    assignment, source = reassignment.assignment, reassignment.hit.source
    document = {name: value for name, value in source.items() if name not in _GIVEN}
    for name in ("correlationId", "requestId"):
        if value := said_by_line(source, name):
            document[name] = value
        else:
            document.pop(name, None)
    said = {name: value for name in _SAID if (value := said_by_line(source, name)) is not None}
    if _is_own(assignment, source):
        document |= said
    if assignment.request_id:
        document["requestId"] = assignment.request_id
    elif source.get("idSource") == "stream":
        document.pop("requestId", None)
    document["idSource"] = assignment.id_source
    if assignment.stale_trace_id:
        document["staleTraceId"] = assignment.stale_trace_id
    if assignment.trace_id:
        document |= {"traceId": assignment.trace_id, "xray": {"traceId": to_xray(assignment.trace_id)}, "trace": PENDING}
    if state := _state(assignment, source, said):
        document["state"] = state
    return msgspec.structs.replace(reassignment.hit, source=document)


def _is_own(assignment: Assignment, source: Mapping[str, Any]) -> bool:
    """Whether a line is assigned to the trace that it names, or to none."""
    return not assignment.trace_id or (assignment.id_source == "inline" and assignment.trace_id == as_logged(source).get("traceId"))


def _state(assignment: Assignment, source: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What a line says and does not show under its assignment: it comes back if the assignment turns out to be wrong."""
    logged = {"requestId": as_logged(source).get("requestId")}
    if assignment.provisional and assignment.trace_id:
        return {"loose": True, **logged, **dict.fromkeys(_SAID), **said}
    if not _is_own(assignment, source):
        return {**said, **(logged if assignment.id_source == "stream" and logged["requestId"] else {})}
    # its request is new, which is not what the line itself says
    return logged if assignment.trace_id and assignment.request_id else {}
