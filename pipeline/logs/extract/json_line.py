"""JSON line: reads lines of Powertools in every language, Lambda's JSON format, access logs, OpenTelemetry and other loggers.

Decoding is typed: it makes no dictionary, skips unknown keys, and reads rarer keys only if the frequent ones leave something open.
Sources of the keys: Powertools' logger ("Standard structured keys"), Lambda's "JSON log format" and "Telemetry API Event schema
reference", API Gateway's "$context variables for access logging", OpenTelemetry's logs data model.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from pipeline.logs.extract.json_keys import DECODE_ERRORS, decode_keys, without_half_pairs
from pipeline.logs.extract.kept_once import SHOWN, TO_SECOND, XRAY_FORMS, leave_out, leave_out_of_text
from pipeline.logs.extract.log_line import MENTIONED, AccessLogLine, JsonLine, LogLine, PowertoolsLine, Severity
from pipeline.logs.extract.platform_event import PLATFORM_ERRORS, extract_platform
from pipeline.logs.extract.severity import COMMON, ERROR_NUMBER, read_severity
from pipeline.logs.extract.tenant_ids import tenant_id_of
from pipeline.logs.extract.text_line import find_correlation_ids, take_trace
from pipeline.logs.extract.writer_keys import BEGINNING, FrequentKeys, WriterKeys, decode_leniently
from pipeline.model.facts import Signal
from pipeline.model.trace_ids import LONGEST_ID, LONGEST_PLACEHOLDER, REQUEST_IDS, TRACES, TraceHeader, parse_correlation_id, parse_span_id

# Powertools writes this if no service name is set (its documentation, "Logger")
_NO_SERVICE = "service_undefined"
_LONGEST_NAME = 256
_STATUSES: Final[dict[object, int]] = {form: number for number in range(100, 600) for form in (number, str(number))}
_LONGEST_EXCERPT = 320
_NOTHING = msgspec.Raw()
_ERROR: Final[tuple[Signal, ...]] = ("error",)
_UNKNOWN: Final[tuple[Severity | None, tuple[Signal, ...]]] = (None, ())
_encode = msgspec.json.Encoder().encode
_key = msgspec.field


class _RareKeys(msgspec.Struct, gc=False):
    """The keys that the same writers use in few of their lines."""

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
    message_timestamp_ms: Any = None
    previous_event_id: Any = None
    tenant_id_camel: Any = _key(name="tenantId", default=None)
    tenant_id: Any = None
    tenant_id_dotted: Any = _key(name="tenant.id", default=None)
    tenant_id_pascal: Any = _key(name="TenantId", default=None)


RARE_KEYS: Final = (
    r'"(?:exception|exception_name|stack_trace|awsEndpointRequestId|spanId|errorType|stackTrace|stack|sampled|record|[tT]enantId|tenant_id|message_timestamp_ms|previous_event_id|tenant\.id)"\s*:',
)  # fmt: skip
"""Hyperscan expressions: every JSON line that has one of `_RareKeys` matches at least one of them."""


class _OtherKeys(msgspec.Struct, gc=False):
    """The keys of all other writers."""

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


_writers = WriterKeys(SHOWN)
_rare = msgspec.json.Decoder(_RareKeys)
_other = msgspec.json.Decoder(_OtherKeys)


def extract_json(message: str) -> LogLine | None:  # noqa: C901, PLR0912, PLR0915  # written out, see below
    """Reads ``message`` into a LogLine; None if it is no JSON object. `add_rare_keys` completes a line with rare keys."""
    try:
        keys, learned = _writers[message[:BEGINNING]](message), True
    except msgspec.ValidationError:
        try:
            found = _writers.learn(message)
            keys, learned = found or decode_leniently(message), found is not None
        except DECODE_ERRORS:
            return _without_half_pairs(message)
    except DECODE_ERRORS:
        return _without_half_pairs(message)
    # this is the hottest code of all (see bench/), so it is written out instead of calling functions
    kind: type[LogLine] = PowertoolsLine
    request = keys.function_request_id
    if request is None:
        request = keys.request_id_camel
        kind = JsonLine if keys.http_method is None and keys.route_key is None and keys.http_method_snake is None else AccessLogLine
    request_id = None if request is None else REQUEST_IDS[request]
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
        # this finds every x-correlation-… key and every correlation id, at any depth
        correlation_ids = find_correlation_ids(message)
    line = kind("", None, "", body, service, trace_id, span_id, request_id, correlation_ids, sampled, severity, signals)
    if kind is AccessLogLine:
        line.http_status = _status(keys.status)
        if keys.integration_request_id is not None:
            line.integration_request_id = REQUEST_IDS[keys.integration_request_id]
    if trace_id is None or request_id is None or ((severity is None or not body) and kind is not AccessLogLine):
        _read_other_keys(line, message)
        if not line.body:
            line.body = message.rstrip()
        if line.severity is None and isinstance(keys.status, str):
            # Datadog calls the level `status`; the status of an access log is a number, which is no severity
            line.severity = read_severity(keys.status)
    if learned and ("\n" not in message or "\n" not in message[:-1]):
        if kind is JsonLine:
            leave_out(line, keys)
        else:
            # as `leave_out` does, written out for the most frequent kinds
            is_xray = trace_id is not None and trace == XRAY_FORMS[trace_id]
            if kind is PowertoolsLine:
                if request == request_id:
                    keys.function_request_id = None
                if is_xray and trace is keys.xray_trace_id:
                    keys.xray_trace_id = None
                if body and body is keys.message:
                    keys.message = None
                if own and own == keys.correlation_id:
                    keys.correlation_id = None
                time = keys.timestamp
                if time.__class__ is str and time[4:5] == "-" and len(time) >= TO_SECOND:
                    line.timestamp = time
                    keys.timestamp = None
            else:
                if request == request_id:
                    keys.request_id_camel = None
                if is_xray and trace is keys.xray_trace_id_camel:
                    keys.xray_trace_id_camel = None
                integration = keys.integration_request_id
                if integration is not None and integration == line.integration_request_id:
                    keys.integration_request_id = None
        line.attributes = msgspec.Raw(_encode(keys))
    else:
        # a JSON string can't hold a raw line end, so any line end here is white space
        line.attributes = msgspec.Raw(message.replace("\n", " "))
        leave_out_of_text(line, message)
    return line


def _without_half_pairs(message: str) -> LogLine | None:
    """Reads ``message`` without halves of surrogate pairs, if it has any; else it is no JSON."""
    whole = without_half_pairs(message)
    return extract_json(whole) if whole != message else None


def add_rare_keys(line: JsonLine, message: str) -> LogLine:
    """Completes ``line`` from the rare keys of its ``message`` and returns it; returns a new line if they show a platform event.

    The rare keys hold exceptions, the integration's request id, span ids, tenant ids, and platform events.
    """
    # no rare key is left out of the attributes, and they hold no half of a surrogate pair
    rare = decode_keys(_rare, message if line.attributes is None else line.attributes)
    if (
        rare.record is not _NOTHING
        and isinstance(rare.type, str)
        and (platform := extract_platform(rare.type, bytes(rare.record))) is not None
    ):
        platform.body = message.rstrip()
        platform.severity = line.severity or platform.severity
        platform.attributes = line.attributes
        leave_out_of_text(platform, message)
        return platform
    if rare.message_timestamp_ms is not None or rare.previous_event_id is not None:
        # imported here: few log groups are an event bus' or a state machine's, and a cold start should not wait for it
        from pipeline.logs.extract.service_record import read_service_record  # noqa: PLC0415

        if record := read_service_record(line, message):
            return record
    # an empty value is no exception
    if rare.exception or rare.exception_name or rare.error_type or rare.stack_trace or rare.stack_trace_camel or _is_stack(rare.stack):
        kind = rare.error_type if isinstance(rare.error_type, str) else None
        line.signals = (*line.signals, *PLATFORM_ERRORS.get(kind, ("exception",)))
        if kind in PLATFORM_ERRORS and "signal: killed" in message:
            line.signals = tuple(dict.fromkeys((*line.signals, "out-of-memory")))
        line.excerpt = _exception(rare)
    if isinstance(rare.endpoint_request_id, str) and isinstance(line, AccessLogLine) and line.integration_request_id is None:
        line.integration_request_id = REQUEST_IDS[rare.endpoint_request_id]
    _take_span(line, rare.span_id_camel, rare.sampled)
    tenants = (rare.tenant_id_camel, rare.tenant_id, rare.tenant_id_dotted, rare.tenant_id_pascal)
    line.tenant_id = next(filter(None, map(tenant_id_of, tenants)), None)
    return line


def _is_stack(value: object) -> bool:
    """Whether ``value`` is a stack trace, as Node.js' loggers write it; else "stack" is a name, such as that of a deployment."""
    return bool(value) and (not isinstance(value, str) or "\n" in value or "Error" in value or "Exception" in value)


