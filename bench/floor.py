"""The floor: what no design can avoid. Gunzip, typed parse of the document and of every JSON line, NDJSON, gzip.

It makes one typed document an event, with the same fields as the pipeline's, on the assumption that every line is well formed
and every JSON line is Powertools' or API Gateway's: nothing is checked, a text line is searched for a request id only, no line attributed,
no severity judged, no address hashed, no day computed.
"""

import base64
import re
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


class _Place(msgspec.Struct, gc=False):
    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")


class _Create(msgspec.Struct, gc=False):
    create: _Place


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
_KIND = msgspec.Raw(b'{"kind":"log"}')
_PENDING = msgspec.Raw(b'{"state":"pending","version":0}')
_SEVERITY = msgspec.Raw(b'{"text":"INFO","number":9}')
_AWS = msgspec.Raw(
    b'{"accountId":"123456789012","region":"eu-west-1","logGroup":"/aws/lambda/orders-create",'
    b'"logStream":"2026/11/24/[$LATEST]0123456789abcdef0123456789abcdef"}'
)
_batch = msgspec.json.Decoder(_Batch)
_line = msgspec.json.Decoder(_Line)
_encoder = msgspec.json.Encoder()


def floor(event: dict[str, Any]) -> bytes:
    """The gzipped bulk body of ``event``, made with as little work as can be."""
    data = igzip.decompress(base64.b64decode(event["awslogs"]["data"]))
    parts: list[object] = []
    for log_event in _batch.decode(data).log_events:
        parts.append(_Create(_Place("tracejoin-logs-2026.05.28", "0123456789abcdef0123-" + log_event.id)))
        parts.append(_document(log_event))
    return igzip.compress(_encoder.encode_lines(parts), 1)


def _document(event: _Event) -> _Document:
    message = event.message
    if message[0] != "{":
        found = _REQUEST.search(message)
        request_id = found[0] if found else ""
        return _Document("2026-05-28T20:26:40.000Z", _KIND, _AWS, event.id, message, "orders-create", "none",
                         request_id=request_id)  # fmt: skip
    line = _line.decode(message)
    xray_id = line.xray_trace_id or line.xrayTraceId
    return _Document("2026-05-28T20:26:40.000Z", _KIND, _AWS, event.id, line.message, line.service, "inline",
                     xray_id[2:10] + xray_id[11:], _XRay(xray_id), _PENDING, line.function_request_id or line.requestId,
                     (line.correlation_id,), _SEVERITY, msgspec.Raw(message))  # fmt: skip
