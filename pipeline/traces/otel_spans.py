"""OpenTelemetry spans: reads the log events of the log group `aws/spans`, and what ListRetrievedTraces gives in the format OTEL.

Sources: Amazon CloudWatch user guide, "Transaction Search" (a span is a log event; ids in W3C form); OpenTelemetry's semantic
conventions, in their current and their former names; AWS X-Ray developer guide, "OpenTelemetry" (`annotation.…`,
`aws.xray.annotations`). Attributes come as an object or as OTLP's list of keys and values, times as numbers or as text.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pipeline.errors import BadInputError
from pipeline.model.facts import Annotation, SegmentFact
from pipeline.model.json_values import as_text, storable
from pipeline.model.trace_ids import parse_span_id, parse_trace_id
from pipeline.redact.redactor import DEFAULT, Redactor
from pipeline.traces.segment import (
    LAST_NANO,
    LONGEST_MESSAGE,
    LONGEST_NAME,
    ExceptionFact,
    Segment,
    annotations_in,
    content_of,
    http_status_in,
    linked_traces,
    links_in,
)

_KINDS = frozenset({"SERVER", "CLIENT", "INTERNAL", "PRODUCER", "CONSUMER"})
# OTLP writes kinds as numbers, too (opentelemetry-proto, Span.SpanKind)
_KIND_NUMBERS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}
_ENTERING = frozenset({"SERVER", "CONSUMER"})
_LEAVING = frozenset({"CLIENT", "PRODUCER"})
_ERROR_CODES = frozenset({"ERROR", "STATUS_CODE_ERROR", "2"})
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
    status = http_status_in(_first(attributes, "http.response.status_code", "http.status_code"))
    start, end = _nanos(content.get("startTimeUnixNano")), _nanos(content.get("endTimeUnixNano"))
    failed, message = _failure(content.get("status"))
    exception = exceptions[0] if exceptions else ExceptionFact()
    operation = _text(attributes, "rpc.method", "aws.remote.operation")
    return SegmentFact(
        id=span_id,
        parent_id=parent_id if parent_id != span_id else "",
        name=as_text(content.get("name"))[:LONGEST_NAME],
        service_name=(_text(resource, "service.name") or _text(attributes, "aws.local.service"))[:LONGEST_NAME],
        subsegment=not (kind in _ENTERING or not parent_id or attributes.get("aws.span.kind") == "LOCAL_ROOT"),
        origin=_origin(kind, attributes, resource),
        namespace=_namespace(kind, attributes),
        start=start if start is not None else end,
        end=end,
        in_progress=end is None,
        fault=(status or 0) >= _SERVER_ERROR or (failed and not _CLIENT_ERROR <= (status or 0) < _SERVER_ERROR),
        error=_CLIENT_ERROR <= (status or 0) < _SERVER_ERROR,
        throttle=status == _THROTTLED,
        # the events also show exceptions that were handled
        cause=bool(exceptions) and failed,
        status=status,
        method=_text(attributes, "http.request.method", "http.method"),
        url=_text(attributes, "url.full", "http.url", "url.path", "http.target")[:LONGEST_MESSAGE],
        operation=operation,
        request_id=_text(attributes, "aws.request_id", "aws.request.id", "faas.invocation_id", "faas.execution"),
        function_error=_text(attributes, "aws.lambda.function_error", "aws.function_error"),
        exception_type=exception.type,
        exception_message=exception.message or message,
        annotations=_annotations(attributes),
    )


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


def _failure(status: object) -> tuple[bool, str]:
    """Whether the status is an error, and its message."""
    if not isinstance(status, Mapping):
        return str(status).upper() in _ERROR_CODES, ""
    return str(status.get("code")).upper() in _ERROR_CODES, as_text(status.get("message"))[:LONGEST_MESSAGE]


def _origin(kind: str, attributes: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    origin = _text(attributes, "aws.xray.origin") or _text(resource, "aws.xray.origin")
    on_lambda = _text(resource, "cloud.platform") == "aws_lambda" or _text(attributes, "PlatformType") == "AWS::Lambda"
    if not origin and on_lambda and kind in _ENTERING:
        return "AWS::Lambda::Function"
    return origin


def _namespace(kind: str, attributes: Mapping[str, Any]) -> str:
    if kind not in _LEAVING:
        return ""
    is_aws = attributes.get("rpc.system") == "aws-api" or _text(attributes, "aws.remote.service").startswith("AWS::")
    return "aws" if is_aws else "remote"


def _annotations(attributes: Mapping[str, Any]) -> tuple[tuple[str, Annotation], ...]:
    named = attributes.get("aws.xray.annotations")
    chosen = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    entries = {name: attributes.get(name) for name in chosen}
    entries |= {key.removeprefix(_ANNOTATION): value for key, value in attributes.items() if key.startswith(_ANNOTATION)}
    return annotations_in(entries)


def _exceptions(events: object) -> Iterator[ExceptionFact]:
    for event in events if isinstance(events, list) else ():
        if isinstance(event, Mapping) and event.get("name") == "exception":
            values = _attributes(event.get("attributes"))
            yield ExceptionFact(
                _text(values, "exception.type"), _text(values, "exception.message")[:LONGEST_MESSAGE], _text(values, "exception.stacktrace")
            )


def _nanos(value: object) -> int | None:
    """Nanoseconds since the epoch, from a number or its text; None if OpenSearch can't hold such a time."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= len(str(LAST_NANO)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LAST_NANO else None


def _first(attributes: Mapping[str, Any], *names: str) -> Any:
    return next((attributes[name] for name in names if name in attributes), None)


def _text(attributes: Mapping[str, Any], *names: str) -> str:
    """The first of these attributes that is text and not empty."""
    return next((value for name in names if isinstance(value := attributes.get(name), str) and value), "")
