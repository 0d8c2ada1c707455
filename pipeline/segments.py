"""Segments: X-Ray's documents, read. Odd content degrades, it never raises: a document that is half readable is half a span.

Source: AWS X-Ray developer guide, "X-Ray segment documents". Shapes beyond it were seen in recorded traces: an empty `cause`
on success, times as `1.692291184114E9`, a `cause` that is an id or a number.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any

import msgspec

from pipeline.errors import BadInputError
from pipeline.ids import parse_span_id, parse_trace_id
from pipeline.state import SegmentFact

_HIGHEST_STATUS = 1000
_DEEPEST = 64
_MOST = 5000
_LONGEST_MESSAGE = 500
_NANOS = Decimal(1_000_000_000)
# date_nanos ends in 2262
_LAST = 2**63 - 1


class ExceptionFact(msgspec.Struct, frozen=True):
    """One exception of a segment's cause."""

    type: str = ""
    message: str = ""
    stack: str = ""


class Link(msgspec.Struct, frozen=True):
    """A link to a span of another trace."""

    trace_id: str
    span_id: str


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment or subsegment: the facts that a verdict needs, and what only its span shows."""

    trace_id: str
    fact: SegmentFact
    exceptions: tuple[ExceptionFact, ...] = ()
    links: tuple[Link, ...] = ()
    attributes: dict[str, Any] = {}


def read_document(document: bytes | str | Mapping[str, Any], *, trace_id: str | None = None) -> list[Segment]:
    """A segment document, or an independent subsegment's, as a list: the segment, then its embedded subsegments.

    Args:
        document: JSON text, or its object.
        trace_id: canonical; for a document that names none.

    Raises BadInputError where it is no JSON object, or belongs to no trace.
    """
    content = document if isinstance(document, Mapping) else _parse(document)
    own = parse_trace_id(_text(content.get("trace_id"))) or trace_id
    if own is None:
        raise BadInputError("the segment document names no trace: trace_id is missing or is none")
    return list(_walk(content, own, None, 0))[:_MOST]


def _parse(document: bytes | str) -> Mapping[str, Any]:
    try:
        # every number as text, so that times keep their nanoseconds
        content = json.loads(document, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"the segment document is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInputError("the segment document is no JSON object")
    return content


def _walk(content: Mapping[str, Any], trace_id: str, parent: SegmentFact | None, depth: int) -> Iterator[Segment]:
    fact = _fact(content, trace_id, parent)
    exceptions = tuple(_exceptions(content.get("cause")))
    yield Segment(trace_id=trace_id, fact=fact, exceptions=exceptions, links=tuple(_links(content.get("links"))),
                  attributes=_attributes(content))  # fmt: skip
    subsegments = content.get("subsegments")
    if isinstance(subsegments, list) and depth < _DEEPEST:
        for subsegment in subsegments:
            if isinstance(subsegment, Mapping):
                yield from _walk(subsegment, trace_id, fact, depth + 1)


def _fact(content: Mapping[str, Any], trace_id: str, parent: SegmentFact | None) -> SegmentFact:
    http, aws = _object(content.get("http")), _object(content.get("aws"))
    request = _object(http.get("request"))
    gateway = _object(aws.get("api_gateway"))
    exceptions = list(_exceptions(content.get("cause")))
    name = _text(content.get("name"))
    subsegment = parent is not None or content.get("type") == "subsegment"
    start = _nanos(content.get("start_time"))
    end = _nanos(content.get("end_time"))
    status = _status(_object(http.get("response")).get("status"))
    return SegmentFact(
        id=parse_span_id(_text(content.get("id"))) or _made_up_id(content, trace_id),
        parent_id=parent.id if parent else parse_span_id(_text(content.get("parent_id"))) or "",
        name=name,
        service_name=parent.service_name if parent else name,
        subsegment=subsegment,
        origin=_text(content.get("origin")),
        namespace=_text(content.get("namespace")),
        start=start if start is not None else parent.start if parent else end,
        end=end,
        in_progress=content.get("in_progress") is True,
        fault=content.get("fault") is True,
        error=content.get("error") is True,
        throttle=content.get("throttle") is True,
        cause=_has_cause(content.get("cause")),
        status=status if status is not None else _status(aws.get("status_code")),
        method=_text(request.get("method")),
        url=_text(request.get("url"))[:_LONGEST_MESSAGE],
        operation=_text(aws.get("operation")),
        request_id=_text(aws.get("request_id")) or _text(gateway.get("request_id")),
        function_error=_text(aws.get("function_error")),
        traced=content.get("traced") is True or request.get("traced") is True,
        inferred=content.get("inferred") is True,
        exception_type=exceptions[0].type if exceptions else "",
        exception_message=exceptions[0].message if exceptions else "",
    )


def _made_up_id(content: Mapping[str, Any], trace_id: str) -> str:
    # the same document must get the same id each time
    whole = json.dumps([trace_id, content], default=str, sort_keys=True)
    return blake2b(whole.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _nanos(value: object) -> int | None:
    """Epoch seconds (a number, or a number as text) as nanoseconds; None where it is no time that OpenSearch can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        nanos = Decimal(str(value)) * _NANOS
        return int(nanos) if nanos.is_finite() and 0 < nanos <= _LAST else None
    except InvalidOperation:
        return None


def _status(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:9])
    if isinstance(value, Decimal | float):
        # a NaN is below nothing
        return int(value) if 0 < value < _HIGHEST_STATUS else None
    return value if isinstance(value, int) and 0 < value < _HIGHEST_STATUS else None


def _has_cause(cause: object) -> bool:
    """Whether a cause says anything: Step Functions writes an empty one on success."""
    if isinstance(cause, Mapping):
        return bool(cause.get("exceptions") or cause.get("message"))
    return isinstance(cause, str) and bool(cause)


def _exceptions(cause: object) -> Iterator[ExceptionFact]:
    exceptions = cause.get("exceptions") if isinstance(cause, Mapping) else None
    for exception in exceptions if isinstance(exceptions, list) else ():
        if isinstance(exception, Mapping):
            yield ExceptionFact(
                _text(exception.get("type")),
                _text(exception.get("message"))[:_LONGEST_MESSAGE],
                _stack(exception.get("stack")),
            )


def _stack(stack: object) -> str:
    frames = [frame for frame in stack if isinstance(frame, Mapping)] if isinstance(stack, list) else []
    return "\n".join(f"  at {_text(frame.get('label'))} ({_text(frame.get('path'))}:{frame.get('line', '')})" for frame in frames[:50])


def _links(links: object) -> Iterator[Link]:
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping):
            trace_id, span_id = parse_trace_id(_text(link.get("trace_id"))), parse_span_id(_text(link.get("id")))
            if trace_id and span_id:
                yield Link(trace_id, span_id)


def _attributes(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a span shows beside its own fields, as objects only, so that its type never clashes."""
    kept = {key: dict(value) for key in ("annotations", "metadata", "http", "aws", "sql", "service")
            if isinstance(value := content.get(key), Mapping) and value}  # fmt: skip
    xray = {key: content[key] for key in ("origin", "namespace", "fault", "error", "throttle", "in_progress", "resource_arn",
                                          "user", "inferred")
            if isinstance(content.get(key), str | bool)}  # fmt: skip
    return kept | ({"xray": xray} if xray else {})


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
