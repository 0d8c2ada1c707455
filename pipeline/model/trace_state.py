"""Trace state: every fact that a trace's verdict follows from, as one mergeable value.

`merge` is commutative, associative and idempotent, so the order in which workers see facts, late or twice, does not matter.
The verdict (`pipeline.detect.evaluate`) is a pure function of the merged state. Facts only grow: sets unite, a finished segment
beats the same segment in progress, and if two facts of one thing differ, a fixed order picks the same one everywhere. Of very many
facts some are left out (`pipeline.model.bounds`), again by fixed orders.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pipeline.model import bounds
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
    """The join keys that lines show, as other traces may: for each, the evidence by the `RequestFact.key` of the line's request.

    Lines without a request id have their origin behind a space in its place.
    """
    places: tuple[str, ...] = ()
    """The accounts and regions that its lines come from (`pipeline.model.places`), sorted; a record of before has none."""
    first_at: int = 0
    """The time of the oldest line, milliseconds since the epoch, UTC, where there are more requests than the record keeps; else 0."""
    last_at: int = 0
    """The time of the newest line, likewise."""

    @property
    def first_line_at(self) -> int:
        """The time of the oldest line, milliseconds since the epoch, UTC; 0 if there is none."""
        times = (self.first_at, *(request.first_at for request in self.requests.values()))
        return min((at for at in times if at), default=0)

    @property
    def last_line_at(self) -> int:
        """The time of the newest line, milliseconds since the epoch, UTC; 0 if there is none."""
        return max((self.last_at, *(request.last_at for request in self.requests.values())))

    @property
    def is_known(self) -> bool:
        """Whether X-Ray or the platform knows the trace, so that it is more than an id in somebody's log lines."""
        return bool(self.segments) or any(request.platform for request in self.requests.values())

    @property
    def failures(self) -> Iterator[SignalFact]:
        """The lines about a failure that belong to the trace: neither retracted, nor of a request that ran in another trace."""
        elsewhere = _elsewhere(self)
        return (fact for fact in self.signals.values() if fact.signals and not fact.retracted and fact.request not in elsewhere)

    @property
    def shown_keys(self) -> dict[str, dict[str, KeyFact]]:
        """The join keys, sorted, with the evidence of lines whose requests did not run in another trace.

        Of an origin whose requests often ran elsewhere not all of these are kept: there only requests count that the platform puts here.
        """
        elsewhere = _elsewhere(self)
        if not elsewhere:
            return self.keys
        counted = Counter(map(bounds.origin_in, elsewhere))
        doubtful = {origin for origin, count in counted.items() if count >= bounds.MOST_ELSEWHERE}
        here = {key for key, request in self.requests.items() if request.platform and not request.elsewhere} if doubtful else set()
        shown = {value: {key: fact for key, fact in evidence.items()
                         if key not in elsewhere and (key in here or bounds.origin_in(key) not in doubtful)}
                 for value, evidence in self.keys.items()}  # fmt: skip
        return {value: evidence for value, evidence in shown.items() if evidence}


EMPTY = TraceState()


