"""Printed: takes from a line what only a platform may say, if it stands in the log of something else.

Lambda writes START, END and REPORT to the logs of its functions, API Gateway its execution and access logs to log groups of its own. Any
program may print the same text. In its log such a line is text like any other: it may claim a trace, and proves nothing.
"""

from collections.abc import Mapping
from typing import Final

from pipeline.logs.extract.log_line import (
    MENTIONED,
    AccessLogLine,
    CrashLine,
    EndLine,
    EventBusLine,
    ExecutionLine,
    InitLine,
    JsonLine,
    LogLine,
    PlatformLine,
    PlatformReport,
    PlatformRuntimeDone,
    PlatformStart,
    ReportLine,
    StartLine,
    StatesLine,
    TimeoutLine,
    TracingLine,
)
from pipeline.model.log_groups import Writer

_BY_LAMBDA: Final[frozenset[type[LogLine]]] = frozenset({
    PlatformLine, InitLine, StartLine, EndLine, ReportLine, TimeoutLine, CrashLine, PlatformStart, PlatformRuntimeDone, PlatformReport,
})  # fmt: skip
_BY_SERVICES: Final[frozenset[type[LogLine]]] = frozenset({EventBusLine, StatesLine})
_BY_API_GATEWAY: Final[frozenset[type[LogLine]]] = frozenset({ExecutionLine, TracingLine, AccessLogLine})
_BY_OTHERS: Final[Mapping[Writer, frozenset[type[LogLine]]]] = {
    # a line in the form of an access log says nothing in a log of Lambda's, since `correlate_batch` names no event for it
    "lambda": (_BY_API_GATEWAY - {AccessLogLine}) | _BY_SERVICES,
    "api-gateway": _BY_LAMBDA | _BY_SERVICES,
    "appsync": _BY_LAMBDA | _BY_API_GATEWAY | _BY_SERVICES,
    "program": _BY_LAMBDA | _BY_API_GATEWAY,
}


def demote_printed(lines: list[LogLine], writer: Writer) -> None:
    """Replaces those of ``lines`` that another platform than ``writer`` writes by plain lines with the same content.

    Args:
        lines: the lines of one log stream, read, but not correlated yet.
        writer: who writes to this stream.
    """
    by_others = _BY_OTHERS[writer]
    if by_others.isdisjoint(map(type, lines)):
        return
    for number, line in enumerate(lines):
        if line.__class__ in by_others:
            lines[number] = _printed(line)


def _printed(line: LogLine) -> LogLine:
    kind = LogLine if line.attributes is None else JsonLine
    plain = kind(*(getattr(line, name) for name in LogLine.__struct_fields__))
    plain.event_name = ""
    # only API Gateway's log says of a function what its caller was answered
    plain.signals = tuple(signal for signal in line.signals if signal != "function-error")
    if isinstance(line, TracingLine) and line.trace_id:
        plain.id_source = MENTIONED
    return plain
