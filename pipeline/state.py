"""The mergeable state of a trace: every fact that its verdict follows from, and nothing else.

`merge` is commutative, associative and idempotent, so it does not matter which worker saw what first, twice or late.
The verdict (`pipeline.judge`) is a pure function of the merged state. Facts only grow: sets unite, a finished segment
beats the same segment in progress, and where two records of one thing differ, a fixed order picks the same one everywhere.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
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
    failed_items: int = 0
    """Of a batch call that was answered with success."""
    status: int | None = None
    method: str = ""
    url: str = ""
    operation: str = ""
    target: str = ""
    """What an AWS call is about: its function, table, queue, topic, bucket or stream."""
    request_id: str = ""
    function_error: str = ""
    traced: bool = False
    inferred: bool = False
    exception_type: str = ""
    exception_message: str = ""
    links: tuple[str, ...] = ()
    """The traces that X-Ray links it to."""
    annotations: tuple[tuple[str, Annotation], ...] = ()
    """Pairs, since OpenSearch reads a dot in a key as one more level."""


def request_key(request_id: str, log_group: str) -> str:
    """What tells a request from others of its trace; lines without a request share the empty one."""
    return f"{request_id} {log_group}" if request_id else ""


class RequestFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One request of a trace: what the platform said of it, and what its log lines show.

    Attributes:
        log_group: where its lines stand; a request id counts within one log group alone, so no line decides about another group's.
        platform: the platform's own record (REPORT, platform.*, a log of API Gateway) says that it ran in this trace.
        segment_id: the segment that this record names.
        sampled: what the record says of sampling.
        claimed_sampled: what the lines' own tracing headers say.
        first_at: of its oldest line, milliseconds since the epoch, UTC; 0 where there is none.
        last_at: of its newest one.
        status: what API Gateway's log says that it answered.
        integration_request_id: what this log says that the integration called it.
        elsewhere: a line claimed this trace for it, and the platform names another one: nothing else of it counts here.
        runs: where its START and its end were seen, by log stream.
    """

    request_id: str = ""
    log_group: str = ""
    platform: bool = False
    segment_id: str = ""
    sampled: bool | None = None
    claimed_sampled: bool | None = None
    first_at: int = 0
    last_at: int = 0
    status: int | None = None
    integration_request_id: str = ""
    elsewhere: bool = False
    runs: dict[str, "Run"] = {}

    @property
    def said(self) -> bool | None:
        """Whether it was sampled, by the strongest evidence."""
        return self.claimed_sampled if self.sampled is None else self.sampled

    @property
    def key(self) -> str:
        """What tells it from other requests of the trace."""
        return request_key(self.request_id, self.log_group)


