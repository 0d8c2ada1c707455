"""Text line: reads Lambda's own lines, those of its runtimes, API Gateway's execution log, and any other text that holds an id.

Sources: AWS Lambda developer guide (START, END and REPORT lines; runtime log formats), API Gateway developer guide
(execution logs). Tabs or spaces separate the fields of a REPORT line. Its X-Ray half is a second line of the same event, or,
if a shipper split the event, a log line of its own.
"""

import re
from typing import Final

from pipeline.logs.extract.log_line import (
    MENTIONED,
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
from pipeline.logs.extract.measures import note_cold_start, read_measures
from pipeline.logs.extract.severity import COMMON, ERROR_NUMBER, is_prose, read_severity
from pipeline.model.facts import Signal
from pipeline.model.memo import Memo
from pipeline.model.trace_ids import TRACES, UUID, TraceHeader, parse_span_id, parse_trace_id, parse_traceparent

_ID = re.compile(UUID, re.IGNORECASE | re.ASCII)
_PYTHON = re.compile(rf"\[([A-Z]{{4,8}})\]\t\d{{4}}-\d\d-\d\dT[\d:.]+Z\t({UUID})?\t")
_PYTHON_ERROR = re.compile(r"\[(ERROR|CRITICAL|WARNING)\] (\w[\w.]*)")
_TIMEOUT = re.compile(rf"\S+Z ({UUID}) Task timed out after")
_REQUEST = re.compile(rf"request[ _-]?id[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?({UUID})", re.IGNORECASE)
# the execution log of a WebSocket API names the extended request id (API Gateway developer guide, "$context variables")
_EXECUTION = re.compile(rf"\(({UUID}|[\w-]{{10,24}}={{1,2}})\) ")
# lines that show the tracing header that API Gateway received or passes on
_TRACING = ("Method request headers:", "Endpoint request headers:", "X-ray Tracing ID")
_INTEGRATION = re.compile(
    rf"(?:Lambda request id: |AWS Integration Endpoint RequestId ?: |Endpoint response headers: .{{0,4000}}?x-amzn-RequestId=)({UUID})",
    re.IGNORECASE,
)
_SEVERITY = re.compile(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|CRITICAL|FATAL)\b")
# the expression begins with a literal, so that the engine can jump to it
_XRAY_ID = re.compile(r"1-(?<![0-9a-zA-Z-]1-)[0-9a-fA-F]{8}-[0-9a-fA-F]{24}(?![0-9a-zA-Z-])")
_LABEL = re.compile(r"(?:trac(?:e|ing)|x-?ray)[\w .-]{0,16}\W{0,8}\Z", re.IGNORECASE)
_REACH = 40
_NAMED_TRACE = re.compile(
    r"trace[_.-]?id[\"']?\s{0,4}[=:]\s{0,4}[\"']?((?:[0-9a-f]{2}-)?[0-9a-f]{32}(?:-[0-9a-f]{16}-[0-9a-f]{2})?)(?![0-9a-zA-Z])",
    re.IGNORECASE,
)
_XRAY_HALF = re.compile(r"XRAY TraceId: ([\w-]+)\tSegmentId: ([0-9a-f]{16})\tSampled: (true|false)\t?\n?\Z", re.ASCII)
_HEAD = 96
# Node's line: 2026-11-24T10:00:00.000Z, request id, level, message
_NODE_FIELDS = 3
_COLOUR = re.compile(r"\x1b\[[\d;]{0,20}m")
_DATE_SIGNS = frozenset("-/")
_BOOLEANS = {"true": True, "false": False}
_START, _END, _REPORT, _CRASH = "START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "RequestId: "
_ID_LENGTH = 36
# the first letters of the lines that Lambda itself writes
_LAMBDA = frozenset("SERXILT")
_INIT = re.compile(r"(?:INIT_[A-Z_]+|RESTORE_[A-Z_]+|(?:EXTENSION|LOGS|TELEMETRY)(?=\s+Name: ))")
# the length of the time and the request id before the message in Node's and Python's lines
_PREFIX = 60
_RESPONSE_STATUS = re.compile(r"Method completed with status: (\d{3})\b")
_FUNCTION_ERROR = "due to customer function error"
_INTEGRATION_FAILURES = ("xecution failed", "Task timed out after", "Traceback (most recent", "Exception in thread", "Invoke Error",
                         "Runtime exited", "Process exited before", "OutOfMemory")  # fmt: skip
_ERROR: Final[tuple[Signal, ...]] = ("error",)


def extract_text(message: str) -> LogLine:
    """Reads ``message``, the text of a log event that is no JSON object, into a LogLine of its kind."""
    text = message if "\x1b" not in message else without_colours(message)
    first = text[:1]
    line = (_lambda_line(text) if first in _LAMBDA else None) or _other_line(text, first)
    line.body = message.rstrip()
    return line


def without_colours(message: str) -> str:
    """``message`` without the escape sequences by which a console logger colours it."""
    return _COLOUR.sub("", message) if "\x1b" in message else message


def _other_line(message: str, first: str) -> LogLine:
    """Reads a line that Lambda itself did not write; ``first`` is its first character."""
    line = _runtime_line(message, first)
    if line.severity is None and (word := _severity_word(message[:_HEAD])):
        line.severity = read_severity(word)
    if line.severity is not None and line.severity.number >= ERROR_NUMBER:
        line.signals = _ERROR
    # every X-Ray id begins with "1-"; the search skips a runtime's prefix, whose request id may hold a "1-", too
    if message.find("1-", _PREFIX if line.request_id else 0) >= 0 or "race" in message:
        take_trace(line, message)
    if first == "(" and isinstance(line, ExecutionLine):
        _read_execution(message, line)
    elif line.request_id is None and "equest" in message and (match := _REQUEST.search(message)):
        line.request_id = match[1].lower()
    if "orrelation" in message:
        line.correlation_ids = find_correlation_ids(message)
    return line


def find_trace(text: str) -> TraceHeader | None:
    """The trace whose id ``text`` calls a trace's; None if it names none or several, since a wrong trace is worse than none."""
    return _find_ids(text)[0]


def take_trace(line: LogLine, text: str) -> None:
    """Sets on ``line`` the trace that its ``text`` names; an id that nothing calls a trace's is only mentioned.

    `propagated_headers` reads tracing headers, with what they say of the parent and of sampling.
    """
    named, mentioned = _find_ids(text)
    if header := named or mentioned:
        line.trace_id, line.span_id, line.sampled = header
        line.id_source = "" if named else MENTIONED


def _find_ids(text: str) -> tuple[TraceHeader | None, TraceHeader | None]:
    """The one trace whose id ``text`` calls a trace's, and the one whose id is anywhere in it."""
    found = [(match, TraceHeader(id_)) for match in _XRAY_ID.finditer(text) if (id_ := parse_trace_id(match[0]))]
    # the X-Ray SDK for Java puts the segment after the id
    named = [header for match, header in found
             if text.startswith("@", match.end()) or _LABEL.search(text, max(match.start() - _REACH, 0), match.start())]  # fmt: skip
    if not found and "race" in text:
        named = [header for match in _NAMED_TRACE.finditer(text) if (header := _w3c(match[1]))]
    return _only(named), _only([header for _, header in found])


def _only(headers: list[TraceHeader]) -> TraceHeader | None:
    return headers[0] if len({header.trace_id for header in headers}) == 1 else None


def find_correlation_ids(text: str) -> tuple[str, ...]:
    """The values that ``text`` labels as correlation ids, in order and without duplicates."""
    # imported here: a cold start should not wait for what few functions log
    from pipeline.logs.extract import correlation_ids  # noqa: PLC0415

    return correlation_ids.find_correlation_ids(text)


def _w3c(text: str) -> TraceHeader | None:
    header = parse_traceparent(text)
    if header or "-" in text:
        return header
    trace_id = parse_trace_id(text)
    return TraceHeader(trace_id) if trace_id else None


def _lambda_line(message: str) -> LogLine | None:
    """Reads a line that Lambda itself writes: START, END, REPORT, INIT_START and the like, or a crash; None for any other line."""
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
        read_measures(line, message)
        note_cold_start(line)
    elif message.startswith(_CRASH) and ("exited" in message or "Error:" in message):
        line = CrashLine()
        line.request_id = _id_at(message, _CRASH)
        line.signals = ("crash", "out-of-memory") if "signal: killed" in message else ("crash",)
    elif message.startswith("XRAY TraceId:"):
        # this is the second half of a REPORT line that a shipper split
        line = ReportLine(event_name="REPORT")
        _read_xray_half(message, line)
    elif match := _INIT.match(message):
        line = InitLine(event_name=match[0])
        read_measures(line, message)
    else:
        return None
    return line


def _id_at(message: str, start: str) -> str | None:
    return _UUIDS[message[len(start) : len(start) + _ID_LENGTH]]


def _uuid(text: str) -> str | None:
    """Returns ``text`` if it is a UUID, as Lambda's request ids are; else None."""
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
    # names and values alternate, with tabs or spaces between them
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
    """Reads from a line of API Gateway's execution log what it says of the integration, the trace passed on, and failures."""
    if "quest" in message and (match := _INTEGRATION.search(message)) and match[1] != line.request_id:
        line.integration_request_id = match[1]
    # a header's parent is the caller's span
    line.span_id = None
    if line.trace_id and not line.platform:
        # a header in the endpoint's response may name another trace
        line.propagated_trace_ids, line.id_source = (line.trace_id,), MENTIONED
    # API Gateway repeats failures of Lambda, whose own line is the evidence: its other signals are dropped
    line.signals = _ERROR if line.signals or any(words in message for words in _INTEGRATION_FAILURES) else ()
    if line.signals and _FUNCTION_ERROR in message:
        line.signals = ("function-error", *line.signals)
    if match := _RESPONSE_STATUS.search(message):
        line.http_status = int(match[1])


def _runtime_line(message: str, first: str) -> LogLine:
    """Reads the prefix that Lambda's runtimes or API Gateway write; a plain LogLine if there is none."""
    line: LogLine
    if first.isdigit():
        fields = message.split("\t", 3)
        if len(fields) > _NODE_FIELDS and fields[0].endswith("Z"):
            line = NodeLine()
            line.request_id = _UUIDS[fields[1]]
            level = fields[2]
            line.severity = COMMON[level][0] if level in COMMON else read_severity(level)
            return line
        if len(fields) == _NODE_FIELDS and fields[0].endswith("Z") and (request_id := _UUIDS[fields[1]]):
            # Node.js 8 writes no level
            line = NodeLine()
            line.request_id = request_id
            return line
        if match := _TIMEOUT.match(message):
            line = TimeoutLine(signals=("timeout",))
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
    if message[8:9] == "-" or message[1:4] == ", [" or (message[4:5] in _DATE_SIGNS and first.isdigit()):
        # imported here: Lambda's runtimes write other prefixes, and a cold start should not wait for it
        from pipeline.logs.extract.logger_prefix import read_logger_prefix  # noqa: PLC0415

        return read_logger_prefix(message, first) or LogLine()
    return LogLine()


def _severity_word(head: str) -> str | None:
    if "R" in head or "DEBUG" in head or "INFO" in head or "FATAL" in head:
        match = _SEVERITY.search(head)
        return match[1] if match and not is_prose(head[: match.start()]) else None
    return None
