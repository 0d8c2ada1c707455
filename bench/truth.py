"""Truth: what is known of made-up log lines, which the attribution of `ship` and `resolve` is compared with."""

import random
from dataclasses import dataclass, field, replace

from pipeline.local import lambda_lines
from pipeline.model.timestamps import iso_millis

# Lambda writes a burst of lines within one millisecond, then is silent for a while
_STEPS = (0, 0, 0, 0, 1, 1, 2, 7, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The truth of one line.

    Attributes:
        trace_id: what Lambda's own lines say of its request, else what the line itself names, else None.
        request_id: of the invocation that wrote the line; if that was not traced, only where the line names it.
        segment_id: of Lambda's segment of that invocation.
        sampled: what Lambda's own lines say.
        stale_trace_id: the wrong id that the line claims.
        unattributed: whether the line must have neither trace nor request.
    """

    trace_id: str | None = None
    request_id: str | None = None
    segment_id: str | None = None
    sampled: bool | None = None
    stale_trace_id: str | None = None
    unattributed: bool = False

    def of_line(self, message: str) -> "Truth":
        """Returns the truth of a line of this message: no record tells its request where its invocation was not traced."""
        if self.sampled is None and self.request_id and self.request_id not in message:
            return replace(self, request_id=None)
        return self


NOBODY = Truth(unattributed=True)
"""The truth of a line that no invocation wrote, or one that cannot be known."""


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
class Invocation(lambda_lines.Invocation):
    """One invocation as Lambda knows it, and the traces that its code names.

    Attributes:
        named: the trace in a line that names one: the invocation's own or, if Lambda's tracing is off, the code's.
        stale: the trace of an earlier invocation in the same stream; None in the first.
    """

    named: str
    stale: str | None

    @property
    def truth(self) -> Truth:
        """The truth of a line of this invocation that names no trace of its own."""
        if self.trace_id is None:
            return Truth(request_id=self.request_id)
        return Truth(trace_id=self.trace_id, request_id=self.request_id, segment_id=self.segment_id, sampled=self.sampled)


@dataclass(slots=True)
class LogStream:
    """A log stream that is being written: ``now`` in milliseconds since the epoch, UTC; ``traced`` if its function's tracing is on."""

    rng: random.Random = field(compare=False)
    runtime: str
    group: str
    name: str
    now: int
    traced: bool = True
    lines: list[Line] = field(default_factory=list)
    invocations: list[Invocation] = field(default_factory=list)

    def write(self, kind: str, message: str, truth: Truth = NOBODY) -> None:
        """Appends a line of this kind. Its event id has 56 digits and ascends, as CloudWatch's do."""
        number = len(self.lines)
        # a stream's name is random: its digits set its events' ids apart from another's
        event_id = str(self.now * 10**43 + int(self.name[-8:], 16) * 10**20 + number)
        self.lines.append(Line(event_id=event_id, timestamp=self.now, message=message, truth=truth.of_line(message),
                               runtime=self.category, kind=kind))  # fmt: skip
        self.now += self.rng.choice(_STEPS)

    def write_all(self, lines: lambda_lines.Lines, truth: Truth = NOBODY) -> None:
        """Appends Lambda's own lines, which all have this truth."""
        for kind, message in lines:
            self.write(kind, message, truth)

    @property
    def category(self) -> str:
        """The runtime's name; if tracing is off, the format's alone."""
        return self.runtime if self.traced else f"untraced {self.runtime.split()[-1]}"

    def iso(self) -> str:
        """The time as the runtimes write it: ISO 8601, UTC."""
        return iso_millis(self.now)
