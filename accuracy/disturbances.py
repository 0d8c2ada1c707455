"""What happens to a transaction's traces on their way: other traffic between its lines, late, repeated and lost parts."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from accuracy.scenario import Scenario
from accuracy.transaction import Document, LogEvent, Transaction
from pipeline.model.trace_ids import to_xray

_LOST_DOCUMENTS, _LOST_LINES, _LATE, _REPEATED = 0.3, 0.15, 0.5, 0.3
_CHATTER = ("loading config", "cache: 0 errors, 12 hits", "  at 12:00 ok", "warm: true")
_ONLY_WHEN_CLOSED = ("end_time", "http", "fault", "error", "throttle", "cause", "subsegments")


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A disturbance; ``loses`` says that evidence may be gone afterwards."""

    name: str
    disturb: Callable[[Transaction, random.Random], None]
    loses: bool = False


def disturbance_of(scenario: Scenario, rng: random.Random) -> Disturbance:
    """Any that leaves it certain what must not be found."""
    return rng.choice([each for each in DISTURBANCES if not (each.loses and scenario.fragile)])


def _nothing(transaction: Transaction, rng: random.Random) -> None:
    """Leaves everything as it is."""


def _neighbours(transaction: Transaction, rng: random.Random) -> None:
    """Before and after, the same environments serve invocations of other traces, which fail and say so."""
    for stream in transaction.streams.values():
        if stream.group.startswith("/aws/lambda/") and not stream.events[0].message.startswith("{"):
            before = _invocation(rng, stream.events[0].at - 50)
            after = _invocation(rng, stream.events[-1].at + 50)
            stream.events = [*before, *stream.events, *after]


def _invocation(rng: random.Random, at: int) -> list[LogEvent]:
    request_id, trace_id = (
        f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}",
        f"{at // 1000:08x}{rng.getrandbits(96):024x}",
    )
    report = (
        f"REPORT RequestId: {request_id}\tDuration: 4.00 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 72 MB\t\n"
        f"XRAY TraceId: {to_xray(trace_id)}\tSegmentId: {rng.getrandbits(64):016x}\tSampled: true\t\n"
    )
    messages = (
        f"START RequestId: {request_id} Version: $LATEST\n",
        "[ERROR] ValueError: of another trace\nTraceback (most recent call last):\n",
        f"END RequestId: {request_id}\n",
        report,
    )
    return [LogEvent(f"{at:014d}{rng.getrandbits(100):031d}{number:011d}", at, message) for number, message in enumerate(messages)]


def _chatter(transaction: Transaction, rng: random.Random) -> None:
    """Ordinary prints at the start of an invocation: in text streams alone, where a line's place is certain."""
    for stream in transaction.streams.values():
        starts = [place for place, event in enumerate(stream.events) if event.message.startswith("START ")]
        if starts:
            place = rng.choice(starts)
            at = stream.events[place].at
            event_id = f"{at:014d}{rng.getrandbits(100):031d}{99:011d}"
            stream.events.insert(place + 1, LogEvent(event_id, at, rng.choice(_CHATTER)))


def _late(transaction: Transaction, rng: random.Random) -> None:
    """Some segments are seen in progress first."""
    for document in list(transaction.documents):
        if "end_time" in document and not document.get("inferred") and rng.random() < _LATE:
            begun: Document = {key: value for key, value in document.items() if key not in _ONLY_WHEN_CLOSED}
            transaction.documents.append(begun | {"in_progress": True})


def _repeated(transaction: Transaction, rng: random.Random) -> None:
    """Some segments and lines come twice."""
    transaction.documents += [document for document in transaction.documents if rng.random() < _REPEATED]
    for stream in transaction.streams.values():
        stream.events = [event for event in stream.events for _ in range(1 + (rng.random() < _REPEATED))]


def _lost(transaction: Transaction, rng: random.Random) -> None:
    """Some segments never come, some lines are not there."""
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
