"""X-Ray segments: reads segment documents. Unreadable content is left out and raises nothing: half a document is half a segment.

Source: AWS X-Ray developer guide, "X-Ray segment documents". Recorded traces show further shapes: an empty `cause`
on success, times as `1.692291184114E9`, a `cause` that is an id or a number.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from pipeline.errors import BadInputError
from pipeline.model.facts import SegmentFact
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
    http_status_in,
    linked_traces,
    links_in,
)

_MOST_FRAMES = 50
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_MOST_ITEMS = 1_000_000
# the X-Ray SDKs write these keys (`aws_para_whitelist.json`)
_TARGETS = ("function_name", "table_name", "queue_url", "topic_arn", "stream_name", "bucket_name", "state_machine_arn")
_NANOS = Decimal(1_000_000_000)


def read_document(document: bytes | str | Mapping[str, Any], *, trace_id: str | None = None, redactor: Redactor = DEFAULT) -> list[Segment]:
    """Reads a segment document, or an independent subsegment's: gives the segment, then its embedded subsegments, level by level.

    Args:
        document: JSON text, or its object.
        trace_id: the canonical id of the trace that the document came with, if any.
        redactor: takes secrets out.

    Raises BadInputError if it is no JSON object, belongs to no trace, or names another trace than ``trace_id``.
    """
    return read_segments(content_of(document, redactor), trace_id)


def read_segments(content: Mapping[str, Any], trace_id: str | None) -> list[Segment]:
    """Does the same as `read_document` for an object that is redacted already."""
    own = parse_trace_id(as_text(content.get("trace_id")))
    if own is None and trace_id is None:
        raise BadInputError("the segment document names no trace: trace_id is missing or is none")
    if own and trace_id and own != trace_id:
        raise BadInputError(f"the segment document names another trace, {own}, than {trace_id}, which it came with")
    try:
        return list(_walk(content, own or trace_id or ""))
    except RecursionError as error:
        raise BadInputError("the segment document is nested too deep") from error


def _walk(document: Mapping[str, Any], trace_id: str) -> Iterator[Segment]:
    waiting: deque[tuple[Mapping[str, Any], SegmentFact | None]] = deque([(document, None)])
    while waiting:
        content, parent = waiting.popleft()
        fact = _fact(content, trace_id, parent)
        yield Segment(
            trace_id=trace_id,
            fact=fact,
            exceptions=tuple(_exceptions(content.get("cause"))),
            links=tuple(links_in(content.get("links"), trace_key="trace_id", span_key="id")),
            attributes=_attributes(content),
        )
        subsegments = content.get("subsegments")
        if isinstance(subsegments, list):
            waiting += ((subsegment, fact) for subsegment in subsegments if isinstance(subsegment, dict))


def _fact(content: Mapping[str, Any], trace_id: str, parent: SegmentFact | None) -> SegmentFact:
    http, aws = _object(content.get("http")), _object(content.get("aws"))
    request = _object(http.get("request"))
    gateway = _object(aws.get("api_gateway"))
    # empty where no OpenTelemetry SDK wrote it
    attributes = otel.attributes_of_segment(content.get("annotations"), content.get("metadata"))
    exceptions = tuple(_exceptions(content.get("cause")))
    exception = exceptions[0] if exceptions else ExceptionFact()
    name = as_text(content.get("name"))[:LONGEST_NAME]
    subsegment = parent is not None or content.get("type") == "subsegment"
    namespace = as_text(content.get("namespace"))
    start, end = nanos_of(content.get("start_time")), nanos_of(content.get("end_time"))
    fault, error, throttle = (content.get(flag) is True for flag in ("fault", "error", "throttle"))
    cause = _has_cause(content.get("cause"))
    status = _status(http, aws, attributes)
    error_type = otel.error_type_in(attributes)
    unmarked = (status or 0) >= _SERVER_ERROR and not (fault or error or throttle or cause or error_type)
    # only what failed has an error.type (OpenTelemetry's semantic conventions, "Recording errors")
    fault = fault or (bool(error_type) and not (error or throttle or _CLIENT_ERROR <= (status or 0) < _SERVER_ERROR))
    handler = not subsegment and not content.get("origin") and otel.is_on_lambda(attributes, attributes)
    id_ = _id(content.get("id"), trace_id) or _made_up_id(content, trace_id, parent)
    parent_id = parent.id if parent else _id(content.get("parent_id"), trace_id)
    return SegmentFact(
        id=id_,
        parent_id=parent_id if parent_id != id_ else "",
        name=name,
        service_name="" if subsegment else name,
        subsegment=subsegment,
        origin=otel.FUNCTION if handler else as_text(content.get("origin")),
        handler=handler,
        namespace=namespace,
        start=start if start is not None else end,
        end=end,
        # a subsegment that is open in a closed document never closes
        in_progress=content.get("in_progress") is True and (parent is None or parent.in_progress),
        fault=fault,
        error=error,
        throttle=throttle,
        cause=cause,
        failed_items=_failed_items(aws),
        graphql_errors=otel.graphql_errors_in(attributes, events=0, marked=max(len(exceptions), 1) if fault and not namespace else 0),
        unmarked=unmarked,
        status=status,
        method=as_text(request.get("method")) or otel.method_in(attributes),
        url=(as_text(request.get("url")) or otel.url_in(attributes))[:LONGEST_MESSAGE],
        operation=as_text(aws.get("operation")) or otel.operation_in(attributes),
        target=_target(aws, namespace, attributes)[:LONGEST_NAME],
        request_id=as_text(aws.get("request_id")) or as_text(gateway.get("request_id")) or otel.request_id_in(attributes),
        function_error=as_text(aws.get("function_error")) or otel.function_error_in(attributes),
        traced=content.get("traced") is True or request.get("traced") is True,
        inferred=content.get("inferred") is True,
        exception_type=exception.type or error_type,
        exception_message=exception.message,
        links=linked_traces(links_in(content.get("links"), trace_key="trace_id", span_key="id"), trace_id),
        annotations=annotations_in(content.get("annotations")),
        durable=durable_in(otel.values_of_segment(content.get("annotations"), content.get("metadata"))),
    )


def _status(http: Mapping[str, Any], aws: Mapping[str, Any], attributes: Mapping[str, Any]) -> int | None:
    """The status in the object for it; else that of an AWS call, or of the span that the segment was made of."""
    named = (_object(http.get("response")).get("status"), aws.get("status_code"))
    found = (http_status_in(value) for value in named)
    return next((status for status in found if status is not None), None) or otel.status_in(attributes)


def _target(aws: Mapping[str, Any], namespace: str, attributes: Mapping[str, Any]) -> str:
    """The resource of an AWS call, as an SDK names it: X-Ray's, or OpenTelemetry's."""
    named = next((text for key in _TARGETS if (text := as_text(aws.get(key)))), "")
    return named or (otel.target_in(attributes) if namespace else "")


def _failed_items(aws: Mapping[str, Any]) -> int:
    """How many items of a batch call failed; the X-Ray SDKs write it for SQS (`aws_para_whitelist.json`: failed_count, failed)."""
    count, failed = aws.get("failed_count"), aws.get("failed")
    return len(failed) if isinstance(failed, list) else int(count) if isinstance(count, int | Decimal) and 0 < count < _MOST_ITEMS else 0


def _id(value: object, trace_id: str) -> str:
    """A segment's id, hashed if X-Ray would not allow it; empty if there is none."""
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
        return ""
    return parse_span_id(str(value)) or _hash(trace_id, str(value))


