"""Kept once: a JSON line's attributes are what no other field of its document holds; the line itself stands beside them as it was written.

OpenSearch's `flat_object` holds each value four times: alone and behind its path, both as a term and as a doc value. So a value that has a
field of its own, which is searched by that field, is left out. The whole text is not indexed, and costs little.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import UNSET

from pipeline.logs.extract.json_keys import DECODE_ERRORS, without_half_pairs
from pipeline.logs.extract.log_line import MENTIONED, LogLine
from pipeline.logs.extract.writer_keys import FREQUENT, FrequentKeys
from pipeline.model.memo import Memo
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray

XRAY_FORMS: Final = Memo(to_xray)
"""A trace id in X-Ray's rendering, by the canonical one."""

_TIMES: Final = frozenset({"timestamp", "@timestamp", "Timestamp", "time"})
_TRACES: Final = frozenset({
    "xray_trace_id", "xrayTraceId", "XRayTraceId", "trace_id", "traceId", "TraceId", "trace.id", "AWS-XRAY-TRACE-ID",
})  # fmt: skip
SHOWN: Final = _TIMES | _TRACES | {
    "message", "msg", "body", "Message",
    "requestId", "request_id", "RequestId", "awsRequestId", "aws_request_id", "AWSRequestId", "functionRequestId", "FunctionRequestId",
    "function_request_id", "integrationRequestId", "correlation_id", "correlationId", "CorrelationId",
}  # fmt: skip
"""The keys whose value may be that of a field: time, body, request, trace and correlation id."""

TO_SECOND: Final = len("2026-11-24 10:00:00")
"""The length of the shortest text that is a time."""

_LAST_MILLISECOND: Final = 253_402_300_799_999

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=msgspec.Raw).decode
_encode = msgspec.json.Encoder().encode


def leave_out(line: LogLine, keys: FrequentKeys) -> None:
    """Unsets those of ``keys``, the keys of a JSON line, that ``line`` holds in fields of its own; the time becomes its timestamp."""
    fields = _shown_fields(keys.__class__)
    for name in _shown(line, ((name, getattr(keys, field)) for name, field in fields.items())):
        # its default, which is not encoded
        setattr(keys, fields[name], None if name in FREQUENT else UNSET)


def leave_out_of_text(line: LogLine, message: str) -> None:
    """Sets the attributes of ``line`` to those keys of the JSON ``message`` that it does not hold in fields of its own.

    They stay as they are where ``message`` has a number or a nesting that cannot be decoded.
    """
    with suppress(*DECODE_ERRORS):
        keys = _decode(without_half_pairs(message))
        line.timestamp = ""
        for name in _shown(line, ((name, keys[name]) for name in SHOWN.intersection(keys))):
            del keys[name]
        line.attributes = msgspec.Raw(_encode(keys))


def put_time_back(line: LogLine, message: str, time: str) -> None:
    """Adds ``time``, as it was taken from the JSON ``message``, to the attributes of ``line`` again: it is not that of the event."""
    keys = _decode(without_half_pairs(message))
    times = {name: keys[name] for name in _TIMES.intersection(keys) if time_of(keys[name]) == time}
    line.attributes = msgspec.Raw(_encode(_decode(line.attributes or b"{}") | times))


def time_of(value: object) -> str:
    """The time that ``value`` is, as text that begins with an ISO 8601 date; empty if it is none.

    Args:
        value: text, or milliseconds since the epoch.
    """
    if value.__class__ is str:
        return value if len(value) >= TO_SECOND and value[4] == "-" else ""
    return iso_millis(value) if value.__class__ is int and 0 < value <= _LAST_MILLISECOND else ""


@lru_cache(maxsize=256)
def _shown_fields(kind: type[FrequentKeys]) -> dict[str, str]:
    """The fields of a writer's struct that may be left out, by the key that they hold."""
    fields = zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
    return {name: field for name, field in fields if name in SHOWN}


def _shown(line: LogLine, values: Iterable[tuple[str, Any]]) -> list[str]:
    """The keys whose value ``line`` has in fields of its own, one time among them, which becomes its timestamp."""
    trace_id = line.trace_id
    traces = (trace_id, XRAY_FORMS[trace_id]) if trace_id and line.id_source != MENTIONED else ()
    others = (line.body, line.request_id, line.integration_request_id, *line.correlation_ids)
    found: list[str] = []
    for name, value in values:
        if name in _TIMES:
            if not line.timestamp and (time := time_of(value)):
                line.timestamp = time
                found.append(name)
        elif value and value in (traces if name in _TRACES else others):
            found.append(name)
    return found
