"""Log line: LogLine, the typed form of a log document, and a class for each kind of line. msgspec encodes it, without a dictionary."""

from typing import ClassVar, Final

import msgspec

from pipeline.model.durable import DurableFact
from pipeline.model.facts import Signal

MENTIONED: Final = "mentioned"
"""The id source, before correlation, of a line that shows a trace's id only in a sender's header or without calling it a trace's.

That is no claim in a log of Lambda's, and never a stale id.
"""


class Severity(msgspec.Struct, frozen=True, gc=False):
    """OpenTelemetry's severity: the writer's word in upper case, and the number."""

    text: str
    number: int


class LogLine(msgspec.Struct, omit_defaults=True, gc=False, rename="camel"):
    """A log line and what was read from it. A field at its default is absent in the document.

    Attributes:
        timestamp: ISO 8601, UTC; `document_address` sets it, as it does `origin`, `event_id`, `xray` and `cut`. Before, it is the time that
            was left out of the attributes, as the line writes it; empty if none was.
        origin: `doc`, the kind of document, and after it `aws`: account, region, log group and log stream; encoded once for many lines.
        event_id: CloudWatch's event id.
        body: the message.
        service_name: as the line says, else the last part of its log group.
        trace_id: canonical, 32 lower-case hex digits.
        span_id: 16 lower-case hex digits.
        request_id: the request id of Lambda or API Gateway.
        correlation_ids: the correlation ids, as logged.
        sampled: whether the trace is sampled, as the line or the platform says.
        severity: None if the line names none.
        signals: the kinds of failure that the line reports.
        event_name: the event of a line that the platform wrote, such as START or platform.report.
        excerpt: the part of the line that shows its signals, if its body does not.
        http_status: the status that API Gateway answered with, in a log of API Gateway.
        integration_request_id: the request id of the integration, such as Lambda's, in a log of API Gateway.
        propagated_trace_ids: the trace ids in tracing headers that the line shows, such as those of a logged event; canonical.
        attributes: the JSON line without what has a field of its own (`kept_once`).
        id_source: how the line got its trace: inline, request, stream or none.
        stale_trace_id: the trace id that the line claims, if the platform names another one.
        xray: the trace id in X-Ray's rendering, and after it `trace`: pending, until a verdict replaces it.
        cut: the fields that were cut or left out to stay within bounds.
        state: what the line says and does not show: the request that it names, where its position gave it its trace.
        original: the line as it was written, if `body` is not the same; OpenTelemetry's attribute of this name.
        tenant_id: the tenant that the line names, as Lambda's tenant isolation mode and loggers write it.
        durable: what the line says of a durable execution of Lambda.

    The class is the kind of line: ``format`` is its name for people. A ``platform`` line states its request and trace with certainty.
    A line that ``opens`` or ``closes`` does so with its request in the log stream; a line ``outside`` belongs to no request.
    """

    format: ClassVar[str] = "text"
    platform: ClassVar[bool] = False
    opens: ClassVar[bool] = False
    closes: ClassVar[bool] = False
    outside: ClassVar[bool] = False

    # fields that resemble those of the previous line come first: that makes gzip faster
    timestamp: str = msgspec.field(name="@timestamp", default="")
    # this field and `xray` each encode two members, which always come together and are copied as they are
    origin: msgspec.Raw | None = msgspec.field(name="doc", default=None)
    event_id: str = ""
    body: str = ""
    service_name: str = ""
    trace_id: str | None = None
    span_id: str | None = None
    request_id: str | None = None
    correlation_ids: tuple[str, ...] = msgspec.field(name="correlationId", default=())
    sampled: bool | None = None
    severity: Severity | None = None
    signals: tuple[Signal, ...] = ()
    attributes: msgspec.Raw | None = None
    id_source: str = ""
    stale_trace_id: str | None = None
    xray: msgspec.Raw | None = None
    cut: tuple[str, ...] = ()
    event_name: str = ""
    excerpt: str = ""
    http_status: int | None = None
    integration_request_id: str | None = None
    propagated_trace_ids: tuple[str, ...] = msgspec.field(name="propagatedTraceId", default=())
    state: dict[str, str] | None = None
    original: str | None = msgspec.field(name="log.record.original", default=None)
    tenant_id: str | None = None
    durable: DurableFact | None = None

    def make_plain(self, message: str, max_chars: int) -> None:
        """Drops the attributes and makes the body the whole line, cut to ``max_chars``: for a line that is too long or is refused.

        ``message`` is the line, unless `original` holds it.
        """
        message = self.original or message
        self.cut = tuple(
            name for name, is_cut in (("body", len(message) > max_chars), ("attributes", self.attributes is not None)) if is_cut
        )
        self.attributes = self.original = None
        self.body = message[:max_chars]