def _exception(keys: _RareKeys) -> str:
    """The exception that a line reports: the line of its stack trace that names it, else its type; empty if there is none."""
    for text in (keys.exception, keys.stack, keys.exception_name, keys.error_type):
        if isinstance(text, str) and (lines := text.strip().splitlines()):
            # Python's traceback ends with the exception, Node's stack begins with it
            return (lines[-1] if lines[0].startswith("Traceback") else lines[0]).strip()[:_LONGEST_EXCERPT]
    return ""


def _body(keys: FrequentKeys) -> str:
    """The body of a line whose message is no text: the encoded message, or the method, path and status of an access log."""
    if keys.message is not None:
        return _as_text(keys.message)
    method, route = keys.http_method, keys.route_key
    if method is None and (method := keys.http_method_snake) is None and route is None:
        return ""
    first = route if route.__class__ is str and route != "-" else f"{method} {keys.resource_path or ''}"
    return f"{first} {keys.status or ''}".strip()


def _read_other_keys(line: LogLine, message: str) -> None:
    """Fills from the keys of other writers the fields that the frequent keys left open."""
    keys = decode_keys(_other, message)
    if line.trace_id is None:
        _read_other_trace(line, keys, message)
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


def _read_other_trace(line: LogLine, keys: _OtherKeys, message: str) -> None:
    """Sets the trace that the line claims as its own; else that in the key of a header, which is a sender's, or anywhere in the line."""
    claimed = _claimed(keys)
    sent = None if claimed else _first_trace((keys.trace_header, keys.trace_header_title, keys.traceparent, keys.trace_header_sqs))
    if header := claimed or sent:
        line.trace_id, line.span_id, line.sampled = header
    else:
        take_trace(line, message)
    if sent:
        line.propagated_trace_ids, line.id_source = (sent.trace_id,), MENTIONED


