"""Shown keys: which join keys a trace shows, and what weight the trace has for those that show the same key.

A trace is known where X-Ray has segments of it or the platform has a record of one of its requests. Any other one is an id that log
lines name: anybody can make up any number of those.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final

import msgspec

from pipeline.model.bounds import fair_share, origin_in, values_by_origin
from pipeline.model.facts import KeyFact, RequestFact, SegmentFact
from pipeline.model.invocations import LogStream, millis_at, windows_of
from pipeline.model.trace_state import TraceState
from pipeline.store.join_keys import BY_XRAY, KeySighting
from pipeline.store.trace_document import TraceRecord

_MOST_KEYS: Final = 500
_MOST_KEYS_OF_UNKNOWN: Final = 50
# how far the second in a trace's id may lie from what X-Ray and the platform know of the trace
_MOST_SECONDS_APART: Final = 3600
_NANOS: Final = 1_000_000_000


class ShownKeys(msgspec.Struct, frozen=True):
    """The join keys of a trace.

    Attributes:
        facts: by key, one fact as evidence; sorted, and bounded in number.
        known: whether X-Ray or the platform knows the trace.
        rank: the trace with the smallest one names the transaction.
        origin: the only log group (behind its account) whose lines speak of the trace; empty if there are several.
    """

    facts: dict[str, KeyFact]
    known: bool
    rank: tuple[bool, int, str]
    origin: str


def shown_by(trace_id: str, state: TraceState) -> ShownKeys:
    """Returns the join keys of a trace, and its rank.

    Known traces come first, the one that began first before all others. So neither a trace that somebody makes up, nor a later one of
    his own, names the transaction of others.
    """
    known = state.is_known
    return ShownKeys(keys_of(state), known, (not known, _began_at(trace_id, state) if known else 0, trace_id), _speaker(state))


def keys_of(state: TraceState) -> dict[str, KeyFact]:
    """Returns the join keys that a trace shows, each with one fact as evidence; sorted, bounded in number, with a share for each origin."""
    found = {value: min(facts.values(), key=msgspec.json.encode) for value, facts in state.shown_keys.items()}
    of_segments = dict(_of_segments(state))
    requests = [request for request in state.requests.values() if request.request_id and not request.elsewhere]
    by_origin: dict[str, list[str]] = {}
    # the platform's own first
    for request in sorted(requests, key=lambda request: (not request.platform, request.key)):
        by_origin.setdefault(request.origin, []).append(request.request_id)
        found.setdefault(request.request_id, KeyFact(method="request id", service_name=request.log_group))
    found = found | {value: fact for value, fact in of_segments.items() if value not in found}
    most = _MOST_KEYS if state.is_known else _MOST_KEYS_OF_UNKNOWN
    shares = (sorted(of_segments), *values_by_origin(state.shown_keys).values(), *by_origin.values())
    return {value: found[value] for value in fair_share(shares, most)}


def sightings_of(records: Iterable[TraceRecord]) -> dict[str, KeySighting]:
    """Returns which of these traces show which join key, by key."""
    found: dict[str, KeySighting] = {}
    for record in records:
        known = record.state.is_known
        alone = _alone(record.state) if known else {}
        for value in keys_of(record.state):
            sighting = found.setdefault(value, KeySighting())
            sighting.trace_ids.add(record.trace_id)
            if known:
                sighting.known_by.add((record.trace_id, alone.get(value, "")))
        for request in record.state.requests.values():
            if request.platform:
                found.setdefault(request.request_id, KeySighting()).platform.add((record.trace_id, request.origin))
        for fact in record.state.segments.values():
            if fact.request_id and (fact.origin.startswith("AWS::Lambda") or sends_events(fact)):
                found.setdefault(fact.request_id, KeySighting()).platform.add((record.trace_id, BY_XRAY))
    return found


def stream_key(stream: LogStream) -> str:
    """Returns the key of a log stream."""
    return f"log stream {stream.address}"


def searched_streams(states: Iterable[TraceState], is_whole: Callable[[RequestFact], bool]) -> dict[str, KeySighting]:
    """Returns by its key how far each log stream is searched for the lines of the invocations in these traces.

    A search for lines of an invocation comes after the writing of this. So `ship`, which reads it after it wrote a line, need not look for
    the invocation of a line that is newer: a later search finds the line. Of an invocation that ``is_whole`` there are no other lines.
    """
    found: dict[str, KeySighting] = {}
    for request in (request for state in states for request in state.requests.values()):
        if request.platform and not request.elsewhere and not is_whole(request):
            for name, marks in request.runs.items():
                if ends := [millis_at(window.end) for window in windows_of(marks)]:
                    sighting = found.setdefault(stream_key(LogStream(request.log_group, name, request.account)), KeySighting())
                    sighting.searched_until = max(sighting.searched_until, *ends)
    return found


def sends_events(fact: SegmentFact) -> bool:
    """Whether a segment is a call of PutEvents, whose request id the log of the event bus names."""
    return fact.operation == "PutEvents"


def _alone(state: TraceState) -> dict[str, str]:
    """By key, the origin whose lines alone show it in the trace."""
    origins: dict[str, set[str]] = {value: set(map(origin_in, evidence)) for value, evidence in state.shown_keys.items()}
    for request in state.requests.values():
        origins.setdefault(request.request_id, set()).add(request.origin)
    for value, _ in _of_segments(state):
        origins.pop(value, None)
    return {value: next(iter(by)) for value, by in origins.items() if len(by) == 1}


def _speaker(state: TraceState) -> str:
    """The only origin whose lines speak of the trace; empty if there are several, or if it is unknown."""
    origins = {request.origin for request in state.requests.values() if request.request_id}
    origins.update(origin_in(request) for evidence in state.shown_keys.values() for request in evidence)
    return next(iter(origins)) if len(origins) == 1 else ""


def _of_segments(state: TraceState) -> Iterable[tuple[str, KeyFact]]:
    for fact in state.segments.values():
        name = fact.service_name or fact.name
        # a call of S3 or DynamoDB has a request id, too, which no other trace shows
        if fact.request_id and (not fact.subsegment or fact.operation == "Invoke" or sends_events(fact)):
            yield fact.request_id, KeyFact(method="request id", service_name=name, span_id=fact.id)
        if fact.durable and fact.durable.execution_arn:
            yield fact.durable.execution_arn, KeyFact(method="durable execution", service_name=name, span_id=fact.id)
        for trace_id in fact.links:
            yield trace_id, KeyFact(method="X-Ray link", service_name=name, span_id=fact.id)


def _began_at(trace_id: str, state: TraceState) -> int:
    """When a known trace began, in seconds since the epoch: as its id says, or else by the first that X-Ray or the platform has of it.

    An X-Ray id begins with the second in which it was made (AWS X-Ray developer guide, "Tracing header"), but whoever calls a function
    chooses it, and a W3C id holds no time. So it counts only where the trace itself is of about that time.
    """
    times = [fact.start // _NANOS for fact in state.segments.values() if fact.start]
    if not times:
        platform = (request for request in state.requests.values() if request.platform)
        times = [at // 1000 for at in chain.from_iterable((request.first_at, request.last_at) for request in platform) if at]
    if not times:
        return state.first_line_at // 1000
    said = int(trace_id[:8], 16)
    return said if min(times) - _MOST_SECONDS_APART <= said <= max(times) + _MOST_SECONDS_APART else min(times)