class JsonLine(LogLine, gc=False):
    """A JSON object of an unknown writer."""

    format = "json"


class PowertoolsLine(JsonLine, gc=False):
    """A line of Powertools for AWS Lambda's logger."""

    format = "powertools-json"


class AccessLogLine(JsonLine, gc=False):
    """A line like API Gateway's access log in JSON; in the log of a function it may be an event that the function prints."""

    format = "apigateway-access"


class EventBusLine(JsonLine, gc=False):
    """A record of an EventBridge event bus' log."""

    format = "eventbridge-bus"


class StatesLine(JsonLine, gc=False):
    """An event in the log of a Step Functions state machine."""

    format = "step-functions"


class AppSyncLine(LogLine, gc=False):
    """A line of AppSync's own log."""

    format = "appsync"


class AppSyncTracingLine(AppSyncLine, gc=False):
    """A line of AppSync's log that shows the tracing header of its request."""

    platform = True


class PythonLine(LogLine, gc=False):
    """A line in the Python runtime's text format."""

    format = "python-text"


class NodeLine(LogLine, gc=False):
    """A line in the Node.js runtime's text format."""

    format = "node-text"


class LoggerLine(LogLine, gc=False):
    """A text line that a logger begins with Lambda's request id, as Log4j, Ruby's logger and bref do."""

    format = "logger-text"


class ExecutionLine(LogLine, gc=False):
    """A line of API Gateway's execution log."""

    format = "apigateway-execution"


class TracingLine(ExecutionLine, gc=False):
    """A line of the execution log that shows which trace API Gateway passed on for its request."""

    platform = True


class PlatformLine(LogLine, gc=False):
    """A line that only Lambda itself writes."""

    format = "platform"
    platform = True


class MeasuredLine(PlatformLine, gc=False):
    """A line in which Lambda reports on an invocation, an initialization or a restore. What it does not say is None.

    Attributes:
        duration_ms: milliseconds that the invocation took.
        billed_ms: milliseconds that are billed.
        memory_mb: megabytes that the function is given.
        max_memory_mb: the most megabytes that its environment used so far.
        init_ms: milliseconds of its initialization.
        restore_ms: milliseconds of the restore of its snapshot (SnapStart).
        cold_start: whether the invocation waited for an initialization or a restore.
        platform_status: success, error, failure or timeout, as Lambda calls the end of it.
        error_type: Lambda's type of the error, such as Runtime.ExitError.
    """

    duration_ms: float | None = None
    billed_ms: int | None = None
    memory_mb: int | None = None
    max_memory_mb: int | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    cold_start: bool | None = None
    platform_status: str = ""
    error_type: str = ""


class InitLine(MeasuredLine, gc=False):
    """A line of an environment that starts, such as INIT_START, platform.initStart or EXTENSION; it belongs to no request."""

    outside = True


class StartLine(PlatformLine, gc=False):
    """Lambda's START line."""

    format = "lambda-start"
    opens = True


class EndLine(PlatformLine, gc=False):
    """Lambda's END line."""

    format = "lambda-end"
    closes = True


class ReportLine(MeasuredLine, gc=False):
    """Lambda's REPORT line, or its X-Ray half alone."""

    format = "lambda-report"
    closes = True


class TimeoutLine(PlatformLine, gc=False):
    """Lambda's line "Task timed out"."""

    format = "lambda-timeout"


class CrashLine(PlatformLine, gc=False):
    """Lambda's line that the runtime exited or failed."""

    format = "lambda-crash"


class PlatformStart(PlatformLine, gc=False):
    """The platform event platform.start."""

    format = "platform.start"
    opens = True


class PlatformRuntimeDone(MeasuredLine, gc=False):
    """The platform event platform.runtimeDone."""

    format = "platform.runtimeDone"
    closes = True


class PlatformReport(MeasuredLine, gc=False):
    """The platform event platform.report."""

    format = "platform.report"
    closes = True
