"""Floor: does what no design can avoid: gunzip, typed parse of the document and of every JSON line, NDJSON, gzip.

It makes the pipeline's documents, one typed value an event, by the shortest way that there is for this very mix of lines: JSON
lines are taken to be Powertools' or API Gateway's and well formed, text lines are searched with one expression for each kind of
id, the time is rendered a second at a time. No id is checked, no line correlated, no severity or signal looked for in text, no
address hashed, nothing odd expected, nothing bounded. It stays as it is, so that the figures of all days compare: base64 is decoded by
Python itself, though a library does so faster.
"""

import base64
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from isal import igzip


class _Event(msgspec.Struct, gc=False):
    id: str
    timestamp: int
    message: str


class _Batch(msgspec.Struct, gc=False, rename="camel"):
    log_events: list[_Event]


class _Line(msgspec.Struct, gc=False):
    level: str = ""
    message: str = ""
    service: str = ""
    function_request_id: str = ""
    correlation_id: str = ""
    xray_trace_id: str = ""
    requestId: str = ""  # noqa: N815
    xrayTraceId: str = ""  # noqa: N815


class _Address(msgspec.Struct, gc=False):
    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")


class _Create(msgspec.Struct, gc=False):
    create: _Address


class _XRay(msgspec.Struct, gc=False, rename="camel"):
    trace_id: str


class _Document(msgspec.Struct, gc=False, rename="camel", omit_defaults=True):
    timestamp: str = msgspec.field(name="@timestamp")
    doc: msgspec.Raw
    aws: msgspec.Raw
    event_id: str
    body: str
    service_name: str
    id_source: str
    trace_id: str = ""
    xray: _XRay | None = None
    trace: msgspec.Raw | None = None
    request_id: str = ""
    correlation_id: tuple[str, ...] = ()
    severity: msgspec.Raw | None = None
    attributes: msgspec.Raw | None = None


_REQUEST = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CORRELATION = re.compile(r"correlation[ _-]?id[=: ]+(\S+)", re.IGNORECASE)
_TRACE = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_KIND = msgspec.Raw(b'{"kind":"log"}')
_PENDING = msgspec.Raw(b'{"state":"pending","version":0}')
_SEVERITIES = {name: msgspec.Raw(b'{"text":"%b","number":9}' % name.encode()) for name in ("DEBUG", "INFO", "WARNING", "ERROR")}
_AWS = msgspec.Raw(
    b'{"accountId":"123456789012","region":"eu-west-1","logGroup":"/aws/lambda/orders-create",'
    b'"logStream":"2026/11/24/[$LATEST]0123456789abcdef0123456789abcdef"}'
)
_batch = msgspec.json.Decoder(_Batch)
_line = msgspec.json.Decoder(_Line)
_encoder = msgspec.json.Encoder()


def floor(event: dict[str, Any]) -> bytes:
    """Returns the gzipped bulk body of ``event``, made with as little work as possible."""
    data = igzip.decompress(base64.b64decode(event["awslogs"]["data"]))
    parts: list[object] = []
    second, day_and_second = 0, ""
    for log_event in _batch.decode(data).log_events:
        now, milliseconds = divmod(log_event.timestamp, 1000)
        if now != second:
            second, day_and_second = now, f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S}"
        parts.append(_Create(_Address("tracejoin-logs-2026.05.28", "0123456789abcdef0123-" + log_event.id)))
        parts.append(_document(log_event, f"{day_and_second}.{milliseconds:03d}Z"))
    return igzip.compress(_encoder.encode_lines(parts), 1)


def _document(event: _Event, at: str) -> _Document:
    message = event.message
    if message[0] == "{":
        line = _line.decode(message)
        xray_id = line.xray_trace_id or line.xrayTraceId
        return _Document(at, _KIND, _AWS, event.id, line.message, line.service, "inline", xray_id[2:10] + xray_id[11:], _XRay(xray_id),
                         _PENDING, line.function_request_id or line.requestId, (line.correlation_id,), _SEVERITIES.get(line.level),
                         msgspec.Raw(message))  # fmt: skip
    request = _REQUEST.search(message)
    trace = _TRACE.search(message)
    correlation = _CORRELATION.search(message) if "orrelation" in message else None
    xray_id = trace[0] if trace else ""
    return _Document(at, _KIND, _AWS, event.id, message, "orders-create", "inline" if trace else "none", xray_id[2:10] + xray_id[11:],
                     _XRay(xray_id) if trace else None, _PENDING if trace else None, request[0] if request else "",
                     (correlation[1],) if correlation else ())  # fmt: skip