def _made_up_id(content: Mapping[str, Any], trace_id: str, parent: SegmentFact | None) -> str:
    # the same document must get the same id each time
    start = content.get("start_time")
    begun = start if isinstance(start, str) else str(nanos_of(start))
    return _hash(trace_id, parent.id if parent else "", as_text(content.get("name")), begun)


def _hash(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def nanos_of(value: object) -> int | None:
    """Turns epoch seconds (a number, or its text) into nanoseconds; None if OpenSearch can't hold such a time."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        nanos = (value if isinstance(value, Decimal) else Decimal(str(value))) * _NANOS
        return int(nanos) if nanos.is_finite() and 0 < nanos <= LAST_NANO else None
    except (ArithmeticError, ValueError):
        return None


def _has_cause(cause: object) -> bool:
    """Whether a cause holds anything: Step Functions writes an empty one on success."""
    if isinstance(cause, dict):
        return bool(cause.get("exceptions") or cause.get("message"))
    return isinstance(cause, str) and bool(cause)


def _exceptions(cause: object) -> Iterator[ExceptionFact]:
    exceptions = cause.get("exceptions") if isinstance(cause, dict) else None
    for exception in exceptions if isinstance(exceptions, list) else ():
        if isinstance(exception, dict):
            yield ExceptionFact(
                as_text(exception.get("type")),
                as_text(exception.get("message"))[:LONGEST_MESSAGE],
                _stack(exception.get("stack")),
            )


def _stack(stack: object) -> str:
    frames = [frame for frame in stack if isinstance(frame, dict)] if isinstance(stack, list) else []
    return "\n".join(
        f"  at {as_text(frame.get('label'))} ({as_text(frame.get('path'))}:{as_text(frame.get('line')) or storable(frame.get('line', ''))})"
        for frame in frames[:_MOST_FRAMES]
    )


def _attributes(content: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of the span document. Only objects are kept, so that no field's type clashes."""
    kept = {key: storable(value) for key in ("annotations", "metadata", "http", "aws", "sql", "service")
            if isinstance(value := content.get(key), dict) and value}  # fmt: skip
    xray = {key: storable(content[key]) for key in ("origin", "namespace", "fault", "error", "throttle", "in_progress", "resource_arn",
                                                 "user", "inferred")
            if isinstance(content.get(key), str | bool)}  # fmt: skip
    return kept | ({"xray": xray} if xray else {})


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
