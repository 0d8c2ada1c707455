"""Trace ids: the grammar of trace ids and tracing headers of X-Ray and W3C; `tracing_headers` finds them in text.

A trace id has 128 bits. X-Ray writes it as ``1-5759e988-bd862e3fe1be46a994272793``, W3C and OpenTelemetry as
``5759e988bd862e3fe1be46a994272793``. tracejoin stores the second, canonical form (OpenSearch's trace analytics silently
skips anything longer than 32 characters) and renders the first where X-Ray or a person needs it.

Sources: AWS X-Ray developer guide, "Tracing header" and "Trace ID format"; W3C Trace Context, section 3.2.
"""

import re
from typing import Final, NamedTuple

from pipeline.model.memo import Memo

UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
"""The expression of a UUID, as Lambda's request ids are; to be matched in any case."""
_HEX32 = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_CANONICAL = re.compile(r"[0-9a-f]{32}", re.ASCII)
_XRAY = re.compile(r"1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})", re.ASCII)
_SPAN = re.compile(r"[0-9a-fA-F]{16}", re.ASCII)
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_REQUEST = re.compile(r"[0-9A-Za-z_=+/.:-]{8,128}", re.ASCII)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_LONGEST_HEADER = 1024
LONGEST_ID = 128


class TraceHeader(NamedTuple):
    """The fields of a tracing header; an absent one is None.

    ``sampled`` is None if the header leaves the decision to the callee (``Sampled=?`` or no such field).
    """

    trace_id: str
    parent_id: str | None = None
    sampled: bool | None = None


def to_xray(trace_id: str) -> str:
    """Renders a canonical trace id (32 lower-case hex digits) in X-Ray's form, ``1-8hex-24hex``."""
    return f"1-{trace_id[:8]}-{trace_id[8:]}"


def parse_trace(text: str) -> TraceHeader | None:
    """Parses a trace id or tracing header in any form, with its parent and sampling; None if ``text`` is neither.

    Beyond the forms of `parse_trace_id` it reads ``traceId@segmentId``, which the X-Ray SDK for Java puts into logs.
    """
    if len(text) > _LONGEST_HEADER:
        return None
    trace, _, segment = text.partition("@")
    header = parse_header(trace) or parse_traceparent(trace)
    if header is None:
        trace_id = parse_trace_id(trace)
        header = TraceHeader(trace_id) if trace_id else None
    return header._replace(parent_id=parse_span_id(segment)) if header and segment else header


def parse_trace_id(text: str) -> str | None:
    """Parses a trace id in any form into the canonical one (32 lower-case hex digits).

    It accepts X-Ray's and W3C's ids, an X-Ray tracing header and a ``traceparent``. It returns None for everything else:
    placeholders (``undefined``, all zeros, ``1-…xmpl…``), Datadog's decimal ids, UUIDs with hyphens.
    """
    text = text.strip()
    if match := _XRAY.fullmatch(text):
        return _real(match[1] + match[2])
    if _HEX32.fullmatch(text):
        return _real(text)
    header = parse_header(text) or parse_traceparent(text)
    return header.trace_id if header else None


def is_trace_id(value: object) -> bool:
    """Whether ``value`` is a canonical trace id: 32 lower-case hex digits, not all of them zeros."""
    return isinstance(value, str) and value != _NO_TRACE and _CANONICAL.fullmatch(value) is not None


def parse_span_id(text: str) -> str | None:
    """Parses a span or segment id into the canonical one (16 lower-case hex digits); None if ``text`` is none."""
    text = text.strip()
    return text.lower() if _SPAN.fullmatch(text) and text != _NO_SPAN else None


def parse_header(text: str) -> TraceHeader | None:
    """Parses an X-Ray tracing header (``Root=…;Parent=…;Sampled=…;Lineage=…;Self=…``), in any order and case.

    It returns None if there is no ``Root`` with a real trace id, and ignores unknown and broken fields.
    """
    if len(text) > _LONGEST_HEADER or "=" not in text:
        return None
    fields: dict[str, str] = {}
    for part in text.split(";"):
        key, separator, value = part.partition("=")
        if separator:
            fields.setdefault(key.strip().lower(), value.strip())
    match = _XRAY.fullmatch(fields.get("root", ""))
    trace_id = _real(match[1] + match[2]) if match else None
    if trace_id is None:
        return None
    return TraceHeader(trace_id, parse_span_id(fields.get("parent", "")), _SAMPLED.get(fields.get("sampled", "")))


def parse_traceparent(text: str) -> TraceHeader | None:
    """Parses a W3C ``traceparent`` (``version-traceid-parentid-flags``); None if it is not valid.

    Its digits are lower-case, and only a version after 00 may append fields.
    """
    match = _TRACEPARENT.fullmatch(text.strip()) if len(text) <= _LONGEST_HEADER else None
    if match is None or match[1] == "ff" or (match[5] is not None and match[1] == "00"):
        return None
    trace_id, parent_id = _real(match[2]), parse_span_id(match[3])
    if trace_id is None or parent_id is None:
        return None
    return TraceHeader(trace_id, parent_id, bool(int(match[4], 16) & 1))


def parse_request_id(text: str) -> str | None:
    """Returns ``text`` if it can be a request id of Lambda or API Gateway; else None."""
    return text if _REQUEST.fullmatch(text) else None


def parse_correlation_id(text: str) -> str | None:
    """Returns ``text``, without outer white space, as a correlation id; None if it is a placeholder, empty or too long."""
    if LONGEST_PLACEHOLDER < len(text) <= LONGEST_ID:
        return text
    text = text.strip()
    return None if text.lower() in _PLACEHOLDERS or len(text) > LONGEST_ID else text


def _real(digits: str) -> str | None:
    digits = digits.lower()
    return None if digits == _NO_TRACE else digits


_SAMPLED = {"1": True, "0": False}
_PLACEHOLDERS = frozenset({"", "-", "?", "undefined", "null", "none", "nil", "unknown", "n/a"})
LONGEST_PLACEHOLDER = max(map(len, _PLACEHOLDERS))


def _parts(text: str) -> tuple[str, str | None, bool | None] | None:
    header = parse_trace(text)
    return None if header is None else (header.trace_id, header.parent_id, header.sampled)


TRACES: Final = Memo(_parts)
"""The cached results of `parse_trace`, as plain tuples, since Python unpacks those faster than a named tuple."""
REQUEST_IDS: Final = Memo(parse_request_id)
"""The cached results of `parse_request_id`."""
