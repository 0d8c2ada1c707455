"""The one grammar of trace ids: X-Ray, W3C, tracing headers.

A trace id is 128 bits that two worlds write differently: X-Ray as ``1-5759e988-bd862e3fe1be46a994272793``, W3C and
OpenTelemetry as ``5759e988bd862e3fe1be46a994272793``. tracejoin keeps the second (OpenSearch's trace analytics skips
anything longer than 32 characters without a word) and renders the first when X-Ray or a person wants it.

Sources: AWS X-Ray developer guide, "Tracing header" and "Trace ID format"; W3C Trace Context, section 3.2.
"""

import re
from typing import Final, NamedTuple

from pipeline.model.memo import Memo

HEADER = re.compile(r"root=1-[0-9a-f]{8}-[0-9a-f]{24}(?:;[\w-]+=[\w:|?.-]*)*", re.IGNORECASE)
NAMED_W3C = re.compile(
    r"trace[_.-]?(?:id|parent)[\"']?\s{0,4}[=:]\s{0,4}[\"']?((?:[0-9a-f]{2}-)?[0-9a-f]{32}(?:-[0-9a-f]{16}-[0-9a-f]{2})?)"
    r"(?![0-9a-zA-Z])",
    re.IGNORECASE,
)
_HEX32 = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_XRAY = re.compile(r"1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})", re.ASCII)
_SPAN = re.compile(r"[0-9a-fA-F]{16}", re.ASCII)
_TRACEPARENT = re.compile(r"([0-9a-fA-F]{2})-([0-9a-fA-F]{32})-([0-9a-fA-F]{16})-([0-9a-fA-F]{2})(?:-.*)?", re.ASCII)
_REQUEST = re.compile(r"[0-9A-Za-z_=+/.:-]{8,128}", re.ASCII)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_LONGEST_HEADER = 1024
LONGEST_ID = 128


class TraceHeader(NamedTuple):
    """What a tracing header says; an absent part is None.

    ``sampled`` is None where the header leaves the decision to the callee (``Sampled=?`` or no such field).
    """

    trace_id: str
    parent_id: str | None = None
    sampled: bool | None = None


def to_xray(trace_id: str) -> str:
    """X-Ray's rendering, ``1-8hex-24hex``, of a canonical trace id (32 lower-case hex digits)."""
    return f"1-{trace_id[:8]}-{trace_id[8:]}"


def parse_trace(text: str) -> TraceHeader | None:
    """The trace that ``text`` names in any form, with what comes with it.

    Beyond `parse_trace_id`'s forms this reads ``traceId@segmentId``, which the X-Ray SDK for Java puts into logs.
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
    """The canonical trace id (32 lower-case hex digits) that ``text`` holds, in any of its forms.

    Accepts X-Ray's and W3C's ids, an X-Ray tracing header and a ``traceparent``. Returns None for everything else:
    placeholders (``undefined``, all zeros, ``1-…xmpl…``), Datadog's decimal ids, UUIDs with hyphens.
    """
    text = text.strip()
    if match := _XRAY.fullmatch(text):
        return _real(match[1] + match[2])
    if _HEX32.fullmatch(text):
        return _real(text)
    header = parse_header(text) or parse_traceparent(text)
    return header.trace_id if header else None


def parse_span_id(text: str) -> str | None:
    """The canonical span or segment id (16 lower-case hex digits), or None where ``text`` is none."""
    text = text.strip()
    return text.lower() if _SPAN.fullmatch(text) and text != _NO_SPAN else None


def parse_header(text: str) -> TraceHeader | None:
    """An X-Ray tracing header (``Root=…;Parent=…;Sampled=…;Lineage=…;Self=…``), in any order and case.

    Returns None where there is no ``Root`` with a real trace id; unknown and broken fields are passed over.
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
    """A W3C ``traceparent`` (``version-traceid-parentid-flags``); None where it is not valid."""
    match = _TRACEPARENT.fullmatch(text.strip()) if len(text) <= _LONGEST_HEADER else None
    if match is None or match[1].lower() == "ff":
        return None
    trace_id, parent_id = _real(match[2]), parse_span_id(match[3])
    if trace_id is None or parent_id is None:
        return None
    return TraceHeader(trace_id, parent_id, bool(int(match[4], 16) & 1))


def parse_request_id(text: str) -> str | None:
    """``text`` where it can be a request id of Lambda or API Gateway."""
    return text if _REQUEST.fullmatch(text) else None


def parse_correlation_id(text: str) -> str | None:
    """``text`` as a correlation id, or None where it is a placeholder, empty or too long to be one."""
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
"""What `parse_trace` makes of a text, kept; as plain tuples, since Python takes long to take another one apart."""
REQUEST_IDS: Final = Memo(parse_request_id)
"""What `parse_request_id` makes of a text, kept."""


def find_headers(text: str) -> list[TraceHeader]:
    """Every tracing header (X-Amzn-Trace-Id, AWSTraceHeader, traceparent) that ``text`` shows, in order."""
    found = [header for match in HEADER.finditer(text) if (header := parse_header(match[0]))]
    if "raceparent" in text:
        found += [header for match in NAMED_W3C.finditer(text) if (header := parse_traceparent(match[1]))]
    return found
