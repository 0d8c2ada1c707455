"""aws/spans: segment documents become the OpenTelemetry spans that Transaction Search writes to the log group aws/spans.

Source: Amazon CloudWatch user guide, "Transaction Search" (segments are converted to spans; a span is a log event of `aws/spans`).
AWS documents only part of the attributes that it writes for each field of a segment: these are taken from recorded spans.
"""

import base64
import gzip
import itertools
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from pipeline.local.environment import ACCOUNT, REGION
from pipeline.local.xray_store import Document
from pipeline.model.log_groups import SPANS_LOG_GROUP
from pipeline.model.trace_ids import parse_trace_id

_event_ids = itertools.count(38_000_000_000_000_000_000 * 10**36)
_REMOTE: Final = frozenset({"aws", "remote"})


def spans_of(document: Document, *, service: str = "", parent_id: str = "") -> Iterator[dict[str, Any]]:
    """The spans of a segment document: one for itself and one for each of its subsegments, at any depth."""
    subsegment = bool(parent_id) or document.get("type") == "subsegment"
    service = service if subsegment else document["name"]
    span = {
        "resource": {"attributes": {"service.name": service or document["name"], "cloud.region": REGION, "cloud.account.id": ACCOUNT}},
        "scope": {"name": "aws.xray", "version": ""},
        "traceId": parse_trace_id(document["trace_id"]),
        "spanId": document["id"],
        "parentSpanId": parent_id or document.get("parent_id", ""),
        "name": document["name"],
        "kind": "SERVER" if not subsegment else "CLIENT" if document.get("namespace") in _REMOTE else "INTERNAL",
        "startTimeUnixNano": _nanos(document["start_time"]),
        "status": {"code": "ERROR" if document.get("fault") or document.get("error") else "UNSET"},
        "attributes": _attributes(document),
        "events": _events(document),
        "links": [{"traceId": parse_trace_id(link["trace_id"]), "spanId": link["id"]} for link in document.get("links", ())],
    }
    if document.get("end_time"):
        span["endTimeUnixNano"] = _nanos(document["end_time"])
        span["durationNano"] = span["endTimeUnixNano"] - span["startTimeUnixNano"]
    yield span
    for child in document.get("subsegments", ()):
        yield from spans_of(child | {"trace_id": document["trace_id"]}, service=service, parent_id=document["id"])


def subscription_event(spans: Iterable[dict[str, Any]], *, at: int) -> dict[str, Any]:
    """The event with ``spans`` that a function subscribed to `aws/spans` gets; ``at`` is in milliseconds since the epoch."""
    events = [{"id": str(next(_event_ids)), "timestamp": at, "message": json.dumps(span)} for span in spans]
    document = {"messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": SPANS_LOG_GROUP, "logStream": "default",
                "subscriptionFilters": ["tracejoin"], "logEvents": events}  # fmt: skip
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()}}


def _attributes(document: Document) -> dict[str, Any]:
    http, aws = document.get("http", {}), document.get("aws", {})
    request = http.get("request", {})
    attributes = {
        "aws.xray.origin": document.get("origin"),
        "aws.local.service": None if document.get("type") == "subsegment" else document["name"],
        "aws.request_id": aws.get("request_id"),
        "aws.function_error": aws.get("function_error"),
        "rpc.system": "aws-api" if document.get("namespace") == "aws" else None,
        "rpc.method": aws.get("operation"),
        "http.request.method": request.get("method"),
        "url.full": request.get("url"),
        "http.response.status_code": http.get("response", {}).get("status"),
        "aws.xray.annotations": list(document.get("annotations", ())) or None,
    } | document.get("annotations", {})  # fmt: skip
    return {name: value for name, value in attributes.items() if value is not None}


def _events(document: Document) -> list[dict[str, Any]]:
    cause = document.get("cause")
    exceptions = cause.get("exceptions", ()) if isinstance(cause, dict) else ()
    return [
        {"name": "exception", "timeUnixNano": _nanos(document.get("end_time") or document["start_time"]),
         "attributes": {"exception.type": exception.get("type", ""), "exception.message": exception.get("message", "")}}
        for exception in exceptions
    ]  # fmt: skip


def _nanos(seconds: float) -> int:
    return int(Decimal(str(seconds)) * 1_000_000_000)
