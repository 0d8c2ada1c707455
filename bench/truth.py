"""What is known of a generated log line, because it was made up: the truth that attribution is held against."""

import random
from dataclasses import dataclass, field
from typing import Literal

from pipeline.model.timestamps import iso_millis

Outcome = Literal["success", "error", "crash", "timeout", "memory"]

# Lambda writes a burst of lines within one millisecond, then is silent for a while
_STEPS = (0, 0, 0, 0, 1, 1, 2, 7, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The truth of one line.

    Attributes:
        trace_id: what the platform's record of its request says, else what the line itself names, else None.
        request_id: of the invocation that wrote the line.
        segment_id: the platform's segment of that invocation.
        sampled: what the platform says.
        stale_trace_id: the other id that the line claims.
        unattributed: whether the line must have neither trace nor request.
    """

    trace_id: str | None = None
    request_id: str | None = None
    segment_id: str | None = None
    sampled: bool | None = None
    stale_trace_id: str | None = None
    unattributed: bool = False


NOBODY = Truth(unattributed=True)
"""The truth of a line that no invocation wrote, or of which nobody can say which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A log event with its truth; ``runtime`` and ``kind`` are its category."""

    event_id: str
    timestamp: int
    message: str
    truth: Truth
    runtime: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation as the platform knows it; ``trace_id`` is None where tracing is off.

    Attributes:
        parent_id: of its tracing header; not its segment.
        named: the trace that a line names which names one: its own, or, where Lambda's tracing is off, the code's.
        stale: the trace of an earlier invocation in the same stream, None in the first.
    """

    request_id: str
    trace_id: str | None
    segment_id: str
    parent_id: str
    sampled: bool
    named: str
    stale: str | None
    outcome: Outcome

    @property
    def truth(self) -> Truth:
        """The truth of a line that names no trace of its own."""
        if self.trace_id is None:
            return Truth(request_id=self.request_id)
        return Truth(trace_id=self.trace_id, request_id=self.request_id, segment_id=self.segment_id, sampled=self.sampled)


@dataclass(slots=True)
class LogStream:
    """A log stream as it is being written; ``traced`` where its function's tracing is on."""

    rng: random.Random = field(compare=False)
    runtime: str
    group: str
    name: str
    now: int
    traced: bool = True
    lines: list[Line] = field(default_factory=list)
    invocations: list[Invocation] = field(default_factory=list)

    def write(self, kind: str, message: str, truth: Truth = NOBODY) -> None:
        """Appends a line; CloudWatch's event ids have 56 digits and ascend."""
        number = len(self.lines)
        # a stream's name is random: its digits set its events' ids apart from another's
        event_id = str(self.now * 10**43 + int(self.name[-8:], 16) * 10**20 + number)
        self.lines.append(
            Line(event_id=event_id, timestamp=self.now, message=message, truth=truth, runtime=self.category, kind=kind)
        )  # fmt: skip
        self.now += self.rng.choice(_STEPS)

    @property
    def category(self) -> str:
        """Its runtime; streams of functions whose tracing is off are told apart by their format alone."""
        return self.runtime if self.traced else f"untraced {self.runtime.split()[-1]}"

    @property
    def iso(self) -> str:
        """Now, as the runtimes write it."""
        return iso_millis(self.now)
