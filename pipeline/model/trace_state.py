"""Trace state: every fact that a trace's verdict follows from, as one mergeable value.

`merge` is commutative, associative and idempotent, so the order in which workers see facts, late or twice, does not matter.
The verdict (`pipeline.detect.evaluate`) is a pure function of the merged state. Facts only grow: sets unite, a finished segment
beats the same segment in progress, and if two facts of one thing differ, a fixed order picks the same one everywhere.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from pipeline.model.facts import InvocationMarks, KeyFact, LookupFact, RequestFact, SegmentFact, SignalFact

K = TypeVar("K")
V = TypeVar("V")


class TraceState(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All facts known of one trace. Build one from new facts and `merge` it with the known state."""

    segments: dict[str, SegmentFact] = {}
    requests: dict[str, RequestFact] = {}
    """The requests by `RequestFact.key`; lines without a request id share the empty key."""
    signals: dict[str, SignalFact] = {}
    lookups: dict[str, LookupFact] = {}
    """The look-ups by their time in milliseconds, as text."""
    keys: dict[str, dict[str, KeyFact]] = {}
    """The join keys that lines show, as other traces may: for each, the evidence by the `RequestFact.key` of the line's request."""

    @property
    def first_line_at(self) -> int:
        """The time of the oldest line, milliseconds since the epoch, UTC; 0 if there is none."""
        return min((request.first_at for request in self.requests.values() if request.first_at), default=0)

    @property
    def last_line_at(self) -> int:
        """The time of the newest line, milliseconds since the epoch, UTC; 0 if there is none."""
        return max((request.last_at for request in self.requests.values()), default=0)


EMPTY = TraceState()


def merge(*states: TraceState) -> TraceState:
    """Unites the facts of all ``states``. It is commutative, associative and idempotent."""
    requests = _join([state.requests for state in states], _join_requests)
    elsewhere = {key for key, request in requests.items() if request.elsewhere}
    signals = _unite([state.signals for state in states], _signal_rank)
    keys = _join([state.keys for state in states], _join_evidence)
    return TraceState(
        segments=_unite([state.segments for state in states], segment_rank),
        requests=requests,
        # the signals of a request that ran in another trace belong to that trace
        signals={id_: signal for id_, signal in signals.items() if signal.request not in elsewhere} if elsewhere else signals,
        lookups=_unite([state.lookups for state in states], msgspec.json.encode),
        keys=_without(keys, elsewhere) if elsewhere else keys,
    )


def merge_by_trace(facts: Iterable[tuple[str, TraceState]]) -> dict[str, TraceState]:
    """Merges pairs of a trace id and facts into one state for each trace."""
    found: dict[str, list[TraceState]] = {}
    for trace_id, state in facts:
        found.setdefault(trace_id, []).append(state)
    return {trace_id: merge(*states) for trace_id, states in found.items()}


def last_seen(state: TraceState, *, before: int | None = None) -> int:
    """The newest time of a line or segment, in milliseconds since the epoch, UTC; times of segments count only up to ``before``."""
    times = (time // 1_000_000 for fact in state.segments.values() for time in (fact.start, fact.end) if time)
    return max(state.last_line_at, max((time for time in times if before is None or time <= before), default=0))


def holds(state: TraceState, facts: TraceState) -> bool:
    """Whether ``state`` already holds all ``facts``, so that merging them would not change it."""
    elsewhere = {key for key, request in state.requests.items() if request.elsewhere}
    signals = {id_: signal for id_, signal in facts.signals.items() if signal.request not in elsewhere}
    return (
        _has(state.segments, facts.segments, segment_rank)
        and all(_knows(state.requests.get(key), request) for key, request in facts.requests.items())
        and _has(state.signals, signals, _signal_rank)
        and _has(state.lookups, facts.lookups, msgspec.json.encode)
        and all(_has(state.keys.get(key, {}), evidence, msgspec.json.encode) for key, evidence in _without(facts.keys, elsewhere).items())
    )


def _unite(parts: Iterable[Mapping[K, V]], rank: Callable[[V], Any]) -> dict[K, V]:
    """Unites ``parts``; of two entries with one key the one with the higher rank stays."""

    def better(one: V, other: V) -> V:
        return max(one, other, key=rank)

    return _join(parts, better)


def _join(parts: Iterable[Mapping[K, V]], join: Callable[[V, V], V]) -> dict[K, V]:
    """Unites ``parts``, sorted by key; ``join`` makes one of two entries with one key."""
    joined: dict[K, V] = {}
    for part in parts:
        for key, value in part.items():
            other = joined.get(key)
            joined[key] = value if other is None or other == value else join(other, value)
    return dict(sorted(joined.items()))


def _join_requests(one: RequestFact, other: RequestFact) -> RequestFact:
    elsewhere = one.elsewhere or other.elsewhere
    return RequestFact(
        request_id=one.request_id,
        log_group=one.log_group,
        platform=one.platform or other.platform,
        segment_id="" if elsewhere else max(one.segment_id, other.segment_id),
        sampled=None if elsewhere else _any_true(one.sampled, other.sampled),
        claimed_sampled=None if elsewhere else _any_true(one.claimed_sampled, other.claimed_sampled),
        first_at=min((at for at in (one.first_at, other.first_at) if at), default=0),
        last_at=max(one.last_at, other.last_at),
        status=None if elsewhere else max((status for status in (one.status, other.status) if status), default=None),
        integration_request_id="" if elsewhere else max(one.integration_request_id, other.integration_request_id),
        elsewhere=elsewhere,
        runs=_join([one.runs, other.runs], _join_marks),
    )


def _any_true(*values: bool | None) -> bool | None:
    return max((value for value in values if value is not None), default=None)


def _join_marks(one: InvocationMarks, other: InvocationMarks) -> InvocationMarks:
    return InvocationMarks(
        starts=tuple(sorted({*one.starts, *other.starts})),
        ends=tuple(sorted({*one.ends, *other.ends})),
        json=one.json or other.json,
    )


def _join_evidence(one: Mapping[str, KeyFact], other: Mapping[str, KeyFact]) -> dict[str, KeyFact]:
    return _unite([one, other], msgspec.json.encode)


def _signal_rank(fact: SignalFact) -> tuple[bool, bytes]:
    return not fact.signals, msgspec.json.encode(fact)


def _without(keys: Mapping[str, Mapping[str, KeyFact]], requests: Collection[str]) -> dict[str, dict[str, KeyFact]]:
    """The ``keys`` with their evidence, without that of ``requests``; a key without evidence is left out."""
    left = {value: {key: fact for key, fact in evidence.items() if key not in requests} for value, evidence in keys.items()}
    return {value: evidence for value, evidence in left.items() if evidence}


def _knows(known: RequestFact | None, fact: RequestFact) -> bool:
    return known is not None and (known == fact or _join_requests(known, fact) == known)


def _has(known: Mapping[K, V], facts: Mapping[K, V], rank: Callable[[V], Any]) -> bool:
    return all((other := known.get(key)) is not None and (other == value or rank(other) >= rank(value)) for key, value in facts.items())


def segment_rank(fact: SegmentFact) -> tuple[bool, int, bytes]:
    """The sort key that picks between two facts of one segment: the finished one wins, then the one that ended later."""
    return not fact.in_progress, fact.end or 0, msgspec.json.encode(fact)
