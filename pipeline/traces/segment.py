"""Segment: the one form of X-Ray segments and OpenTelemetry spans, and what the readers of both share."""

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, cast

import msgspec

from pipeline.errors import BadInputError
from pipeline.model.facts import Annotation, SegmentFact
from pipeline.model.json_values import annotation, as_text, is_annotation_key, number_of
from pipeline.model.trace_ids import parse_span_id, parse_trace_id
from pipeline.model.trace_state import TraceState, merge_by_trace
from pipeline.redact.redactor import Redactor

_HIGHEST_STATUS = 1000
LONGEST_MESSAGE = 500
# X-Ray allows 200 characters (AWS X-Ray developer guide, "X-Ray segment documents")
LONGEST_NAME = 256
_MOST_LINKS = 100
# date_nanos ends in 2262
LAST_NANO = 2**63 - 1


class ExceptionFact(msgspec.Struct, frozen=True):
    """One exception in the cause of a segment, or of a span."""

    type: str = ""
    message: str = ""
    stack: str = ""


class SpanLink(msgspec.Struct, frozen=True):
    """A link to a span of another trace."""

    trace_id: str
    span_id: str


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, subsegment or OpenTelemetry span: the facts that a verdict needs, and what its span document shows besides.

    Attributes:
        kind: OpenTelemetry's span kind, if the source names one.
        resource: the attributes of the resource, if the source names one.
    """

    trace_id: str
    fact: SegmentFact
    exceptions: tuple[ExceptionFact, ...] = ()
    links: tuple[SpanLink, ...] = ()
    attributes: dict[str, Any] = {}
    kind: str = ""
    resource: dict[str, Any] = {}


def facts_of_segments(segments: Iterable[Segment]) -> dict[str, TraceState]:
    """Gives the state that follows from ``segments`` alone, by trace id."""
    return merge_by_trace((segment.trace_id, TraceState(segments={segment.fact.id: segment.fact})) for segment in segments)


def of_account(segment: Segment, account: str) -> Segment:
    """Gives ``segment`` with a fact that says which account it comes from, where that is not the stack's own."""
    return msgspec.structs.replace(segment, fact=msgspec.structs.replace(segment.fact, account=account))


def content_of(document: bytes | str | Mapping[str, Any], redactor: Redactor) -> Mapping[str, Any]:
    """Gives a document's JSON object with its secrets redacted. Raises BadInputError if it is no JSON object."""
    if isinstance(document, str):
        return parse(redactor.text(document))
    return cast("Mapping[str, Any]", redactor.value(document if isinstance(document, Mapping) else parse(document)))


def parse(document: bytes | str) -> Mapping[str, Any]:
    """Parses a document's JSON object. Raises BadInputError if it is no JSON object."""
    try:
        # a float would lose the nanoseconds of a time
        content = json.loads(document, parse_float=number_of)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"the document is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInputError("the document is no JSON object")
    return content


def http_status_in(value: object) -> int | None:
    """Gives the HTTP status in a number or its text; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:9])
    if isinstance(value, Decimal | float):
        return int(value) if isfinite(value) and 0 < value < _HIGHEST_STATUS else None
    return value if isinstance(value, int) and 0 < value < _HIGHEST_STATUS else None


def annotations_in(content: object) -> tuple[tuple[str, Annotation], ...]:
    """Gives the annotations that X-Ray would index, as pairs of key and typed value, sorted by key."""
    entries = content.items() if isinstance(content, dict) else ()
    found = ((key, annotation(value)) for key, value in entries if is_annotation_key(key))
    return tuple(sorted(((key, value) for key, value in found if value is not None), key=lambda pair: pair[0]))


def links_in(links: object, *, trace_key: str, span_key: str) -> Iterator[SpanLink]:
    """Gives the valid links in a JSON list of objects with these keys."""
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict):
            trace_id, span_id = parse_trace_id(as_text(link.get(trace_key))), parse_span_id(as_text(link.get(span_key)))
            if trace_id and span_id:
                yield SpanLink(trace_id, span_id)


def linked_traces(links: Iterable[SpanLink], trace_id: str) -> tuple[str, ...]:
    """Gives the ids of other traces in ``links``, sorted; X-Ray allows a hundred a trace (AWS X-Ray developer guide, "Trace linking")."""
    return tuple(sorted({link.trace_id for link in links} - {trace_id})[:_MOST_LINKS])
