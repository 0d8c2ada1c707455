"""Facts: what one segment, request, log line or look-up says of a trace, as immutable structs that are stored."""

from typing import Literal

import msgspec

from pipeline.model.durable import DurableFact

_LONGEST_EVIDENCE = 500
Annotation = str | bool | int | float

Signal = Literal["error", "exception", "crash", "timeout", "out-of-memory", "function-error", "error-payload", "partial-failure",
                 "state-machine-failed", "durable-execution-failed"]  # fmt: skip

Method = Literal["correlation id", "request id", "integration request id", "tracing header", "X-Ray link",
                 "durable execution"]  # fmt: skip

Outcome = Literal["found", "absent", "unprocessed", "refused", "limitExceeded", "sourceDisabled", "subscribed", "expired", "unreachable",
                  "denied"]  # fmt: skip
"""How a look-up ended; ``unreachable`` and ``denied`` say that the source gave no answer (`pipeline.model.lookups`).

``expired`` says that nobody was asked: X-Ray no longer keeps what is so old.
"""


class SegmentFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The facts of one segment or subsegment, embedded or independent, that a verdict needs.

    Times are nanoseconds since the epoch, UTC; None if the document has no readable one. ``service_name`` is empty on a subsegment,
    whose service is that of the segment around it: an embedded and an independent document must give the same fact.
    """

    id: str
    parent_id: str = ""
    name: str = ""
    service_name: str = ""
    subsegment: bool = False
    origin: str = ""
    handler: bool = False
    """Whether it is OpenTelemetry's span of a Lambda function's handler, rather than Lambda's own segment of the function."""
    namespace: str = ""
    start: int | None = None
    end: int | None = None
    in_progress: bool = False
    fault: bool = False
    error: bool = False
    throttle: bool = False
    cause: bool = False
    failed_items: int = 0
    """The number of failed items in a batch call that was answered with success."""
    graphql_errors: int = 0
    """The number of errors in the response to a GraphQL operation, whatever its HTTP status."""
    unmarked: bool = False
    """Whether its status is 500 or more, while it is not marked as failed: an OpenTelemetry span that stays UNSET."""
    status: int | None = None
    method: str = ""
    url: str = ""
    operation: str = ""
    target: str = ""
    """The resource of an AWS call: its function, table, queue, topic, bucket or stream."""
    request_id: str = ""
    function_error: str = ""
    traced: bool = False
    inferred: bool = False
    exception_type: str = ""
    exception_message: str = ""
    links: tuple[str, ...] = ()
    """The ids of the traces that X-Ray links this segment to."""
    annotations: tuple[tuple[str, Annotation], ...] = ()
    """They are pairs of key and value, since OpenSearch reads a dot in a key as one more level."""
    durable: DurableFact | None = None
    """What it says of a durable execution of Lambda."""
    account: str = ""
    """The account whose `aws/spans` it comes from, or whose X-Ray answered; empty for the stack's own account, and for what it is shown."""


def origin_of(log_group: str, account: str) -> str:
    """The origin of evidence as one text: a log group behind its account, if that is known."""
    return f"{account}:{log_group}" if account else log_group


def request_key(request_id: str, log_group: str, account: str) -> str:
    """The key of a request among those of its trace; lines without a request id share the empty key."""
    return f"{request_id} {origin_of(log_group, account)}" if request_id else ""


class RequestFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One request of a trace: what the platform says of it, and what its log lines show.

    Attributes:
        log_group: the log group of its lines; a request id is valid within one log group of one account, so no line decides about a request
            of another.
        account: the account of this log group; empty if it is unknown.
        platform: whether the platform's own record (REPORT, platform.*, a log of API Gateway) says that it ran in this trace.
        segment_id: the segment that this record names.
        sampled: the sampling decision in this record.
        claimed_sampled: the sampling decision in the tracing headers of its lines.
        first_at: the time of its oldest line, milliseconds since the epoch, UTC; 0 if there is none.
        last_at: the time of its newest line.
        status: the HTTP status that API Gateway answered with, by its log; the highest one, if its lines contradict each other.
        lowest_status: the lowest one then; None if they agree.
        integration_request_id: the request id that the integration gave it, by the same log.
        elsewhere: whether a line claims this trace for it, but the platform names another one; then nothing else of it counts here.
        runs: the positions of its STARTs and ends, by log stream.
        went_on_at: the time of the newest line that the code of a durable execution wrote outside its operations; 0 if there is none.
    """

    request_id: str = ""
    log_group: str = ""
    account: str = ""
    platform: bool = False
    segment_id: str = ""
    sampled: bool | None = None
    claimed_sampled: bool | None = None
    first_at: int = 0
    last_at: int = 0
    status: int | None = None
    lowest_status: int | None = None
    integration_request_id: str = ""
    elsewhere: bool = False
    runs: dict[str, "InvocationMarks"] = {}
    went_on_at: int = 0

    @property
    def is_sampled(self) -> bool | None:
        """Whether the request was sampled, by the strongest evidence; None if nothing says so, or if it ran in another trace."""
        if self.elsewhere:
            return None
        return self.claimed_sampled if self.sampled is None else self.sampled

    @property
    def key(self) -> str:
        """The key of this request among those of its trace; an answer to a request without an id has the key of its log group."""
        if self.log_group and not self.request_id:
            return f" {self.origin}"
        return request_key(self.request_id, self.log_group, self.account)

    @property
    def origin(self) -> str:
        """The log group of its lines, behind its account."""
        return origin_of(self.log_group, self.account)

    @property
    def answered(self) -> tuple[int, ...]:
        """The HTTP statuses that API Gateway's log names, ascending: none, one, or the two furthest apart of those that contradict."""
        return tuple(status for status in (self.lowest_status, self.status) if status)


class InvocationMarks(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The sorted positions of a request's STARTs and ends in one log stream (`pipeline.model.invocations`); a retry adds its own.

    Attributes:
        json: whether the stream is in Lambda's JSON format, in which invocations may interleave.
    """

    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    json: bool = False


class SignalFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A log line that reports a failure, with its evidence."""

    line_id: str
    signals: tuple[Signal, ...] = ()
    service_name: str = ""
    request_id: str = ""
    log_group: str = ""
    account: str = ""
    text: str = ""
    at: int = 0
    """Milliseconds since the epoch, UTC."""
    severity: int = 0
    """OpenTelemetry's severity number; 0 if the line names none."""
    durable: DurableFact | None = None
    """What the line says of a durable execution of Lambda."""
    by_position: bool = False
    """Whether the line names another request than the one that its position gave it: what it names counts once it is known."""
    retracted: bool = False
    """Whether the line does not belong to the trace after all. It then takes the place of the same line in the record."""

    @property
    def request(self) -> str:
        """The key of the request that the line belongs to."""
        return request_key(self.request_id, self.log_group, self.account)


class KeyFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The evidence that a trace shows a join key: the method, and the log line (by its document's id) or span that shows it."""

    method: Method
    service_name: str = ""
    line_id: str = ""
    span_id: str = ""
    at: int = 0
    """The time of the line, milliseconds since the epoch, UTC; 0 for a span."""


class LookupFact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One look-up of a trace: its time (milliseconds since the epoch, UTC), its source, its outcome, and the number of segments found.

    Attributes:
        refused_by: the accounts and regions, other than the stack's own, that refused it (`pipeline.model.places`).
    """

    at: int
    outcome: Outcome
    source: str = ""
    segments: int = 0
    refused_by: tuple[str, ...] = ()


def evidence_of(body: str, excerpt: str | None) -> str:
    """The text of a log line that serves as evidence: its message, at most 500 characters, with the ``excerpt`` that shows the failure."""
    if not excerpt or excerpt in body[:_LONGEST_EVIDENCE]:
        return body[:_LONGEST_EVIDENCE]
    return f"{body[: _LONGEST_EVIDENCE - len(excerpt) - 3]} | {excerpt}"
