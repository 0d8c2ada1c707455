"""The mergeable state of a trace: every fact that its verdict follows from, and nothing else.

`merge` is commutative, associative and idempotent, so it does not matter which worker saw what first, twice or late.
The verdict (`pipeline.judge`) is a pure function of the merged state. Facts only grow: sets unite, a finished segment
beats the same segment in progress, and where two records of one thing differ, a fixed order picks the same one everywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

K = TypeVar("K")
V = TypeVar("V")


Annotation = str | bool | int | float


class SegmentFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a verdict needs of one segment or subsegment, embedded or independent.

    Times are nanoseconds since the epoch, UTC; None where the document has no readable one. ``service_name`` is empty on a
    subsegment, whose service is that of the segment around it: whether a document comes embedded or alone must make no difference.
    """

    id: str
    parent_id: str = ""
    name: str = ""
    service_name: str = ""
    subsegment: bool = False
    origin: str = ""
    namespace: str = ""
    start: int | None = None
    end: int | None = None
    in_progress: bool = False
    fault: bool = False
    error: bool = False
    throttle: bool = False
    cause: bool = False
    status: int | None = None
    method: str = ""
    url: str = ""
    operation: str = ""
    request_id: str = ""
    function_error: str = ""
    traced: bool = False
    inferred: bool = False
    exception_type: str = ""
    exception_message: str = ""
    annotations: tuple[tuple[str, Annotation], ...] = ()
    """Pairs, since OpenSearch reads a dot in a key as one more level."""


class RequestFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the platform said of one Lambda request: the trace and segment it ran in, and whether it was sampled."""

    request_id: str
    segment_id: str = ""
    sampled: bool | None = None


Signal = Literal["error", "exception", "crash", "timeout", "out-of-memory"]


class SignalFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A log line that speaks of a failure, and enough of it to serve as evidence."""

    line_id: str
    signals: tuple[Signal, ...]
    service_name: str = ""
    request_id: str = ""
    text: str = ""
    at: int = 0
    """Milliseconds since the epoch, UTC."""


Outcome = Literal["found", "absent", "unprocessed", "refused", "limitExceeded", "sourceDisabled", "subscribed"]


class LookupFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One look-up: when it was made (milliseconds since the epoch, UTC), of whom, and what came back."""

    at: int
    outcome: Outcome
    source: str = ""
    segments: int = 0


class TraceState(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All that is known of one trace. Build it with facts of one kind and `merge` it into what is there."""

    segments: dict[str, SegmentFact] = {}
    requests: dict[str, RequestFact] = {}
    signals: dict[str, SignalFact] = {}
    lookups: dict[str, LookupFact] = {}
    """By their time in milliseconds, as text."""
    first_line_at: int = 0
    """The time of the oldest line that was taken in, milliseconds since the epoch, UTC; 0 where there is none."""
    last_line_at: int = 0
    """The time of the newest one."""
    unsampled: bool = False
    """A line's own header said Sampled=0."""


EMPTY = TraceState()


def merge(*states: TraceState) -> TraceState:
    """Everything that any of the states knows. Commutative, associative, idempotent."""
    return TraceState(
        segments=_unite([state.segments for state in states], segment_rank),
        requests=_unite([state.requests for state in states], _request_rank),
        signals=_unite([state.signals for state in states], msgspec.json.encode),
        lookups=_unite([state.lookups for state in states], msgspec.json.encode),
        first_line_at=min((state.first_line_at for state in states if state.first_line_at), default=0),
        last_line_at=max((state.last_line_at for state in states), default=0),
        unsampled=any(state.unsampled for state in states),
    )


def merge_by_trace(facts: Iterable[tuple[str, TraceState]]) -> dict[str, TraceState]:
    """What is known of each trace, out of pairs of a trace id and facts about it."""
    found: dict[str, list[TraceState]] = {}
    for trace_id, state in facts:
        found.setdefault(trace_id, []).append(state)
    return {trace_id: merge(*states) for trace_id, states in found.items()}


def last_seen(state: TraceState, *, before: int | None = None) -> int:
    """The newest sign of life, a line or a segment's time, in milliseconds since the epoch; of segments only what lies ``before``."""
    times = (time // 1_000_000 for fact in state.segments.values() for time in (fact.start, fact.end) if time)
    return max(state.last_line_at, max((time for time in times if before is None or time <= before), default=0))


def holds(state: TraceState, facts: TraceState) -> bool:
    """Whether ``state`` already knows everything in ``facts``."""
    return (
        _has(state.segments, facts.segments, segment_rank)
        and _has(state.requests, facts.requests, _request_rank)
        and _has(state.signals, facts.signals, msgspec.json.encode)
        and _has(state.lookups, facts.lookups, msgspec.json.encode)
        and (not facts.first_line_at or 0 < state.first_line_at <= facts.first_line_at)
        and state.last_line_at >= facts.last_line_at
        and state.unsampled >= facts.unsampled
    )


def _unite(parts: Iterable[Mapping[K, V]], rank: Callable[[V], Any]) -> dict[K, V]:
    united: dict[K, V] = {}
    for part in parts:
        for key, value in part.items():
            other = united.get(key)
            if other is None or (other != value and rank(value) > rank(other)):
                united[key] = value
    return dict(sorted(united.items()))


def _has(known: Mapping[K, V], facts: Mapping[K, V], rank: Callable[[V], Any]) -> bool:
    return all((other := known.get(key)) is not None and (other == value or rank(other) >= rank(value)) for key, value in facts.items())


def segment_rank(fact: SegmentFact) -> tuple[bool, int, bytes]:
    """Of two documents with one id the one with the higher rank counts: the finished one, then the one that ended later."""
    return not fact.in_progress, fact.end or 0, msgspec.json.encode(fact)


def _request_rank(fact: RequestFact) -> tuple[bool, bool, bytes]:
    return fact.sampled is not None, bool(fact.segment_id), msgspec.json.encode(fact)
