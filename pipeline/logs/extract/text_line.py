"""Text lines: Lambda's own, the runtimes', API Gateway's execution log, and whatever else holds an id.

Sources: AWS Lambda developer guide (START, END and REPORT lines; runtime log formats), API Gateway developer guide
(execution logs). Separators in REPORT lines are tabs or runs of spaces; its X-Ray half is a second line of the same
event, or, where a shipper split it, a line of its own.
"""

import re
from typing import Final

from pipeline.logs.extract.log_line import (
    CrashLine,
    EndLine,
    ExecutionLine,
    InitLine,
    LogLine,
    NodeLine,
    PythonLine,
    ReportLine,
    StartLine,
    TimeoutLine,
    TracingLine,
)
from pipeline.logs.extract.platform_event import read_status
from pipeline.logs.extract.severity import COMMON, ERROR_NUMBER, read_severity
from pipeline.model.facts import Signal
from pipeline.model.memo import Memo
from pipeline.model.trace_ids import (
    HEADER,
    NAMED_W3C,
    TRACES,
    TraceHeader,
    find_headers,
    parse_correlation_id,
    parse_header,
    parse_span_id,
    parse_trace_id,
    parse_traceparent,
)

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID = re.compile(_UUID, re.IGNORECASE | re.ASCII)
_REPORT_STATUS = re.compile(r"\sStatus:\s*(\w+)(?:\s+Error Type:\s*([\w.]+))?")
_PYTHON = re.compile(rf"\[([A-Z]{{4,8}})\]\t\d{{4}}-\d\d-\d\dT[\d:.]+Z\t({_UUID})?\t")
_PYTHON_ERROR = re.compile(r"\[(ERROR|CRITICAL|WARNING)\] (\w[\w.]*)")
_TIMEOUT = re.compile(rf"\S+Z ({_UUID}) Task timed out after")
_REQUEST = re.compile(rf"request[ _-]?id[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?({_UUID})", re.IGNORECASE)
_EXECUTION = re.compile(rf"\(({_UUID})\) ")
# what API Gateway was given and passes on, and what the integration called the request
_TRACING = ("Method request headers:", "Endpoint request headers:", "X-ray Tracing ID")
_INTEGRATION = re.compile(
    rf"(?:Lambda request id: |AWS Integration Endpoint RequestId ?: |Endpoint response headers: .{{0,4000}}?x-amzn-RequestId=)({_UUID})",
    re.IGNORECASE,
)
_SEVERITY = re.compile(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|CRITICAL|FATAL)\b")
# begins with its literal, so that the engine can leap to it
_XRAY_ID = re.compile(r"1-(?<![0-9a-zA-Z-]1-)[0-9a-fA-F]{8}-[0-9a-fA-F]{24}(?![0-9a-zA-Z-])")
# bounded repeats: what stands in a line is anybody's, and must not cost more than its length
# a message's body is JSON in JSON, so that its quotes have backslashes
_CORRELATION = re.compile(
    r"(?:x-correlation-[\w-]{0,40}|correlation[ _-]?id)[\\\"']{0,4}\s{0,4}[=:]\s{0,4}[\\\"']{0,4}([^\s\"'\\,;&{}\[\])]{1,128})",
    re.IGNORECASE,
)
_XRAY_HALF = re.compile(r"XRAY TraceId: ([\w-]+)\tSegmentId: ([0-9a-f]{16})\tSampled: (true|false)\t?\n?\Z", re.ASCII)
_HEAD = 96
# 2026-11-24T10:00:00.000Z, request id, level, message
_NODE_FIELDS = 3
_ISO_END = 23
_BOOLEANS = {"true": True, "false": False}
_START, _END, _REPORT, _CRASH = "START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "RequestId: "
_ID_LENGTH = 36
# how the lines that Lambda itself writes begin
_LAMBDA = frozenset("SERXILT")
_INIT = re.compile(r"(?:INIT_[A-Z_]+|RESTORE_[A-Z_]+|(?:EXTENSION|LOGS|TELEMETRY)(?=\s+Name: ))")
_MOST_PROPAGATED = 100
# of Node's and Python's lines, the time and the request id
_PREFIX = 60
_ANSWERED = re.compile(r"Method completed with status: (\d{3})\b")
_FUNCTION_ERROR = "due to customer function error"


