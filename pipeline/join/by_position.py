"""Places: which invocation a line stands in, across batches, for lines that name no request or no trace.

In a text stream what is found once stays true; in a JSON stream, where invocations may overlap, a line leaves again when one does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pipeline.join.assignment import Assignment, Reassignment
from pipeline.join.invocation_queries import (
    EnclosingInvocation,
    is_alone,
    lines_matching_any,
    open_before,
    overlapping,
    positioned_lines,
    reach_of_overlap,
    streams_with,
    unassigned_lines,
)
from pipeline.model.facts import InvocationMarks, RequestFact
from pipeline.model.invocations import InvocationWindow, LogStream, millis_at, position_of, window_around, windows_of
from pipeline.model.trace_state import TraceState
from pipeline.store.client import Store
from pipeline.store.document_facts import FACTS
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import load_states

_MarksByStream = Mapping[LogStream, Sequence[tuple[str, RequestFact, InvocationMarks]]]


def inside_invocations(records: Mapping[str, TraceRecord], store: Store) -> Iterator[Reassignment]:
    """Bare lines inside the invocations of these traces' requests; and those that one of another request shows to be nobody's."""
    runs = marks_by_stream(states_of(records.values()))
    clauses = [unassigned_lines(EnclosingInvocation(trace_id, request, stream, span, run.json)) for stream, entries in runs.items()
               for trace_id, request, run in entries for span in windows_of(run)]  # fmt: skip
    alone: dict[InvocationWindow, bool] = {}
    for hit in lines_matching_any(clauses, store, (*FACTS, "attributes")):
        if home := assign_by_position(hit, invocations_around(hit, runs), alone, store):
            yield Reassignment(hit, home)


def in_overlapping_invocations(records: Iterable[TraceRecord], store: Store, checked: set[InvocationWindow]) -> Iterator[Reassignment]:
    """Lines that stand by their place in an invocation of a JSON stream which one of these traces' invocations turns out to overlap."""
    json_runs = [(stream, request, span) for stream, entries in marks_by_stream(states_of(records)).items() for _, request, run in entries
                 if run.json for span in windows_of(run) if span not in checked]  # fmt: skip
    checked |= {span for _, _, span in json_runs}
    with_bare_lines = streams_with([positioned_lines(stream, *reach_of_overlap(span)) for stream, _, span in json_runs], store)
    for stream, request, span in json_runs:
        others = sorted(overlapping(span, request.request_id, stream, store)) if stream.log_stream in with_bare_lines else []
        if others:
            yield from (
                Reassignment(hit, Assignment())
                for hit in lines_matching_any([positioned_lines(stream, *reach_of_overlap(span), others)], store, FACTS)
            )


def between_attempts(records: Iterable[TraceRecord], store: Store) -> Iterator[Reassignment]:
    """Lines between two attempts of one request, put into it while the end of the first and the START of the second were not seen yet."""
    for stream, entries in marks_by_stream(states_of(records)).items():
        for _, request, run in entries:
            if len(run.starts) > 1 and run.ends and not run.json:
                clause = positioned_lines(stream, millis_at(run.starts[0]), millis_at(run.ends[-1]), [request.request_id])
                for hit in lines_matching_any([clause], store, FACTS):
                    if run.starts[0] < position_of(hit.source) < run.ends[-1] and not window_around(position_of(hit.source), run):
                        yield Reassignment(hit, _reassign_elsewhere(hit, stream, store))


def _reassign_elsewhere(hit: Hit, stream: LogStream, store: Store) -> Assignment:
    """The home of a line that does not stand where it was put: in another request's invocation, or nowhere."""
    states = load_states(open_before({stream: [hit.source["@timestamp"]]}, store), store)
    bare = {name: value for name, value in hit.source.items() if name not in {"traceId", "requestId", "idSource"}}
    return (
        assign_by_position(msgspec.structs.replace(hit, source=bare), invocations_around(hit, marks_by_stream(states.items())), {}, store)
        or Assignment()
    )


def marks_by_stream(states: Iterable[tuple[str, TraceState]]) -> _MarksByStream:
    """The runs of the requests of which the platform says that they ran in these traces, by log stream."""
    found: dict[LogStream, list[tuple[str, RequestFact, InvocationMarks]]] = {}
    for trace_id, state in states:
        for request in state.requests.values():
            if request.platform and not request.elsewhere:
                for stream, run in request.runs.items():
                    found.setdefault(LogStream(request.log_group, stream), []).append((trace_id, request, run))
    return found


def states_of(records: Iterable[TraceRecord]) -> Iterator[tuple[str, TraceState]]:
    """What is known of each trace, by its id."""
    return ((record.trace_id, record.state) for record in records)


def invocations_around(hit: Hit, runs: _MarksByStream) -> list[EnclosingInvocation]:
    """The invocations that a line stands in."""
    aws, place = hit.source.get("aws") or {}, position_of(hit.source)
    stream = LogStream(aws.get("logGroup") or "", aws.get("logStream") or "")
    return [EnclosingInvocation(trace_id, request, stream, span, run.json) for trace_id, request, run in runs.get(stream, ())
            if (span := window_around(place, run))]  # fmt: skip


def assign_by_position(
    hit: Hit, around: Sequence[EnclosingInvocation], alone: dict[InvocationWindow, bool], store: Store
) -> Assignment | None:
    """The home of a line, given the invocations that it stands in; None where it stands in none, or is at home."""
    if not around:
        return None
    # text invocations never overlap: of two that seem to, the outer one is a request and its retry, with their ends between not seen yet
    here, source = max(around, key=lambda one: one.span), hit.source
    current, by_place = source.get("traceId") or "", source.get("idSource") == "stream"
    shown = current in (source.get("propagatedTraceId") or ())
    if current and not by_place and (source.get("requestId") or (current != here.trace_id and not shown)):
        # it names a trace: another one, or this one and its request
        return None
    if (by_place and not here.json) or (here.json and not by_place and source.get("requestId")):
        return None
    if here.span not in alone:
        alone[here.span] = (len(around) == 1 or not here.json) and is_alone(
            here.span, here.request.request_id, here.stream, store, json=here.json
        )
    if not alone[here.span]:
        return Assignment() if by_place else None
    # JSON has a key for it; what a free text calls a request id may be another service's
    named = source.get("requestId") if source.get("attributes") is not None else None
    if by_place and current == here.trace_id and source.get("requestId") in {named, here.request.request_id}:
        return None
    how = "inline" if current == here.trace_id and not by_place else "stream"
    loose = here.json and how == "stream"
    return Assignment(trace_id=here.trace_id, request_id=named or here.request.request_id, id_source=how, loose=loose)
