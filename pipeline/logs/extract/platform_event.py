"""Platform event: reads Lambda's own JSON lines, such as platform.start, platform.runtimeDone and platform.report.

Sources, in the AWS Lambda developer guide: "Telemetry API Event schema reference" (2025-01-29), "System log event schema for Lambda Web
Functions". An event of a type that is not known here keeps its request, trace, tenant and failure, as far as it names them.
"""

from typing import Any

import msgspec

from pipeline.logs.extract.json_keys import DECODE_ERRORS, decode_keys
from pipeline.logs.extract.log_line import (
    InitLine,
    LogLine,
    MeasuredLine,
    PlatformLine,
    PlatformReport,
    PlatformRuntimeDone,
    PlatformStart,
)
from pipeline.logs.extract.measures import note_cold_start, read_metrics, status_signals, take_status
from pipeline.logs.extract.platform_levels import Outcome, level_of
from pipeline.logs.extract.tenant_ids import tenant_id_of
from pipeline.model.facts import Signal
from pipeline.model.trace_ids import parse_header, parse_request_id, parse_span_id

_NOTHING = msgspec.Raw()


class _Tracing(msgspec.Struct):
    value: str = ""
    span_id: str = msgspec.field(name="spanId", default="")


class _Record(Outcome):
    request_id: str = msgspec.field(name="requestId", default="")
    tracing: _Tracing | None = None
    tenant_id: Any = msgspec.field(name="tenantId", default=None)
    metrics: msgspec.Raw = _NOTHING


_decoder = msgspec.json.Decoder(_Record)
_KINDS: dict[str, type[LogLine]] = {kind.format: kind for kind in (PlatformStart, PlatformRuntimeDone, PlatformReport)}
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
        content = decode_keys(_decoder, msgspec.Raw(record))
    except DECODE_ERRORS:
        return None
    request_id = parse_request_id(content.request_id)
    line = _KINDS.get(kind, PlatformLine)() if request_id else InitLine()
    line.event_name = kind
    line.request_id = request_id
    line.severity = level_of(kind, content)
    line.tenant_id = tenant_id_of(content.tenant_id)
    if isinstance(line, MeasuredLine):
        take_status(line, content.status, content.error_type)
        read_metrics(line, kind, content.metrics)
        if line.__class__ is PlatformReport:
            note_cold_start(line)
    else:
        line.signals = status_signals(content.status, content.error_type)
    tracing = content.tracing
    header = parse_header(tracing.value) if tracing else None
    if tracing and header:
        line.trace_id, line.sampled = header.trace_id, header.sampled
        line.span_id = parse_span_id(tracing.span_id) or header.parent_id
    return line
