"""A log line, read: the typed form of its document. What encodes it is msgspec; no dictionary is made on the way."""

from typing import ClassVar

import msgspec

from pipeline.model.facts import Signal


class Severity(msgspec.Struct, frozen=True, gc=False):
    """OpenTelemetry's severity: the writer's word in upper case, and the number."""

    text: str
    number: int


class LogLine(msgspec.Struct, omit_defaults=True, gc=False, rename="camel"):
    """A log line. What is at its default is absent in the document.

    Attributes:
        timestamp: ISO 8601, UTC; `document` fills it in, as it does `origin`, `event_id`, `xray` and `cut`.
        origin: `doc`, the kind of document, and after it `aws`: account, region, log group and log stream; encoded once for many lines.
        event_id: CloudWatch's.
        body: the message.
        service_name: as the line says, else its log group's last part.
        trace_id: canonical, 32 lower-case hex digits.
        span_id: 16 lower-case hex digits.
        request_id: of Lambda or API Gateway.
        correlation_ids: as logged.
        sampled: what the line, or the platform, says of the trace's sampling.
        severity: None where the line says none.
        signals: what in it speaks of a failure.
        event_name: of a line that the platform wrote, such as START or platform.report.
        excerpt: what in the line shows its signals, where its body does not.
        http_status: what API Gateway answered, in a log of its.
        integration_request_id: the request id of the integration, such as Lambda's, in a log of API Gateway.
        propagated_trace_ids: the traces in tracing headers that the line shows, such as those of a logged event; canonical.
        attributes: the whole JSON line, as it stood.
        id_source: inline, request, stream or none: how the line got its trace.
        stale_trace_id: the line's own id where the platform says another.
        xray: the trace id in X-Ray's rendering, and after it `trace`: pending, until a verdict comes.
        cut: what was cut or left out to stay within bounds.

    The class says what kind of line it is: ``format`` names it for people; ``platform`` lines are certain of their
    request and trace; some open or close their request in the log stream, or stand outside of any.
    """

    format: ClassVar[str] = "text"
    platform: ClassVar[bool] = False
    opens: ClassVar[bool] = False
    closes: ClassVar[bool] = False
    outside: ClassVar[bool] = False

    # first what resembles the line before: gzip takes less time so
    timestamp: str = msgspec.field(name="@timestamp", default="")
    # two members in one, as in `xray`: they always stand together, and are copied as they are
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

    def make_plain(self, message: str, max_chars: int) -> None:
        """Drops the attributes and cuts the body: for a line that is too long, or that OpenSearch refuses."""
        self.cut = tuple(
            name for name, is_cut in (("body", len(message) > max_chars), ("attributes", self.attributes is not None)) if is_cut
        )
        self.attributes = None
        self.body = message[:max_chars]


class JsonLine(LogLine, gc=False):
    """A JSON object of an unknown writer."""

    format = "json"


class PowertoolsLine(JsonLine, gc=False):
    """A line of Powertools for AWS Lambda's logger."""

    format = "powertools-json"


class AccessLogLine(JsonLine, gc=False):
    """API Gateway's access log in a JSON format, such as the console's example; elsewhere it may be an event that a function prints."""

    format = "apigateway-access"


class PythonLine(LogLine, gc=False):
    """The Python runtime's text format."""

    format = "python-text"


class NodeLine(LogLine, gc=False):
    """The Node.js runtime's text format."""

    format = "node-text"


class ExecutionLine(LogLine, gc=False):
    """A line of API Gateway's execution log."""

    format = "apigateway-execution"


class TracingLine(ExecutionLine, gc=False):
    """One that says which trace API Gateway passed on for its request."""

    platform = True


class PlatformLine(LogLine, gc=False):
    """A line that only Lambda itself writes."""

    format = "platform"
    platform = True


class InitLine(PlatformLine, gc=False):
    """INIT_START, platform.initStart, EXTENSION and the like: an environment gets ready, which belongs to no request."""

    outside = True


class StartLine(PlatformLine, gc=False):
    """START."""

    format = "lambda-start"
    opens = True


class EndLine(PlatformLine, gc=False):
    """END."""

    format = "lambda-end"
    closes = True


class ReportLine(PlatformLine, gc=False):
    """REPORT, whole or its X-Ray half alone."""

    format = "lambda-report"
    closes = True


class TimeoutLine(PlatformLine, gc=False):
    """Task timed out."""

    format = "lambda-timeout"


class CrashLine(PlatformLine, gc=False):
    """The runtime exited."""

    format = "lambda-crash"


class PlatformStart(PlatformLine, gc=False):
    """platform.start."""

    format = "platform.start"
    opens = True


class PlatformRuntimeDone(PlatformLine, gc=False):
    """platform.runtimeDone."""

    format = "platform.runtimeDone"
    closes = True


class PlatformReport(PlatformLine, gc=False):
    """platform.report."""

    format = "platform.report"
    closes = True
