"""By position: assigns a line that names no request or no trace to the invocation around its position in the log stream.

In a text stream an assignment stays valid; in a JSON stream, where invocations may overlap, a line loses it when an overlap shows.

Where a record says in which trace the request ran that a line names, this outweighs the position, as in `by_request`: the record is written
before the join key that `by_request` reads, and a line may come between the two.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from pipeline.join.assignment import Assignment, Reassignment
from pipeline.join.invocation_queries import (
    Invocation,
    lines_by_position,
    lines_matching_any,
    open_before,
    reach_of_overlap,
    streams_with,
    unassigned_lines,
)
from pipeline.join.stream_events import StreamEvents
from pipeline.logs.line_facts import as_logged
from pipeline.model.facts import InvocationMarks
from pipeline.model.invocations import InvocationWindow, LogStream, millis_at, position_of, stream_of, window_around, windows_of
from pipeline.model.trace_state import TraceState
from pipeline.store.client import Store
from pipeline.store.results import Hit
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import load_states


class _Requests(NamedTuple):
    """The requests of which the platform says that they ran in some traces.

    Attributes:
        marks: by log stream: a trace id, the id of its request, and the positions of that request's START and end lines.
        ran_in: by origin and request id: the ids of the traces.
    """

    marks: Mapping[LogStream, Sequence[tuple[str, str, InvocationMarks]]]
    ran_in: Mapping[tuple[str, str], set[str]]


def assign_by_position(hits: Iterable[Hit], records: Mapping[str, TraceRecord], store: Store) -> Iterator[Reassignment]:
    """Yields those of ``hits`` that stand in an invocation of one of these traces and are not assigned to it yet."""
    requests = _requests_of({id_: record.state for id_, record in records.items()})
    return _assign(hits, requests, StreamEvents(_invocations(requests), store))


def misplaced_by_position(records: Mapping[str, TraceRecord], store: Store, checked: set[InvocationWindow]) -> Iterator[Reassignment]:
    """Yields the lines that have to be moved into or out of the invocations of these traces; finds refreshed lines only.

    ``checked`` holds the invocations whose overlaps were looked for already; this adds those that it looks for.
    """
    requests = _requests_of({id_: record.state for id_, record in records.items()})
    origins = Counter((trace_id, origin) for (origin, _), trace_ids in requests.ran_in.items() for trace_id in trace_ids)
    clauses = [unassigned_lines(invocation, among_others=origins[invocation.trace_id, invocation.stream.origin] > 1)
               for invocation in _invocations(requests)]  # fmt: skip
    events = StreamEvents(_invocations(requests), store)
    yield from _assign(lines_matching_any(clauses, store), requests, events)
    yield from _between_attempts(requests, store)
    yield from _in_overlapping_invocations(requests, events, store, checked)


def _between_attempts(requests: _Requests, store: Store) -> Iterator[Reassignment]:
    """Lines between two attempts of one request, assigned to it before the end of the first and the START of the second were known."""
    for stream, entries in requests.marks.items():
        for trace_id, request_id, own in entries:
            if len(own.starts) > 1 and own.ends and not own.json:
                clause = lines_by_position(stream, millis_at(own.starts[0]), millis_at(own.ends[-1]))
                for hit in lines_matching_any([clause], store):
                    position = position_of(hit.source)
                    is_between = own.starts[0] < position < own.ends[-1] and not window_around(position, own)
                    if is_between and hit.source.get("traceId") == trace_id:
                        yield Reassignment(hit, _assigned_anew(hit, stream, store, given=request_id))


def _in_overlapping_invocations(
    requests: _Requests, events: StreamEvents, store: Store, checked: set[InvocationWindow]
) -> Iterator[Reassignment]:
    """Lines assigned by position to an invocation of a JSON stream that turns out to overlap one of these traces' invocations."""
    invocations = [invocation for invocation in _invocations(requests) if invocation.json and invocation.window not in checked]
    checked |= {invocation.window for invocation in invocations}
    clauses = [lines_by_position(invocation.stream, *reach_of_overlap(invocation.window)) for invocation in invocations]
    streams = streams_with(clauses, store)
    for invocation in invocations:
        if invocation.stream.log_stream in streams and (others := sorted(events.overlapping(invocation))):
            clause = lines_by_position(invocation.stream, *reach_of_overlap(invocation.window))
            for hit in lines_matching_any([clause], store):
                logged = as_logged(hit.source)
                if hit.source.get("requestId") in others:
                    yield Reassignment(hit, _unassigned(logged))
                elif logged.get("requestId") and (anew := _assigned_anew(hit, invocation.stream, store)).trace_id != hit.source["traceId"]:
                    # the line kept the id of another service, so its request does not say whose invocation it was assigned to
                    yield Reassignment(hit, anew)


