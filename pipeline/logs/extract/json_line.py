"""JSON lines: Powertools of every language, Lambda's JSON format, platform events, access logs, OpenTelemetry, loggers.

Typed decoding: no dictionary, unknown keys skipped, and the rare keys looked for only where the frequent ones leave a
question open. The keys are those that others documented: Powertools' logger ("Standard structured keys"), Lambda's "JSON log
format" and "Telemetry API Event schema reference", API Gateway's "$context variables for access logging", OpenTelemetry's
logs data model.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import msgspec

from pipeline.logs.extract.log_line import AccessLogLine, JsonLine, LogLine, PowertoolsLine, Severity
from pipeline.logs.extract.platform_event import extract_platform
from pipeline.logs.extract.severity import COMMON, ERROR_NUMBER, read_severity
from pipeline.logs.extract.text_line import find_correlation_ids, find_propagated, find_trace
from pipeline.model.facts import Signal
from pipeline.model.trace_ids import LONGEST_ID, LONGEST_PLACEHOLDER, REQUEST_IDS, TRACES, TraceHeader, parse_correlation_id, parse_span_id

# what Powertools writes where nobody names the service (its documentation, "Logger")
_NO_SERVICE = "service_undefined"
_LONGEST_NAME = 256
_STATUSES: Final[dict[object, int]] = {form: number for number in range(100, 600) for form in (number, str(number))}
_LONGEST_EXCERPT = 320
_HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_NOTHING = msgspec.Raw()
_OF_ANY_TYPE: Final = frozenset({"message", "service", "http_method", "resource_path", "route_key", "http_method_snake", "status"})
_ERROR: Final[tuple[Signal, ...]] = ("error",)
_UNKNOWN: Final[tuple[Severity | None, tuple[Signal, ...]]] = (None, ())
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeError, RecursionError)
_key = msgspec.field


class _Frequent(msgspec.Struct, gc=False):
    """The keys that most lines of Powertools, Lambda, API Gateway and OpenTelemetry have; for values of other types, see `_loosely`."""

    level: str | int | None = None
    message: Any = None
    service: Any = None
    function_name: str | None = None
    function_request_id: str | None = None
    correlation_id: str | None = None
    xray_trace_id: str | None = None
    request_id_camel: str | None = _key(name="requestId", default=None)
    xray_trace_id_camel: str | None = _key(name="xrayTraceId", default=None)
    http_method: Any = _key(name="httpMethod", default=None)
    resource_path: Any = _key(name="resourcePath", default=None)
    route_key: Any = _key(name="routeKey", default=None)
    http_method_snake: Any = _key(name="http_method", default=None)
    integration_request_id: str | None = _key(name="integrationRequestId", default=None)
    status: Any = None
    trace_id_camel: str | None = _key(name="traceId", default=None)
    correlation_id_camel: str | None = _key(name="correlationId", default=None)


class _RareMarks(msgspec.Struct, gc=False):
    """The keys of the same writers that few of their lines have."""

    exception: Any = None
    exception_name: Any = None
    stack_trace: Any = None
    endpoint_request_id: Any = _key(name="awsEndpointRequestId", default=None)
    span_id_camel: Any = _key(name="spanId", default=None)
    error_type: Any = _key(name="errorType", default=None)
    stack_trace_camel: Any = _key(name="stackTrace", default=None)
    stack: Any = None
    sampled: Any = None
    type: Any = None
    record: msgspec.Raw = _NOTHING


RARE_KEYS: Final = (
    r'"(?:exception|exception_name|stack_trace|awsEndpointRequestId|spanId|errorType|stackTrace|stack|sampled|record)"\s*:',
    # tracing headers
    "[Rr][Oo][Oo][Tt]=1-",
    "[Tt]raceparent",
)
"""Hyperscan's, of which one is found in every JSON line that has one of these keys, or shows another trace's header."""


class _Rare(msgspec.Struct, gc=False):
    """The keys of everybody else."""

    trace_id: Any = None
    trace_id_dotted: Any = _key(name="trace.id", default=None)
    traceparent: Any = None
    trace_header: Any = _key(name="x-amzn-trace-id", default=None)
    trace_header_title: Any = _key(name="X-Amzn-Trace-Id", default=None)
    trace_header_environment: Any = _key(name="_X_AMZN_TRACE_ID", default=None)
    trace_header_sqs: Any = _key(name="AWSTraceHeader", default=None)
    trace_id_java: Any = _key(name="AWS-XRAY-TRACE-ID", default=None)
    xray_trace_id_pascal: Any = _key(name="XRayTraceId", default=None)
    trace_id_pascal: Any = _key(name="TraceId", default=None)
    span_id: Any = None
    span_id_dotted: Any = _key(name="span.id", default=None)
    span_id_pascal: Any = _key(name="SpanId", default=None)
    request_id: Any = None
    aws_request_id: Any = None
    aws_request_id_camel: Any = _key(name="awsRequestId", default=None)
    function_request_id_camel: Any = _key(name="functionRequestId", default=None)
    function_request_id_pascal: Any = _key(name="FunctionRequestId", default=None)
    request_id_pascal: Any = _key(name="RequestId", default=None)
    correlation_id_pascal: Any = _key(name="CorrelationId", default=None)
    severity: Any = None
    severity_text: Any = None
    severity_text_camel: Any = _key(name="severityText", default=None)
    level_dotted: Any = _key(name="log.level", default=None)
    level_name: Any = _key(name="levelname", default=None)
    level_pascal: Any = _key(name="Level", default=None)
    msg: Any = None
    body: Any = None
    message_pascal: Any = _key(name="Message", default=None)
    error_message: Any = _key(name="errorMessage", default=None)
    service_name: Any = None
    service_name_camel: Any = _key(name="serviceName", default=None)
    service_name_dotted: Any = _key(name="service.name", default=None)
    service_pascal: Any = _key(name="Service", default=None)
    integration_request_id: Any = None
    integration_request_id_dotted: Any = _key(name="integration.requestId", default=None)
    endpoint_request_id: Any = _key(name="aws_endpoint_request_id", default=None)
    status_code: Any = None


_frequent = msgspec.json.Decoder(_Frequent)
_rarely = msgspec.json.Decoder(_RareMarks)
_rare = msgspec.json.Decoder(_Rare)


def extract_json(message: str) -> LogLine | None:  # noqa: C901, PLR0912, PLR0915  # written out, see below
    """The line in ``message``, or None where it is no JSON object after all; `tell_more` adds what few lines say."""
    try:
        keys = _frequent.decode(message)
    except _DECODE_ERRORS as error:
        loose = _loosely(message) if isinstance(error, msgspec.ValidationError) else None
        if loose is None:
            # half a surrogate pair, which some loggers write and no UTF-8 can hold
            whole = _HALF_PAIR.sub(r"\\ufffd", message) if "\\ud" in message.lower() else message
            return extract_json(whole) if whole != message else None
        keys = loose
    # no line end can stand raw in a JSON string, so any that is here is white space
    attributes = msgspec.Raw(message if "\n" not in message else message.replace("\n", " "))
    # written out rather than called: this is the hottest code of all, see bench/
    kind: type[LogLine] = PowertoolsLine
    request_id = keys.function_request_id
    if request_id is not None:
        request_id = REQUEST_IDS[request_id]
    else:
        request_id = keys.request_id_camel
        if request_id is not None:
            request_id = REQUEST_IDS[request_id]
        kind = JsonLine if keys.http_method is None and keys.route_key is None and keys.http_method_snake is None else AccessLogLine
    trace_id = span_id = sampled = None
    trace = keys.xray_trace_id or keys.trace_id_camel or keys.xray_trace_id_camel
    if trace and (header := TRACES[trace]) is not None:
        trace_id, span_id, sampled = header
    level = keys.level
    severity, signals = COMMON.get(level, _UNKNOWN)
    if severity is None and level is not None and (severity := read_severity(level)) is not None:
        signals = _ERROR if severity.number >= ERROR_NUMBER else ()
    body = keys.message
    if body.__class__ is not str:
        body = _body(keys)
    service = keys.service
    if not service or service == _NO_SERVICE:
        service = keys.function_name
    if service.__class__ is not str or len(service) > _LONGEST_NAME:
        service = ""
    correlation_ids: tuple[str, ...] = ()
    own = keys.correlation_id or keys.correlation_id_camel
    if own and (LONGEST_PLACEHOLDER < len(own) <= LONGEST_ID or (own := parse_correlation_id(own)) is not None):
        correlation_ids = (own,)
    elif "orrelation" in message:
        # any x-correlation-… key and any correlation id, at any depth
        correlation_ids = find_correlation_ids(message)
    line = kind("", None, "", body, service, trace_id, span_id, request_id, correlation_ids, sampled, severity, signals, attributes)
    if kind is AccessLogLine:
        line.http_status = _status(keys.status)
        if keys.integration_request_id is not None:
            line.integration_request_id = REQUEST_IDS[keys.integration_request_id]
    if trace_id is None or request_id is None or ((severity is None or not body) and kind is not AccessLogLine):
        _read_rare(line, message)
        if not line.body:
            line.body = message.rstrip()
        if line.severity is None and isinstance(keys.status, str):
            # Datadog's word for the level; an access log's status is a number, which is no severity
            line.severity = read_severity(keys.status)
    return line


def _loosely(message: str) -> _Frequent | None:
    """The keys of a JSON line some of whose values have another type than they should: those say nothing. None where it is no JSON."""
    try:
        loose = _loose_decoder().decode(message)
    except _DECODE_ERRORS:
        return None
    values = {name: getattr(loose, name) for name in _Frequent.__struct_fields__}
    return _Frequent(**{
        name: value for name, value in values.items()
        if name in _OF_ANY_TYPE or isinstance(value, str) or (name == "level" and isinstance(value, int))
    })  # fmt: skip


@cache
def _loose_decoder() -> msgspec.json.Decoder[Any]:
    """Made when it is first needed: a cold start should not wait for it."""
    names = zip(_Frequent.__struct_fields__, _Frequent.__struct_encode_fields__, strict=True)
    return msgspec.json.Decoder(msgspec.defstruct("_Loose", [(name, Any, _key(name=key, default=None)) for name, key in names], gc=False))


def add_rare_keys(line: JsonLine, message: str) -> LogLine:
    """``line`` with what the rarer keys of its ``message`` say; another one where they say that the platform wrote it.

    They tell of an exception, the request behind an access log's, the span, traces that were passed on, a platform's record.
    """
    # what could be read of it: half a surrogate pair is gone
    told = _rarely.decode(message if line.attributes is None else line.attributes)
    if (
        told.record is not _NOTHING
        and isinstance(told.type, str)
        and (platform := extract_platform(told.type, bytes(told.record))) is not None
    ):
        platform.attributes = line.attributes
        platform.body = message.rstrip()
        return platform
    # an empty value says nothing
    if told.exception or told.exception_name or told.error_type or told.stack_trace or told.stack or told.stack_trace_camel:
        line.signals = (*line.signals, "exception")
        line.excerpt = _exception(told)
    if line.trace_id is not None and not line.propagated_trace_ids:
        line.propagated_trace_ids = tuple(id_ for id_ in find_propagated(message) if id_ != line.trace_id)
    if isinstance(told.endpoint_request_id, str) and isinstance(line, AccessLogLine) and line.integration_request_id is None:
        line.integration_request_id = REQUEST_IDS[told.endpoint_request_id]
    _take_span(line, told.span_id_camel, told.sampled)
    return line


def _exception(keys: _RareMarks) -> str:
    """The exception that a line tells of: the last line of its traceback, else its name."""
    for told in (keys.exception, keys.stack, keys.exception_name, keys.error_type):
        if isinstance(told, str) and (lines := told.strip().splitlines()):
            # Python's traceback ends with it, Node's stack begins with it
            return (lines[-1] if lines[0].startswith("Traceback") else lines[0]).strip()[:_LONGEST_EXCERPT]
    return ""


def _body(keys: _Frequent) -> str:
    """The message where it is no plain text: an object, or what an access log says."""
    if keys.message is not None:
        return _as_text(keys.message)
    method, route = keys.http_method, keys.route_key
    if method is None and (method := keys.http_method_snake) is None and route is None:
        return ""
    if route.__class__ is str and route != "-":
        return f"{route} {keys.status or ''}".strip()
    return f"{method} {keys.resource_path or ''} {keys.status or ''}".strip()


def _read_rare(line: LogLine, message: str) -> None:
    """Answers what the frequent keys left open."""
    keys = _rare.decode(message)
    if line.trace_id is None:
        _read_rare_trace(line, keys, message)
    _take_span(line, keys.span_id or keys.span_id_dotted or keys.span_id_pascal, None)
    if line.request_id is None:
        line.request_id = _first_request_id(
            keys.request_id, keys.aws_request_id, keys.aws_request_id_camel, keys.function_request_id_camel,
            keys.function_request_id_pascal, keys.request_id_pascal,
        )  # fmt: skip
    if line.integration_request_id is None:
        line.integration_request_id = _first_request_id(
            keys.integration_request_id, keys.integration_request_id_dotted, keys.endpoint_request_id
        )
    if line.http_status is None and isinstance(line, AccessLogLine):
        line.http_status = _status(keys.status_code)
    if line.severity is None:
        level = (keys.severity_text_camel or keys.severity_text or keys.severity or keys.level_dotted or keys.level_name
                 or keys.level_pascal)  # fmt: skip
        line.severity = read_severity(level) if isinstance(level, str | int) else None
        if line.severity and line.severity.number >= ERROR_NUMBER:
            line.signals = ("error", *line.signals)
    body = keys.msg or keys.body or keys.message_pascal or keys.error_message
    if body and not line.body:
        line.body = body if isinstance(body, str) else _as_text(body)
    service = keys.service_name or keys.service_name_camel or keys.service_name_dotted or keys.service_pascal
    if not line.service_name and isinstance(service, str):
        line.service_name = service[:_LONGEST_NAME]
    if isinstance(keys.correlation_id_pascal, str) and (own := parse_correlation_id(keys.correlation_id_pascal)):
        line.correlation_ids = (own,)


def _read_rare_trace(line: LogLine, keys: _Rare, message: str) -> None:
    """The trace that the line claims as its own; else the one in a tracing header that it shows, such as that of a logged event."""
    claims = (keys.trace_id, keys.trace_id_dotted, keys.trace_header_environment, keys.trace_id_java, keys.xray_trace_id_pascal,
              keys.trace_id_pascal)  # fmt: skip
    headers = (keys.trace_header, keys.trace_header_title, keys.traceparent, keys.trace_header_sqs)
    claimed, sent = _first_trace(claims), _first_trace(headers)
    shown = find_propagated(message) if "oot=1-" in message or "raceparent" in message else ()
    if header := claimed or sent or find_trace(message):
        line.trace_id, line.span_id, line.sampled = header
    line.propagated_trace_ids = tuple(id_ for id_ in shown if claimed is None or id_ != claimed.trace_id)
    if line.trace_id and not claimed and line.trace_id not in shown and sent:
        # a header's value may be a bare id
        line.propagated_trace_ids = (*line.propagated_trace_ids, line.trace_id)


def _first_trace(values: Iterable[object]) -> TraceHeader | None:
    return next((TraceHeader(*parts) for value in values if isinstance(value, str) and (parts := TRACES[value])), None)


def _first_request_id(*values: object) -> str | None:
    return next((id_ for value in values if isinstance(value, str) and (id_ := REQUEST_IDS[value])), None)


def _status(value: object) -> int | None:
    """An HTTP status, from a number or its text."""
    return _STATUSES.get(value) if isinstance(value, (str, int)) else None


def _take_span(line: LogLine, span_id: object, sampled: object) -> None:
    if isinstance(span_id, str) and line.trace_id:
        line.span_id = parse_span_id(span_id) or line.span_id
    if isinstance(sampled, bool):
        line.sampled = sampled


def _as_text(content: object) -> str:
    return msgspec.json.encode(content).decode()