def extract_text(message: str) -> LogLine:
    """The line in ``message``, which is no JSON object."""
    first = message[:1]
    line = (_lambda_line(message) if first in _LAMBDA else None) or _other_line(message, first)
    line.body = message.rstrip()
    return line


def _other_line(message: str, first: str) -> LogLine:
    """A line that Lambda's service did not write, by its ``first`` character."""
    line = _runtime_line(message, first)
    if line.severity is None and (word := _severity_word(message[:_HEAD])):
        line.severity = read_severity(word)
    severity = line.severity
    if severity is None or severity.number >= ERROR_NUMBER:
        line.signals = _signals(message, is_error=severity is not None)
    # "1-" is how every X-Ray id begins, with or without Root= before it
    # a runtime's prefix holds the request id, which may hold a "1-", too
    if (message.find("1-", _PREFIX if line.request_id else 0) >= 0 or "race" in message) and (header := find_trace(message)):
        line.trace_id, line.span_id, line.sampled = header
    if first == "(" and isinstance(line, ExecutionLine):
        _read_execution(message, line)
    elif line.request_id is None and "equest" in message and (match := _REQUEST.search(message)):
        line.request_id = match[1].lower()
    if "orrelation" in message:
        line.correlation_ids = find_correlation_ids(message)
    return line


def find_trace(text: str) -> TraceHeader | None:
    """The one trace that ``text`` speaks of; None where it names none, or several: a wrong trace is worse than none."""
    headers: list[TraceHeader] = []
    if _XRAY_ID.search(text):
        headers = [header for match in HEADER.finditer(text) if (header := parse_header(match[0]))]
        if not headers:
            headers = [TraceHeader(id_) for match in _XRAY_ID.finditer(text) if (id_ := parse_trace_id(match[0]))]
    if not headers and "race" in text:
        headers = [header for match in NAMED_W3C.finditer(text) if (header := _w3c(match[1]))]
    return headers[0] if len({header.trace_id for header in headers}) == 1 else None


def find_propagated(text: str) -> tuple[str, ...]:
    """The ids of the traces in the tracing headers that ``text`` shows, each once."""
    return tuple(dict.fromkeys(header.trace_id for header in find_headers(text)))[:_MOST_PROPAGATED]


def find_correlation_ids(text: str) -> tuple[str, ...]:
    """Every correlation id that is named as one in ``text``, in order, once."""
    found = (parse_correlation_id(match[1]) for match in _CORRELATION.finditer(text))
    return tuple(dict.fromkeys(id_ for id_ in found if id_))


def _w3c(text: str) -> TraceHeader | None:
    header = parse_traceparent(text)
    if header or "-" in text:
        return header
    trace_id = parse_trace_id(text)
    return TraceHeader(trace_id) if trace_id else None


def _lambda_line(message: str) -> LogLine | None:
    """START, END, REPORT, and the crash lines that begin with a request id."""
    line: LogLine
    if message.startswith(_START):
        line = StartLine(event_name="START")
        line.request_id = _id_at(message, _START)
    elif message.startswith(_END):
        line = EndLine(event_name="END")
        line.request_id = _id_at(message, _END)
    elif message.startswith(_REPORT):
        line = ReportLine(event_name="REPORT")
        line.request_id = _id_at(message, _REPORT)
        _read_xray_half(message, line)
        if "Status: " in message and (status := _REPORT_STATUS.search(message)):
            line.signals = read_status(status[1], status[2] or "")
    elif message.startswith(_CRASH) and ("exited" in message or "Error:" in message):
        line = CrashLine()
        line.request_id = _id_at(message, _CRASH)
        line.signals = ("crash", "out-of-memory") if "signal: killed" in message else ("crash",)
    elif message.startswith("XRAY TraceId:"):
        # the other half of a REPORT line, which a shipper split
        line = ReportLine(event_name="REPORT")
        _read_xray_half(message, line)
    elif match := _INIT.match(message):
        line = InitLine(event_name=match[0])
    else:
        return None
    return line


