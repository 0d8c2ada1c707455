"""Verdict: what follows from a trace's state: how complete it is, what its caller saw, and the findings."""

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from pipeline.model.trace_state import TraceState

State = Literal["pending", "partial", "complete", "unsampled", "notFound", "incomplete", "limitExceeded", "sourceDisabled",
                "sourceUnavailable"]  # fmt: skip
FindingSeverity = Literal["alert", "notice"]
ClientSaw = Literal["success", "error", "unknown"]

SOURCE_UNAVAILABLE: Final = "sourceUnavailable"
"""The final state of a trace whose source was away too long: the sweep looks it up again once the source is back."""

FINAL: frozenset[State] = frozenset(
    {"complete", "unsampled", "notFound", "incomplete", "limitExceeded", "sourceDisabled", SOURCE_UNAVAILABLE}
)

WHOLE: Final[frozenset[State]] = frozenset({"complete", "unsampled", "notFound"})
"""The final states of a trace of which nothing is known to be missing but what X-Ray never had."""


class ShownLine(msgspec.Struct, frozen=True, order=True, rename="camel", kw_only=True):
    """A log line that shows a failure.

    Attributes:
        at: milliseconds since the epoch, UTC.
        id: the id of its document.
        service_name: as the line calls itself; its origin is ``log_group``.
        text: its body in one line, cut to a fixed length.
        log_group: the log group that it stands in; empty if it is unknown.
        account: the account of this log group; empty if it is unknown.
    """

    at: int
    id: str
    service_name: str
    text: str
    log_group: str = ""
    account: str = ""


class Finding(msgspec.Struct, frozen=True, order=True, rename="camel", kw_only=True):
    """A failure that a success status hides, with its evidence.

    Attributes:
        path: the names of the spans from the entry down to where it failed.
        reported: the status that was answered, such as ``200``.
        evidence: what really happened, in a sentence.
        client_saw: what the client of the whole transaction was answered.
        depth: how many segments and subsegments are above the span; 0 for the entry.
        exception_type: as the failed code named it, such as ``ValueError``; empty if it is unknown.
        exception_message: the message of the exception.
        lines: the first log lines that show it, in time order.
        unknown: what was unknown when the finding was made, a phrase each: missing segments, no sampling.
    """

    rule: str
    severity: FindingSeverity
    service_name: str
    span_id: str
    path: tuple[str, ...]
    reported: str
    evidence: str
    client_saw: ClientSaw
    depth: int = 0
    exception_type: str = ""
    exception_message: str = ""
    lines: tuple[ShownLine, ...] = ()
    unknown: tuple[str, ...] = ()


class Fingerprint(msgspec.Struct, frozen=True, order=True, rename="camel", kw_only=True):
    """What hidden faults of one cause have in common. Variables are `*` (`pipeline.detect.message_template`).

    Attributes:
        family: the family of the rule that says most of the cause, such as ``functions``.
        entry: how the transaction came in: the method and the route's template, else the name of the entry; empty if it is unknown.
        service: the service that failed.
        operation: the call or the span that failed; empty where lines alone tell of it.
        exception_type: as the failed code named it; empty if it is unknown.
        message: the exception's message, or what the log says instead.
    """

    family: str
    entry: str
    service: str
    operation: str
    exception_type: str
    message: str


class IssueSighting(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An issue that a trace shows.

    Attributes:
        id: of the issue; it follows from the fingerprint.
        fingerprint: of the failure.
        rules: those that fired on it with an alert.
        evidence: what really happened, as the finding says that says most of the cause.
        version: of the Lambda function that failed, such as ``17`` or ``$LATEST``; empty if it is unknown.
    """

    id: str
    fingerprint: Fingerprint
    rules: tuple[str, ...]
    evidence: str = ""
    version: str = ""


class SegmentStatus(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The status of the X-Ray segment that a log line was written in."""

    id: str
    name: str
    status: int | None
    fault: bool
    error: bool
    throttle: bool
    in_progress: bool


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """The span that a trace begins with. Times are nanoseconds since the epoch, UTC."""

    id: str
    name: str
    service_name: str
    start: int | None
    end: int | None
    failed: bool

    @property
    def duration(self) -> int | None:
        """The duration in nanoseconds; None while the span is open."""
        return max(self.end - self.start, 0) if self.end is not None and self.start is not None else None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a trace's state; ``missing`` names, a phrase each, what it lacks to be complete.

    ``issues`` are those that its findings show, sorted by id.
    """

    state: State
    state_reason: str
    missing: tuple[str, ...] = ()
    fault: bool = False
    error: bool = False
    throttle: bool = False
    edge_status: int | None = None
    client_saw: ClientSaw = "unknown"
    findings: tuple[Finding, ...] = ()
    issues: tuple[IssueSighting, ...] = ()
    root: Root | None = None

    @property
    def final(self) -> bool:
        """Whether the state is final: X-Ray is expected to add nothing more."""
        return self.state in FINAL

    @property
    def hidden_fault(self) -> bool:
        """Whether a failure hides behind a success: one of the findings is an alert."""
        return any(finding.severity == "alert" for finding in self.findings)

    @property
    def healthy(self) -> bool:
        """Whether the state is final, nothing failed, plainly or hidden, and nothing of the trace is known to be missing."""
        failed = self.fault or self.error or self.throttle or self.client_saw == "error"
        return self.state in WHOLE and not failed and not self.findings

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that fired, sorted."""
        return tuple(sorted({finding.rule for finding in self.findings}))


NOTHING_KNOWN: Final = Verdict(state="pending", state_reason="X-Ray was not asked for this trace yet.")
"""The verdict on an empty state, whatever the rules; `evaluate` gives the same."""

Evaluator = Callable[[TraceState], Verdict]
"""Gives the verdict on a trace's state."""
