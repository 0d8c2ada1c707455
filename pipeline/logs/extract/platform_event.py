"""Platform event: reads Lambda's own JSON lines, such as platform.start, platform.runtimeDone and platform.report.

Source: AWS Lambda developer guide, "Telemetry API Event schema reference".
"""

import msgspec

from pipeline.logs.extract.log_line import InitLine, LogLine, PlatformLine, PlatformReport, PlatformRuntimeDone, PlatformStart
from pipeline.model.facts import Signal
from pipeline.model.trace_ids import parse_header, parse_request_id, parse_span_id


class _Tracing(msgspec.Struct):
    value: str = ""
    span_id: str = msgspec.field(name="spanId", default="")


class _Record(msgspec.Struct):
    request_id: str = msgspec.field(name="requestId", default="")
    status: str = ""
    error_type: str = msgspec.field(name="errorType", default="")
    tracing: _Tracing | None = None


_decoder = msgspec.json.Decoder(_Record)
_KINDS: dict[str, type[LogLine]] = {kind.format: kind for kind in (PlatformStart, PlatformRuntimeDone, PlatformReport)}
_STATUS_SIGNALS: dict[str, tuple[Signal, ...]] = {
    "timeout": ("timeout",),
    "error": ("error",),
    "failure": ("error", "crash"),
}
_OUT_OF_MEMORY = "Runtime.OutOfMemory"
PLATFORM_ERRORS: dict[object, tuple[Signal, ...]] = {
    "Runtime.ExitError": ("crash",), "Runtime.Unknown": ("crash",), "Extension.Crash": ("crash",), "Extension.ExitError": ("crash",),
    _OUT_OF_MEMORY: ("crash", "out-of-memory"), "Sandbox.Timedout": ("timeout",),
}  # fmt: skip
"""The signals of the error types that Lambda itself gives an invocation, instead of the function's exception."""


def extract_platform(kind: str, record: bytes) -> LogLine | None:
    """The line of a platform event: its type is ``kind``, its `record` is encoded JSON. Returns None if it is no event of Lambda's."""
    if not kind.startswith("platform."):
        return None
    try:
        content = _decoder.decode(record)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    request_id = parse_request_id(content.request_id)
    line = _KINDS.get(kind, PlatformLine)() if request_id else InitLine()
    line.event_name = kind
    line.request_id = request_id
    line.signals = read_status(content.status, content.error_type)
    tracing = content.tracing
    header = parse_header(tracing.value) if tracing else None
    if tracing and header:
        line.trace_id, line.sampled = header.trace_id, header.sampled
        line.span_id = parse_span_id(tracing.span_id) or header.parent_id
    return line


def read_status(status: str, error_type: str) -> tuple[Signal, ...]:
    """The signals that follow from the status and error type of a REPORT line or a platform event."""
    signals = _STATUS_SIGNALS.get(status.lower(), ())
    return (*signals, "out-of-memory") if error_type == _OUT_OF_MEMORY else signals
