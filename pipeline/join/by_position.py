"""Places: which invocation a line stands in, across batches, for lines that name no request or no trace.

In a text stream what is found once stays true; in a JSON stream, where invocations may overlap, a line leaves again when one does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pipeline.join.assignment import Home, Move
from pipeline.join.invocation_queries import (
    _Around,
    _bare_lines,
    _by_place,
    _reach,
    _streams_with,
    any_of,
    is_alone,
    open_before,
    overlapping,
)
from pipeline.model.facts import RequestFact, Run
from pipeline.model.invocations import Span, Stream, at_of, inside, spans_of, spot_of
from pipeline.model.trace_state import TraceState
from pipeline.store.client import Store
from pipeline.store.document_facts import FACTS
from pipeline.store.results import Hit
from pipeline.store.trace_document import Record
from pipeline.store.trace_records import load_states

_Runs = Mapping[Stream, Sequence[tuple[str, RequestFact, Run]]]


def by_run(records: Mapping[str, Record], store: Store) -> Iterator[Move]:
    """Bare lines inside the invocations of these traces' requests; and those that one of another request shows to be nobody's."""
    runs = runs_of(states_of(records.values()))
    clauses = [_bare_lines(_Around(trace_id, request, stream, span, run.json)) for stream, entries in runs.items()
               for trace_id, request, run in entries for span in spans_of(run)]  # fmt: skip
    alone: dict[Span, bool] = {}
    for hit in any_of(clauses, store, (*FACTS, "attributes")):
        if home := home_in(hit, around_line(hit, runs), alone, store):
            yield Move(hit, home)


def overlapped(records: Iterable[Record], store: Store, checked: set[Span]) -> Iterator[Move]:
    """Lines that stand by their place in an invocation of a JSON stream which one of these traces' invocations turns out to overlap."""
    json_runs = [(stream, request, span) for stream, entries in runs_of(states_of(records)).items() for _, request, run in entries
                 if run.json for span in spans_of(run) if span not in checked]  # fmt: skip
    checked |= {span for _, _, span in json_runs}
    with_bare_lines = _streams_with([_by_place(stream, *_reach(span)) for stream, _, span in json_runs], store)
    for stream, request, span in json_runs:
        others = sorted(overlapping(span, request.request_id, stream, store)) if stream.log_stream in with_bare_lines else []
        if others:
            yield from (Move(hit, Home()) for hit in any_of([_by_place(stream, *_reach(span), others)], store, FACTS))


def strays(records: Iterable[Record], store: Store) -> Iterator[Move]:
    """Lines between two attempts of one request, put into it while the end of the first and the START of the second were not seen yet."""
    for stream, entries in runs_of(states_of(records)).items():
        for _, request, run in entries:
            if len(run.starts) > 1 and run.ends and not run.json:
                clause = _by_place(stream, at_of(run.starts[0]), at_of(run.ends[-1]), [request.request_id])
                for hit in any_of([clause], store, FACTS):
                    if run.starts[0] < spot_of(hit.source) < run.ends[-1] and not inside(spot_of(hit.source), run):
                        yield Move(hit, _other_home(hit, stream, store))


def _other_home(hit: Hit, stream: Stream, store: Store) -> Home:
    """The home of a line that does not stand where it was put: in another request's invocation, or nowhere."""
    states = load_states(open_before({stream: [hit.source["@timestamp"]]}, store), store)
    bare = {name: value for name, value in hit.source.items() if name not in {"traceId", "requestId", "idSource"}}
    return home_in(msgspec.structs.replace(hit, source=bare), around_line(hit, runs_of(states.items())), {}, store) or Home()


def runs_of(states: Iterable[tuple[str, TraceState]]) -> _Runs:
    """The runs of the requests of which the platform says that they ran in these traces, by log stream."""
    found: dict[Stream, list[tuple[str, RequestFact, Run]]] = {}
    for trace_id, state in states:
        for request in state.requests.values():
            if request.platform and not request.elsewhere:
                for stream, run in request.runs.items():
                    found.setdefault(Stream(request.log_group, stream), []).append((trace_id, request, run))
    return found


def states_of(records: Iterable[Record]) -> Iterator[tuple[str, TraceState]]:
    """What is known of each trace, by its id."""
    return ((record.trace_id, record.state) for record in records)


def around_line(hit: Hit, runs: _Runs) -> list[_Around]:
    """The invocations that a line stands in."""
    aws, place = hit.source.get("aws") or {}, spot_of(hit.source)
    stream = Stream(aws.get("logGroup") or "", aws.get("logStream") or "")
    return [_Around(trace_id, request, stream, span, run.json) for trace_id, request, run in runs.get(stream, ())
            if (span := inside(place, run))]  # fmt: skip


def home_in(hit: Hit, around: Sequence[_Around], alone: dict[Span, bool], store: Store) -> Home | None:
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
        return Home() if by_place else None
    # JSON has a key for it; what a free text calls a request id may be another service's
    named = source.get("requestId") if source.get("attributes") is not None else None
    if by_place and current == here.trace_id and source.get("requestId") in {named, here.request.request_id}:
        return None
    how = "inline" if current == here.trace_id and not by_place else "stream"
    loose = here.json and how == "stream"
    return Home(trace_id=here.trace_id, request_id=named or here.request.request_id, id_source=how, loose=loose)
