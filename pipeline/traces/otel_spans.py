"""OpenTelemetry spans: reads the log events of the log group `aws/spans`, and what ListRetrievedTraces gives in the format OTEL.

Sources: Amazon CloudWatch user guide, "Transaction Search" (a span is a log event; ids in W3C form); OpenTelemetry's semantic
conventions, in their current and their former names; AWS X-Ray developer guide, "OpenTelemetry" (`annotation.…`,
`aws.xray.annotations`). Attributes come as an object or as OTLP's list of keys and values, times as numbers or as text.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pipeline.errors import BadInputError
from pipeline.model.durable import DurableFact
from pipeline.model.facts import Annotation, SegmentFact
from pipeline.model.json_values import as_text, storable
from pipeline.model.trace_ids import parse_span_id, parse_trace_id
from pipeline.redact.redactor import DEFAULT, Redactor
from pipeline.traces import otel_attributes as otel
from pipeline.traces.durable_attributes import durable_in
from pipeline.traces.segment import (
    LAST_NANO,
    LONGEST_MESSAGE,
    LONGEST_NAME,
    ExceptionFact,
    Segment,
    annotations_in,
    content_of,
    linked_traces,
    links_in,
)

_KINDS = frozenset({"SERVER", "CLIENT", "INTERNAL", "PRODUCER", "CONSUMER"})
# OTLP writes kinds as numbers, too (opentelemetry-proto, Span.SpanKind)
_KIND_NUMBERS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}
_ENTERING = frozenset({"SERVER", "CONSUMER"})
_LEAVING = frozenset({"CLIENT", "PRODUCER"})
_ERROR, _OK = "ERROR", "OK"
# OTLP writes codes as numbers, too (opentelemetry-proto, Status.StatusCode)
_CODES = {"0": "UNSET", "1": _OK, "2": _ERROR}
# an event for each error of a GraphQL response (@graphql-hive/plugin-opentelemetry; no convention names one)
_GRAPHQL_ERROR = "graphql.error"
_ANNOTATION = "annotation."
_CLIENT_ERROR, _THROTTLED, _SERVER_ERROR = 400, 429, 500


def is_span(content: object) -> bool:
    """Whether a JSON value looks like a span rather than a segment document."""
    return isinstance(content, Mapping) and "spanId" in content and "traceId" in content


def read_span(document: bytes | str | Mapping[str, Any], *, trace_id: str | None = None, redactor: Redactor = DEFAULT) -> Segment:
    """Reads a span as a segment.

    Args:
        document: JSON text, or its object.
        trace_id: the canonical id of the trace that the span came with, if any.
        redactor: takes secrets out.

    Raises BadInputError if it is no JSON object, has no valid ids, or names another trace than ``trace_id``.
    """
    return read_span_content(content_of(document, redactor), trace_id)


def read_span_content(content: Mapping[str, Any], trace_id: str | None) -> Segment:
    """Does the same as `read_span` for an object that is redacted already."""
    own, span_id = parse_trace_id(as_text(content.get("traceId"))), parse_span_id(as_text(content.get("spanId")))
    if own is None or span_id is None:
        raise BadInputError("the span has no valid traceId or no valid spanId")
    if trace_id and own != trace_id:
        raise BadInputError(f"the span names another trace, {own}, than {trace_id}, which it came with")
    try:
        return _segment(content, own, span_id)
    except RecursionError as error:
        raise BadInputError("the span is nested too deep") from error


def _segment(content: Mapping[str, Any], trace_id: str, span_id: str) -> Segment:
    attributes = _attributes(content.get("attributes"))
    resource = content.get("resource")
    resource = _attributes(resource.get("attributes")) if isinstance(resource, Mapping) else {}
    exceptions = tuple(_exceptions(content.get("events")))
    kind = _kind(content.get("kind"))
    links = tuple(links_in(content.get("links"), trace_key="traceId", span_key="spanId"))
    return Segment(
        trace_id=trace_id,
        fact=msgspec.structs.replace(_fact(content, span_id, kind, attributes, resource, exceptions), links=linked_traces(links, trace_id)),
        exceptions=exceptions,
        links=links,
        attributes=attributes,
        kind=f"SPAN_KIND_{kind}",
        resource=resource,
    )


def _fact(content: Mapping[str, Any], span_id: str, kind: str, attributes: dict[str, Any], resource: dict[str, Any],
          exceptions: tuple[ExceptionFact, ...]) -> SegmentFact:  # fmt: skip
    parent_id = parse_span_id(as_text(content.get("parentSpanId"))) or ""
    status, error_type = otel.status_in(attributes), otel.error_type_in(attributes)
    durable = durable_in(attributes)
    start, end = _nanos(content.get("startTimeUnixNano")), _nanos(content.get("endTimeUnixNano"))
    code, message = _status(content.get("status"))
    # only what failed has an error.type, but who sets OK by hand outweighs the instrumentation (semantic conventions, "Recording errors")
    failed = code == _ERROR or (code != _OK and bool(error_type))
    refused = _CLIENT_ERROR <= (status or 0) < _SERVER_ERROR
    fault = (status or 0) >= _SERVER_ERROR or (failed and not refused)
    told = sum(1 for _ in _events(content.get("events"), _GRAPHQL_ERROR))
    # any other event on a span that went well is an exception that was handled
    exception = _ended_by(exceptions, error_type, message) if fault or failed or told else ExceptionFact()
    return SegmentFact(
        id=span_id,
        parent_id=parent_id if parent_id != span_id else "",
        name=as_text(content.get("name"))[:LONGEST_NAME],
        service_name=(otel.text_in(resource, "service.name") or otel.text_in(attributes, "aws.local.service"))[:LONGEST_NAME],
        subsegment=not (kind in _ENTERING or not parent_id or attributes.get("aws.span.kind") == "LOCAL_ROOT" or _is_top(durable)),
        origin=otel.FUNCTION if (handler := _is_handler(kind, attributes, resource)) else _origin(attributes, resource),
        handler=handler,
        namespace=_namespace(kind, attributes),
        start=start if start is not None else end,
        end=end,
        in_progress=end is None,
        fault=fault,
        error=refused,
        throttle=status == _THROTTLED,
        cause=bool(exceptions) and failed,
        graphql_errors=otel.graphql_errors_in(
            attributes, events=told, marked=max(len(exceptions), 1) if failed and fault and kind not in _LEAVING else 0
        ),
        unmarked=fault and not failed,
        status=status,
        method=otel.method_in(attributes),
        url=otel.url_in(attributes)[:LONGEST_MESSAGE],
        operation=otel.operation_in(attributes),
        target=otel.target_in(attributes)[:LONGEST_NAME] if kind in _LEAVING else "",
        request_id=otel.request_id_in(attributes),
        function_error=otel.function_error_in(attributes),
        exception_type=exception.type,
        exception_message=exception.message,
        annotations=_annotations(attributes),
        durable=durable,
    )


def _is_top(durable: DurableFact | None) -> bool:
    """Whether a span is of a whole durable execution, or of one invocation of it."""
    return durable is not None and not durable.operation_id


def _ended_by(exceptions: tuple[ExceptionFact, ...], error_type: str, message: str) -> ExceptionFact:
    """The exception that a failed span ended by: the last one, as those before it may have been handled; else what its status says."""
    last = exceptions[-1] if exceptions else ExceptionFact(error_type)
    return msgspec.structs.replace(last, message=last.message or message)


def _attributes(content: object) -> dict[str, Any]:
    """Attributes by name, from an object or from OTLP's list of keys and values."""
    if isinstance(content, list):
        entries = (entry for entry in content if isinstance(entry, Mapping))
        content = {as_text(entry.get("key")): _value(entry.get("value")) for entry in entries}
    return {key: value for key, value in storable(content).items() if key} if isinstance(content, Mapping) else {}


