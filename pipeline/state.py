"""The mergeable state of a trace: every fact that its verdict follows from, and nothing else.

`merge` is commutative, associative and idempotent, so it does not matter which worker saw what first, twice or late.
The verdict (`pipeline.judge`) is a pure function of the merged state. Facts only grow: sets unite, a finished segment
beats the same segment in progress, and where two records of one thing differ, a fixed order picks the same one everywhere.
"""

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import msgspec

K = TypeVar("K")
V = TypeVar("V")


class SegmentFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a verdict needs of one segment or subsegment, embedded or independent.

    Times are nanoseconds since the epoch, UTC; None where the document has no readable one.
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


Outcome = Literal["found", "absent", "limitExceeded", "sourceDisabled"]


class LookupFact(msgspec.Struct, frozen=True, kw_only=True):
    """One look-up: when it was made (milliseconds since the epoch, UTC) and what came back."""

    at: int
    outcome: Outcome


class TraceState(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All that is known of one trace. Build it with facts of one kind and `merge` it into what is there."""

    segments: dict[str, SegmentFact] = {}
    requests: dict[str, RequestFact] = {}
    signals: dict[str, SignalFact] = {}
    lookups: dict[str, LookupFact] = {}
    """By their time in milliseconds, as text."""
    last_line_at: int = 0
    """The time of the newest line that was taken in, milliseconds since the epoch, UTC."""
    unsampled: bool = False
    """A line's own header said Sampled=0."""


EMPTY = TraceState()


def merge(left: TraceState, right: TraceState) -> TraceState:
    """Everything that either state knows. Commutative, associative, idempotent."""
    return TraceState(
        segments=_unite(left.segments, right.segments, _segment_rank),
        requests=_unite(left.requests, right.requests, _request_rank),
        signals=_unite(left.signals, right.signals, msgspec.json.encode),
        lookups=_unite(left.lookups, right.lookups, msgspec.json.encode),
        last_line_at=max(left.last_line_at, right.last_line_at),
        unsampled=left.unsampled or right.unsampled,
    )


def holds(state: TraceState, facts: TraceState) -> bool:
    """Whether ``state`` already knows everything in ``facts``."""
    return merge(state, facts) == state


def _unite(left: Mapping[K, V], right: Mapping[K, V], rank: Callable[[V], object]) -> dict[K, V]:
    united = dict(left)
    for key, value in right.items():
        other = united.get(key)
        if other is None or (other != value and rank(value) > rank(other)):  # type: ignore[operator]
            united[key] = value
    return dict(sorted(united.items()))


def _segment_rank(fact: SegmentFact) -> tuple[bool, int, bytes]:
    # a finished document replaces the one in progress; of two finished ones the later end is the newer
    return not fact.in_progress, fact.end or 0, msgspec.json.encode(fact)


def _request_rank(fact: RequestFact) -> tuple[bool, bool, bytes]:
    return fact.sampled is not None, bool(fact.segment_id), msgspec.json.encode(fact)