class Run(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a request began and ended in one log stream, as spots (`pipeline.runs`), sorted; a retry may run in the same one.

    Attributes:
        json: the stream is in Lambda's JSON format, in which invocations may interleave.
    """

    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    json: bool = False


Signal = Literal["error", "exception", "crash", "timeout", "out-of-memory", "function-error", "error-payload", "partial-failure",
                 "state-machine-failed"]  # fmt: skip


class SignalFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A log line that speaks of a failure, and enough of it to serve as evidence; without signals, one that turned out to be nobody's."""

    line_id: str
    signals: tuple[Signal, ...] = ()
    service_name: str = ""
    request_id: str = ""
    log_group: str = ""
    text: str = ""
    at: int = 0
    """Milliseconds since the epoch, UTC."""
    severity: int = 0
    """OpenTelemetry's number; 0 where the line says none."""

    @property
    def request(self) -> str:
        """The key of the request that the line belongs to."""
        return request_key(self.request_id, self.log_group)


Method = Literal["correlation id", "request id", "integration request id", "tracing header", "X-Ray link"]


class KeyFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a trace shows a join key: by which method, and who says so: a log line (its document's id) or a span."""

    method: Method
    service_name: str = ""
    line_id: str = ""
    span_id: str = ""


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
    """By `RequestFact.key`; lines without a request share the empty one."""
    signals: dict[str, SignalFact] = {}
    lookups: dict[str, LookupFact] = {}
    """By their time in milliseconds, as text."""
    keys: dict[str, dict[str, KeyFact]] = {}
    """What lines show that other traces may show too (ids, as data): how, by the key of the request whose line shows it."""

    @property
    def first_line_at(self) -> int:
        """The time of the oldest line, milliseconds since the epoch, UTC; 0 where there is none."""
        return min((request.first_at for request in self.requests.values() if request.first_at), default=0)

    @property
    def last_line_at(self) -> int:
        """The time of the newest one."""
        return max((request.last_at for request in self.requests.values()), default=0)


EMPTY = TraceState()


def merge(*states: TraceState) -> TraceState:
    """Everything that any of the states knows. Commutative, associative, idempotent."""
    requests = _join([state.requests for state in states], _join_requests)
    elsewhere = {key for key, request in requests.items() if request.elsewhere}
    signals = _unite([state.signals for state in states], _signal_rank)
    keys = _join([state.keys for state in states], _join_shown)
    return TraceState(
        segments=_unite([state.segments for state in states], segment_rank),
        requests=requests,
        # what a request says that ran in another trace is that trace's
        signals={id_: signal for id_, signal in signals.items() if signal.request not in elsewhere} if elsewhere else signals,
        lookups=_unite([state.lookups for state in states], msgspec.json.encode),
        keys=_without(keys, elsewhere) if elsewhere else keys,
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
    elsewhere = {key for key, request in state.requests.items() if request.elsewhere}
    signals = {id_: signal for id_, signal in facts.signals.items() if signal.request not in elsewhere}
    return (
        _has(state.segments, facts.segments, segment_rank)
        and all(_knows(state.requests.get(key), request) for key, request in facts.requests.items())
        and _has(state.signals, signals, _signal_rank)
        and _has(state.lookups, facts.lookups, msgspec.json.encode)
        and all(_has(state.keys.get(value, {}), shown, _evidence_rank) for value, shown in _without(facts.keys, elsewhere).items())
    )


def _unite(parts: Iterable[Mapping[K, V]], rank: Callable[[V], Any]) -> dict[K, V]:
    """Every entry of the parts; of two with one key that of the higher rank."""

    def better(one: V, other: V) -> V:
        return max(one, other, key=rank)

    return _join(parts, better)


def _join(parts: Iterable[Mapping[K, V]], join: Callable[[V, V], V]) -> dict[K, V]:
    """Every entry of the parts; two with one key are joined."""
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
        runs=_join([one.runs, other.runs], _join_runs),
    )


def _any_true(*words: bool | None) -> bool | None:
    return max((word for word in words if word is not None), default=None)


def _join_runs(one: Run, other: Run) -> Run:
    return Run(
        starts=tuple(sorted({*one.starts, *other.starts})),
        ends=tuple(sorted({*one.ends, *other.ends})),
        json=one.json or other.json,
    )


def _join_shown(one: Mapping[str, KeyFact], other: Mapping[str, KeyFact]) -> dict[str, KeyFact]:
    return _unite([one, other], _evidence_rank)


def _signal_rank(fact: SignalFact) -> tuple[bool, bytes]:
    return not fact.signals, msgspec.json.encode(fact)


def _evidence_rank(fact: KeyFact) -> bytes:
    return msgspec.json.encode(fact)


def _without(keys: Mapping[str, Mapping[str, KeyFact]], requests: Collection[str]) -> dict[str, dict[str, KeyFact]]:
    """The ``keys`` that others than these requests show."""
    left = {value: {key: fact for key, fact in shown.items() if key not in requests} for value, shown in keys.items()}
    return {value: shown for value, shown in left.items() if shown}


def _knows(known: RequestFact | None, fact: RequestFact) -> bool:
    return known is not None and (known == fact or _join_requests(known, fact) == known)


def _has(known: Mapping[K, V], facts: Mapping[K, V], rank: Callable[[V], Any]) -> bool:
    return all((other := known.get(key)) is not None and (other == value or rank(other) >= rank(value)) for key, value in facts.items())


def segment_rank(fact: SegmentFact) -> tuple[bool, int, bytes]:
    """Of two documents with one id the one with the higher rank counts: the finished one, then the one that ended later."""
    return not fact.in_progress, fact.end or 0, msgspec.json.encode(fact)