def claimed_trace(message: str) -> TraceHeader | None:
    """The trace that a key of a JSON ``message`` claims for the line, other than the key of a header; None if none does."""
    message = without_half_pairs(message)
    try:
        keys, others = decode_leniently(message), decode_keys(_other, message)
    except DECODE_ERRORS:
        return None
    return _first_trace((keys.xray_trace_id, keys.trace_id_camel, keys.xray_trace_id_camel)) or _claimed(others)


def _claimed(keys: _OtherKeys) -> TraceHeader | None:
    return _first_trace((keys.trace_id, keys.trace_id_dotted, keys.trace_header_environment, keys.trace_id_java, keys.xray_trace_id_pascal,
                         keys.trace_id_pascal))  # fmt: skip


def _first_trace(values: Iterable[object]) -> TraceHeader | None:
    return next((TraceHeader(*parts) for value in values if isinstance(value, str) and (parts := TRACES[value])), None)


def _first_request_id(*values: object) -> str | None:
    return next((id_ for value in values if isinstance(value, str) and (id_ := REQUEST_IDS[value])), None)


def _status(value: object) -> int | None:
    """The HTTP status that ``value`` holds as a number or as text; None if it holds none."""
    return _STATUSES.get(value) if isinstance(value, (str, int)) else None


def _take_span(line: LogLine, span_id: object, sampled: object) -> None:
    if isinstance(span_id, str) and line.trace_id:
        line.span_id = parse_span_id(span_id) or line.span_id
    if isinstance(sampled, bool):
        line.sampled = sampled


def _as_text(content: object) -> str:
    return msgspec.json.encode(content).decode()