def _id_at(message: str, start: str) -> str | None:
    return _UUIDS[message[len(start) : len(start) + _ID_LENGTH]]


def _uuid(text: str) -> str | None:
    """``text`` where it is a UUID, as Lambda's request ids are."""
    return text if _ID.fullmatch(text) else None


_UUIDS: Final = Memo(_uuid)


def _read_xray_half(message: str, line: LogLine) -> None:
    start = message.find("XRAY TraceId:")
    if start < 0:
        return
    if match := _XRAY_HALF.match(message, start):
        header = TRACES[match[1]]
        line.trace_id, line.span_id, line.sampled = header[0] if header else None, parse_span_id(match[2]), match[3] == "true"
        return
    # names and values in turn, between tabs or runs of spaces
    words = message[start:].split()
    for name, value in zip(words[1::2], words[2::2], strict=False):
        if name == "TraceId:":
            header = TRACES[value]
            line.trace_id = header[0] if header else None
        elif name == "SegmentId:":
            line.span_id = parse_span_id(value)
        elif name == "Sampled:":
            line.sampled = _BOOLEANS.get(value.lower())


def _read_execution(message: str, line: ExecutionLine) -> None:
    """What a line of API Gateway's execution log says of its integration."""
    if "quest" in message and (match := _INTEGRATION.search(message)) and match[1] != line.request_id:
        line.integration_request_id = match[1]
    # a header's parent is the caller's span
    line.span_id = None
    if line.trace_id and not line.platform:
        # what an endpoint answers may be of another trace
        line.propagated_trace_ids = (line.trace_id,)
    # it tells again what went wrong in Lambda, whose own line is the evidence
    line.signals = ("error",) if line.signals or "xecution failed" in message else ()
    if line.signals and _FUNCTION_ERROR in message:
        line.signals = ("function-error", *line.signals)
    if match := _ANSWERED.search(message):
        line.http_status = int(match[1])


def _runtime_line(message: str, first: str) -> LogLine:
    """The line with what its writer's prefix says: Lambda's runtimes, API Gateway, or nobody known."""
    line: LogLine
    if first.isdigit():
        fields = message.split("\t", 3)
        if len(fields) > _NODE_FIELDS and message[_ISO_END : _ISO_END + 1] == "Z":
            line = NodeLine()
            line.request_id = _UUIDS[fields[1]]
            level = fields[2]
            line.severity = COMMON[level][0] if level in COMMON else read_severity(level)
            return line
        if match := _TIMEOUT.match(message):
            line = TimeoutLine()
            line.request_id = match[1]
            return line
    elif first == "[":
        if match := _PYTHON.match(message):
            line = PythonLine()
            line.request_id = match[2]
            line.severity = read_severity(match[1])
            return line
        if match := _PYTHON_ERROR.match(message):
            line = PythonLine()
            line.severity = read_severity(match[1])
            return line
    elif first == "(" and (match := _EXECUTION.match(message)):
        line = TracingLine(event_name="apigateway.tracing") if message.startswith(_TRACING, match.end()) else ExecutionLine()
        line.request_id = match[1]
        return line
    return LogLine()


def _severity_word(head: str) -> str | None:
    if "R" in head or "DEBUG" in head or "INFO" in head or "FATAL" in head:
        match = _SEVERITY.search(head)
        return match[1] if match else None
    return None


def _signals(message: str, *, is_error: bool) -> tuple[Signal, ...]:
    signals: tuple[Signal, ...] = ("error",) if is_error else ()
    if "Task timed out after" in message:
        signals = (*signals, "timeout")
    if "Traceback (most recent" in message or "Exception in thread" in message or "Invoke Error" in message:
        signals = (*signals, "exception")
    if "Runtime exited" in message or "Process exited before" in message:
        signals = (*signals, "crash")
    if "OutOfMemory" in message:
        signals = (*signals, "out-of-memory")
    return signals