def _assigned_anew(hit: Hit, stream: LogStream, store: Store, given: str = "") -> Assignment:
    """The assignment of a line whose present one may be wrong, ``given`` by its position: another request's invocation, or none."""
    states = load_states(open_before({stream: [hit.source["@timestamp"]]}, store), store)
    logged = as_logged(hit.source, given=given)
    requests = _requests_of(states)
    found = next(_assign([msgspec.structs.replace(hit, source=logged)], requests, StreamEvents(_invocations(requests), store)), None)
    return found.assignment if found else _unassigned(logged)


def _requests_of(states: Mapping[str, TraceState]) -> _Requests:
    marks_by_stream: dict[LogStream, list[tuple[str, str, InvocationMarks]]] = {}
    ran_in: dict[tuple[str, str], set[str]] = {}
    for trace_id, state in states.items():
        for request in state.requests.values():
            if request.platform and not request.elsewhere:
                ran_in.setdefault((request.origin, request.request_id), set()).add(trace_id)
                for stream, marks in request.runs.items():
                    log_stream = LogStream(request.log_group, stream, request.account)
                    marks_by_stream.setdefault(log_stream, []).append((trace_id, request.request_id, marks))
    return _Requests(marks_by_stream, ran_in)


def _invocations(requests: _Requests) -> Iterator[Invocation]:
    return (Invocation(trace_id, request_id, stream, window, own.json) for stream, entries in requests.marks.items()
            for trace_id, request_id, own in entries for window in windows_of(own))  # fmt: skip


def _assign(hits: Iterable[Hit], requests: _Requests, events: StreamEvents) -> Iterator[Reassignment]:
    alone: dict[InvocationWindow, bool] = {}
    for hit in hits:
        stream, position = stream_of(hit.source), position_of(hit.source)
        around = [Invocation(trace_id, request_id, stream, window, own.json) for trace_id, request_id, own in requests.marks.get(stream, ())
                  if (window := window_around(position, own))]  # fmt: skip
        if around and (assignment := _by_record(around, hit, requests) or _assignment_in(around, hit, alone, events)):
            yield Reassignment(hit, assignment)


def _by_record(around: Sequence[Invocation], hit: Hit, requests: _Requests) -> Assignment | None:
    """The assignment of a line that names a request which one of these records, and no other, says ran in its trace; else None."""
    source = hit.source
    if source.get("idSource") == "stream":
        noted = source.get("state") or {}
        if "requestId" not in noted and any(invocation.request_id == source.get("requestId") for invocation in around):
            # its position gave it this request
            return None
    elif source.get("traceId"):
        return None
    named = as_logged(source).get("requestId") or ""
    ran_in = requests.ran_in.get((around[0].stream.origin, named), set())
    return Assignment(trace_id=next(iter(ran_in)), request_id=named, id_source="request") if len(ran_in) == 1 else None


def _assignment_in(around: Sequence[Invocation], hit: Hit, alone: dict[InvocationWindow, bool], events: StreamEvents) -> Assignment | None:
    """The assignment of a line, given the invocations around it; None where none of them is its own, or the present one is right."""
    source = hit.source
    current, by_position = source.get("traceId") or "", source.get("idSource") == "stream"
    if current and not by_position and source.get("requestId"):
        return None
    logged = as_logged(source)
    claimed, named = logged.get("traceId") or "", logged.get("requestId") or ""
    # text invocations never overlap: of two that seem to, the outer one is a request and its retry, whose marks between are not known yet
    here = max(around, key=lambda invocation: invocation.window)
    if by_position and not here.json:
        return None
    own = [invocation for invocation in around if invocation.trace_id == claimed]
    if len({invocation.request_id for invocation in own}) == 1:
        # the line names the trace of one of these requests, so it is that one's, whatever else runs
        return Assignment(trace_id=claimed, request_id=own[0].request_id, id_source="inline")
    if here.window not in alone:
        alone[here.window] = (len(around) == 1 or not here.json) and events.is_alone(here)
    if not alone[here.window]:
        return _unassigned(logged) if by_position else None
    # JSON has a key for the request id; what a free text calls a request id may be another service's
    request_id = named if named and source.get("attributes") is not None else here.request_id
    if by_position and (current, source.get("requestId")) == (here.trace_id, request_id):
        return None
    return Assignment(trace_id=here.trace_id, request_id=request_id, id_source="stream", stale_trace_id=claimed, provisional=here.json)


def _unassigned(logged: Mapping[str, Any]) -> Assignment:
    """The assignment of a line to what it itself names."""
    claimed = logged.get("traceId") or ""
    return Assignment(trace_id=claimed, request_id=logged.get("requestId") or "", id_source="inline" if claimed else "none")