def merge(*states: TraceState) -> TraceState:
    """Unites the facts of all ``states``, within bounds. It is commutative, associative and idempotent."""
    requests = _join([state.requests for state in states], _join_requests)
    kept = bounds.bounded_requests(requests)
    is_bounded = kept != requests or any(state.last_at for state in states)
    return TraceState(
        segments=_unite([state.segments for state in states], segment_rank),
        requests=kept,
        signals=bounds.bounded_signals(_unite([state.signals for state in states], _signal_rank)),
        lookups=_unite([state.lookups for state in states], msgspec.json.encode),
        keys=bounds.bounded_keys(_join([state.keys for state in states], _join_evidence)),
        places=_unite_places([state.places for state in states]),
        first_at=min((at for state in states if (at := state.first_line_at)), default=0) if is_bounded else 0,
        last_at=max(state.last_line_at for state in states) if is_bounded else 0,
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
    return (
        _has(state.segments, facts.segments, segment_rank)
        and all(_knows(state, request) for request in facts.requests.values())
        and all(_knows_signal(state.signals, fact) for fact in facts.signals.values())
        and _has(state.lookups, facts.lookups, msgspec.json.encode)
        and all(_knows_key(state.keys, value, key, fact) for value, evidence in facts.keys.items() for key, fact in evidence.items())
        and _unite_places([state.places, facts.places]) == state.places
        and _knows_times(state, facts)
    )


def _unite_places(parts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    known = {part for part in parts if part}
    if len(known) == 1 and len(one := next(iter(known))) == 1:
        return one
    return bounds.bounded_places({place for part in known for place in part})


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
    statuses = [] if elsewhere else sorted({*one.answered, *other.answered})
    return RequestFact(
        request_id=one.request_id,
        log_group=one.log_group,
        account=one.account,
        platform=one.platform or other.platform,
        # the platform's record stays what it is: whoever reads these asks for `elsewhere`, too
        segment_id=max(one.segment_id, other.segment_id),
        sampled=_any_true(one.sampled, other.sampled),
        claimed_sampled=None if elsewhere else _any_true(one.claimed_sampled, other.claimed_sampled),
        first_at=min((at for at in (one.first_at, other.first_at) if at), default=0),
        last_at=max(one.last_at, other.last_at),
        status=statuses[-1] if statuses else None,
        lowest_status=statuses[0] if len(statuses) > 1 else None,
        integration_request_id="" if elsewhere else max(one.integration_request_id, other.integration_request_id),
        elsewhere=elsewhere,
        went_on_at=0 if elsewhere else max(one.went_on_at, other.went_on_at),
        runs=bounds.bounded_runs(_join([one.runs, other.runs], _join_marks)),
    )


def _any_true(*values: bool | None) -> bool | None:
    return max((value for value in values if value is not None), default=None)


def _join_marks(one: InvocationMarks, other: InvocationMarks) -> InvocationMarks:
    return InvocationMarks(
        starts=bounds.bounded_marks(one.starts, other.starts),
        ends=bounds.bounded_marks(one.ends, other.ends),
        json=one.json or other.json,
    )


def _join_evidence(one: Mapping[str, KeyFact], other: Mapping[str, KeyFact]) -> dict[str, KeyFact]:
    return _join([one, other], lambda *facts: min(facts, key=_key_rank))


def _key_rank(fact: KeyFact) -> tuple[int, bytes]:
    return fact.at, msgspec.json.encode(fact)


def _signal_rank(fact: SignalFact) -> tuple[bool, bool, bytes]:
    return fact.retracted or not fact.signals, not fact.by_position, msgspec.json.encode(fact)


def _elsewhere(state: TraceState) -> set[str]:
    return {key for key, request in state.requests.items() if request.elsewhere}


def _knows(state: TraceState, fact: RequestFact) -> bool:
    part = bounds.kept_of_request(state.requests, fact)
    if part != fact and not state.last_at:
        return False
    if part is None:
        return True
    own = state.requests.get(part.key)
    return own is not None and (own == part or _join_requests(own, part) == own)


def _knows_times(state: TraceState, facts: TraceState) -> bool:
    if not (state.last_at or facts.last_at):
        return True
    return state.first_at <= (facts.first_line_at or state.first_at) and facts.last_line_at <= state.last_at


def _knows_signal(known: Mapping[str, SignalFact], fact: SignalFact) -> bool:
    if own := known.get(fact.line_id):
        return own == fact or _signal_rank(own) >= _signal_rank(fact)
    return not bounds.keeps_signal(known, fact)


def _knows_key(known: Mapping[str, Mapping[str, KeyFact]], value: str, key: str, fact: KeyFact) -> bool:
    if own := known.get(value, {}).get(key):
        return own == fact or _key_rank(own) <= _key_rank(fact)
    return not bounds.keeps_key(known, value, key, fact)


def _has(known: Mapping[K, V], facts: Mapping[K, V], rank: Callable[[V], Any]) -> bool:
    return all((other := known.get(key)) is not None and (other == value or rank(other) >= rank(value)) for key, value in facts.items())


def segment_rank(fact: SegmentFact) -> tuple[bool, tuple[int, ...], bool, int, bytes]:
    """The sort key that picks between two facts of one segment: that of the stack's own account wins, else that of the lowest account id.

    Of one account the finished one wins, then the one that ended later.
    """
    return not fact.account, tuple(-ord(digit) for digit in fact.account), not fact.in_progress, fact.end or 0, msgspec.json.encode(fact)
