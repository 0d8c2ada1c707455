"""Disturbances: change a transaction as its way to X-Ray and CloudWatch may: other traffic in its streams, late, repeated, lost parts."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from accuracy.scenario import Scenario
from accuracy.transaction import Document, LogEvent, Transaction
from pipeline.local.lambda_lines import Invocation, end, report, start

_LOST_DOCUMENTS, _LOST_LINES, _LATE, _REPEATED = 0.3, 0.15, 0.5, 0.3
_CHATTER = ("loading config", "cache: 0 errors, 12 hits", "  at 12:00 ok", "warm: true")
_ONLY_WHEN_CLOSED = ("end_time", "http", "fault", "error", "throttle", "cause", "subsegments")


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A disturbance; ``loses`` if evidence may be lost by it."""

    name: str
    disturb: Callable[[Transaction, random.Random], None]
    loses: bool = False


def disturbance_of(scenario: Scenario, rng: random.Random) -> Disturbance:
    """Picks a disturbance after which it is still certain what must not be found."""
    return rng.choice([each for each in DISTURBANCES if not (each.loses and scenario.fragile)])


def _nothing(transaction: Transaction, rng: random.Random) -> None:
    """Leaves everything as it is."""


def _neighbours(transaction: Transaction, rng: random.Random) -> None:
    """Adds invocations of other traces, which fail, before and after in the same log streams."""
    for stream in transaction.streams.values():
        if stream.group.startswith("/aws/lambda/") and not stream.events[0].message.startswith("{"):
            before = _invocation(rng, stream.events[0].at - 50)
            after = _invocation(rng, stream.events[-1].at + 50)
            stream.events = [*before, *stream.events, *after]


def _invocation(rng: random.Random, at: int) -> list[LogEvent]:
    request_id = f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"
    trace_id = f"{at // 1000:08x}{rng.getrandbits(96):024x}"
    closed = Invocation(request_id=request_id, trace_id=trace_id, segment_id=f"{rng.getrandbits(64):016x}", milliseconds=4)
    error = "[ERROR] ValueError: of another trace\nTraceback (most recent call last):\n"
    messages = (start(request_id), error, end(request_id), report(closed))
    return [LogEvent.numbered(rng, at, number, message) for number, message in enumerate(messages)]


def _chatter(transaction: Transaction, rng: random.Random) -> None:
    """Adds ordinary prints at the start of an invocation, in text streams alone: there a line's position shows its invocation."""
    for stream in transaction.streams.values():
        starts = [position for position, event in enumerate(stream.events) if event.message.startswith("START ")]
        if starts:
            position = rng.choice(starts)
            chatter = LogEvent.numbered(rng, stream.events[position].at, 99, "")
            stream.events.insert(position + 1, replace(chatter, message=rng.choice(_CHATTER)))


def _late(transaction: Transaction, rng: random.Random) -> None:
    """Shows some segments in progress first."""
    for document in list(transaction.documents):
        if "end_time" in document and not document.get("inferred") and rng.random() < _LATE:
            begun: Document = {key: value for key, value in document.items() if key not in _ONLY_WHEN_CLOSED}
            transaction.documents.append(begun | {"in_progress": True})


def _repeated(transaction: Transaction, rng: random.Random) -> None:
    """Repeats some segments and lines."""
    transaction.documents += [document for document in transaction.documents if rng.random() < _REPEATED]
    for stream in transaction.streams.values():
        stream.events = [event for event in stream.events for _ in range(1 + (rng.random() < _REPEATED))]


def _lost(transaction: Transaction, rng: random.Random) -> None:
    """Drops some segments and some lines."""
    transaction.documents = [document for document in transaction.documents if rng.random() >= _LOST_DOCUMENTS]
    for stream in transaction.streams.values():
        stream.events = [event for event in stream.events if rng.random() >= _LOST_LINES]


DISTURBANCES = (
    Disturbance("nothing", _nothing),
    Disturbance("neighbours", _neighbours),
    Disturbance("chatter", _chatter),
    Disturbance("late segments", _late),
    Disturbance("repeated parts", _repeated),
    Disturbance("lost parts", _lost, loses=True),
)
