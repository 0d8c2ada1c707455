from typing import Literal

import msgspec

_LONGEST_EVIDENCE = 500
Annotation = str | bool | int | float

Signal = Literal["error", "exception", "crash", "timeout", "out-of-memory", "function-error", "error-payload", "partial-failure",
                 "state-machine-failed"]  # fmt: skip

Method = Literal["correlation id", "request id", "integration request id", "tracing header", "X-Ray link"]

Outcome = Literal["found", "absent", "unprocessed", "refused", "limitExceeded", "sourceDisabled", "subscribed"]


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
    runs: dict[str, "InvocationMarks"] = {}

    @property
    def said(self) -> bool | None:
        """Whether it was sampled, by the strongest evidence."""
        return self.claimed_sampled if self.sampled is None else self.sampled

    @property
    def key(self) -> str:
        """What tells it from other requests of the trace."""
        return request_key(self.request_id, self.log_group)


class InvocationMarks(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a request began and ended in one log stream, as spots (`pipeline.model.invocations`), sorted; a retry may run in the same one.

    Attributes:
        json: the stream is in Lambda's JSON format, in which invocations may interleave.
    """

    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    json: bool = False


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


class KeyFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a trace shows a join key: by which method, and who says so: a log line (its document's id) or a span."""

    method: Method
    service_name: str = ""
    line_id: str = ""
    span_id: str = ""


class LookupFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One look-up: when it was made (milliseconds since the epoch, UTC), of whom, and what came back."""

    at: int
    outcome: Outcome
    source: str = ""
    segments: int = 0


def evidence_of(body: str, excerpt: str | None) -> str:
    """What of a line serves as evidence: its message, and what in it shows the failure."""
    if not excerpt or excerpt in body[:_LONGEST_EVIDENCE]:
        return body[:_LONGEST_EVIDENCE]
    return f"{body[: _LONGEST_EVIDENCE - len(excerpt) - 3]} | {excerpt}"


def signal_fact(line_id: str, signals: tuple[Signal, ...], service_name: str, request: RequestFact, text: str,
                severity: int) -> dict[str, SignalFact]:  # fmt: skip
    """The failure that a line of ``request`` speaks of, by the line's id; nothing where it speaks of none."""
    if not signals:
        return {}
    fact = SignalFact(line_id=line_id, signals=signals, service_name=service_name, request_id=request.request_id,
                      log_group=request.log_group, text=text, at=request.first_at, severity=severity)  # fmt: skip
    return {line_id: fact}