def _value(value: object) -> Any:
    """The value inside an OTLP AnyValue."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    kind, content = next(iter(value.items()))
    if kind == "intValue":
        return int(content) if str(content).removeprefix("-").isdecimal() and len(str(content)) < len(str(LAST_NANO)) else content
    if kind == "arrayValue" and isinstance(content, Mapping) and isinstance(values := content.get("values"), list):
        return [_value(entry) for entry in values]
    if kind == "kvlistValue" and isinstance(content, Mapping):
        return _attributes(content.get("values"))
    return content


def _kind(value: object) -> str:
    name = as_text(value).upper().removeprefix("SPAN_KIND_")
    if isinstance(value, int):
        name = _KIND_NUMBERS.get(value, "")
    return name if name in _KINDS else "INTERNAL"


def _status(status: object) -> tuple[str, str]:
    """The code of the status, as OpenTelemetry names it (`UNSET` if there is none), and its message."""
    code = status.get("code") if isinstance(status, Mapping) else status
    message = as_text(status.get("message"))[:LONGEST_MESSAGE] if isinstance(status, Mapping) else ""
    named = str(code).upper().removeprefix("STATUS_CODE_")
    return _CODES.get(named, named), message


def _origin(attributes: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    return otel.text_in(attributes, "aws.xray.origin") or otel.text_in(resource, "aws.xray.origin")


def _is_handler(kind: str, attributes: Mapping[str, Any], resource: Mapping[str, Any]) -> bool:
    """Whether it is the span around the handler of a Lambda function; a segment that AWS wrote names its origin."""
    return kind in _ENTERING and not _origin(attributes, resource) and otel.is_on_lambda(attributes, resource)


def _namespace(kind: str, attributes: Mapping[str, Any]) -> str:
    if kind not in _LEAVING:
        return ""
    return "aws" if otel.is_aws_call(attributes) else "remote"


def _annotations(attributes: Mapping[str, Any]) -> tuple[tuple[str, Annotation], ...]:
    named = attributes.get("aws.xray.annotations")
    chosen = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    entries = {name: attributes.get(name) for name in chosen}
    entries |= {key.removeprefix(_ANNOTATION): value for key, value in attributes.items() if key.startswith(_ANNOTATION)}
    return annotations_in(entries)


def _exceptions(events: object) -> Iterator[ExceptionFact]:
    for values in _events(events, "exception"):
        yield ExceptionFact(
            otel.text_in(values, "exception.type"),
            otel.text_in(values, "exception.message")[:LONGEST_MESSAGE],
            otel.text_in(values, "exception.stacktrace"),
        )
    for values in _events(events, _GRAPHQL_ERROR):
        message = otel.text_in(values, "graphql.error.message", "error.message", "exception.message", "message")
        code = otel.text_in(values, "graphql.error.code", "graphql.error.extensions.code", "error.code", "code", "exception.type")
        yield ExceptionFact(code or _GRAPHQL_ERROR, message[:LONGEST_MESSAGE], otel.text_in(values, "graphql.error.stacktrace"))


def _events(events: object, name: str) -> Iterator[dict[str, Any]]:
    """The attributes of each event of this name."""
    for event in events if isinstance(events, list) else ():
        if isinstance(event, Mapping) and event.get("name") == name:
            yield _attributes(event.get("attributes"))


def _nanos(value: object) -> int | None:
    """Nanoseconds since the epoch, from a number or its text; None if OpenSearch can't hold such a time."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= len(str(LAST_NANO)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LAST_NANO else None
