"""OTLP: turns stored lines and spans into OpenTelemetry's JSON, which other tools read. Pure.

Sources: OpenTelemetry Protocol specification, "JSON Protobuf Encoding" (ids are hex, enumerations numbers, 64-bit numbers texts), and its
"File Exporter" (each line is a TracesData or a LogsData); the semantic conventions for the names of attributes that these have, while what
only tracejoin knows begins with `tracejoin.`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from pipeline.model.json_values import as_text
from pipeline.model.timestamps import nanos_of
from pipeline.model.trace_ids import parse_span_id, parse_trace_id
from pipeline.search.original_line import original_line

Json = dict[str, Any]

_BATCH: Final = 1000
_SCOPE: Final = {"name": "tracejoin"}
_KINDS: Final = {"SPAN_KIND_INTERNAL": 1, "SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3, "SPAN_KIND_PRODUCER": 4, "SPAN_KIND_CONSUMER": 5}
_SAMPLED: Final = 1
_LARGEST: Final = 2**63
# protobuf's readers stop at a hundred messages within each other, and a value is three
_DEEPEST: Final = 20
_SHOWN: Final = (
    "transactionId", "requestId", "correlationId", "idSource", "staleTraceId", "propagatedTraceId", "integrationRequestId", "httpStatus",
    "signals", "excerpt", "cut", "sampled",
)  # fmt: skip
_STATUS: Final = ("state", "stateReason", "fault", "error", "throttle", "edgeStatus", "clientSaw", "hiddenFault", "rules")


def otlp_lines(documents: Iterable[Mapping[str, Any]]) -> Iterator[Json]:
    """Yields objects of OTLP, TracesData and LogsData, with the lines and spans of ``documents``; the documents of traces are left out."""
    rest = iter(documents)
    while batch := list(islice(rest, _BATCH)):
        for kind, (outer, inner, records, record) in _SIGNALS.items():
            if found := [document for document in batch if document["doc"]["kind"] == kind]:
                yield {outer: [{"resource": resource, inner: [{"scope": _SCOPE, records: list(map(record, alike))}]}
                               for resource, alike in _by_resource(found)]}  # fmt: skip


def _by_resource(documents: Sequence[Mapping[str, Any]]) -> list[tuple[Json, list[Mapping[str, Any]]]]:
    """The documents of each resource: of a service, and for lines of a log stream."""
    found: dict[bytes, tuple[Json, list[Mapping[str, Any]]]] = {}
    for document in documents:
        resource = {"attributes": _attributes(_resource(document))}
        found.setdefault(msgspec.json.encode(resource), (resource, []))[1].append(document)
    return list(found.values())


def _resource(document: Mapping[str, Any]) -> Json:
    aws = document.get("aws") or {}
    named = {
        "service.name": document.get("serviceName"),
        "cloud.account.id": aws.get("accountId"),
        "cloud.region": aws.get("region"),
        "aws.log.group.names": [aws["logGroup"]] if aws.get("logGroup") else None,
        "aws.log.stream.names": [aws["logStream"]] if aws.get("logStream") else None,
    }
    return {"cloud.provider": "aws", **_present(named), **((document.get("resource") or {}).get("attributes") or {})}


def _log_record(document: Mapping[str, Any]) -> Json:
    severity = document.get("severity") or {}
    ids = {"traceId": parse_trace_id(str(document.get("traceId") or "")) or "", "spanId": _span_id(_span_of_line(document))}
    attributes = {**(document.get("attributes") or {}), "log.record.original": original_line(document),
                  "log.record.uid": document.get("eventId"), **_own(document)}  # fmt: skip
    return _present({
        "timeUnixNano": _nanos(document.get("@timestamp")), "severityNumber": severity.get("number"), "severityText": severity.get("text"),
        "body": _any(document.get("body", "")), "attributes": _attributes(attributes), **ids,
        "flags": _SAMPLED if document.get("sampled") and ids["traceId"] else None, "eventName": document.get("eventName"),
    })  # fmt: skip


def _span_of_line(document: Mapping[str, Any]) -> object:
    return document.get("spanId") or (document.get("segment") or {}).get("id")


def _span(document: Mapping[str, Any]) -> Json:
    status = document.get("status") or {}
    attributes = {**(document.get("attributes") or {}), **(document.get("annotations") or {}), **_own(document)}
    return _present({
        "traceId": parse_trace_id(str(document.get("traceId") or "")) or "", "spanId": _span_id(document.get("spanId")),
        "parentSpanId": _span_id(document.get("parentSpanId")), "name": as_text(str(document.get("name") or "")),
        "kind": _KINDS.get(document.get("kind", ""), 0), "startTimeUnixNano": _nanos(document.get("startTime")),
        "endTimeUnixNano": _nanos(document.get("endTime")), "attributes": _attributes(attributes),
        "events": [_event(event) for event in document.get("events") or ()],
        "links": [_present({"traceId": link.get("traceId"), "spanId": _span_id(link.get("spanId"))}) for link in document.get("links") or ()
                  if parse_trace_id(str(link.get("traceId") or ""))],
        "status": _present({"code": status.get("code", 0), "message": as_text(str(status.get("message") or ""))}),
    })  # fmt: skip


def _event(event: Mapping[str, Any]) -> Json:
    return _present({"timeUnixNano": _nanos(event.get("time")), "name": as_text(str(event.get("name") or "")),
                     "attributes": _attributes(event.get("attributes") or {})})  # fmt: skip


def _own(document: Mapping[str, Any]) -> Json:
    """What only tracejoin knows of a line or span."""
    trace, segment = document.get("trace") or {}, document.get("segment") or {}
    of_log = document["doc"]["kind"] == "log"
    return _present({
        **{f"tracejoin.{name}": document.get(name) for name in _SHOWN},
        **{f"tracejoin.trace.{name}": trace.get(name) for name in _STATUS},
        **{f"tracejoin.segment.{name}": value for name, value in segment.items()},
        **({"tracejoin.annotations": document.get("annotations")} if of_log else {}),
        **({f"tracejoin.durable.{name}": value for name, value in (document.get("durable") or {}).items()} if of_log else {}),
    })  # fmt: skip


def _attributes(values: Mapping[str, Any]) -> list[Json]:
    return [{"key": as_text(key), "value": _any(value)} for key, value in values.items() if value is not None]


def _any(value: Any, depth: int = 0) -> Json:
    """OTLP's AnyValue; what is nested very deep is JSON in a text."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -_LARGEST <= value < _LARGEST:
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if depth < _DEEPEST and isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_any(each, depth + 1) for each in value]}}
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {"kvlistValue": {"values": [{"key": as_text(key), "value": _any(each, depth + 1)} for key, each in value.items()]}}
    if value is None:
        return {}
    return {"stringValue": as_text(value if isinstance(value, str) else msgspec.json.encode(value).decode())}


def _span_id(value: object) -> str:
    return parse_span_id(str(value or "")) or ""


def _nanos(at: object) -> str | None:
    return str(nanos_of(at)) if isinstance(at, str) else None


def _present(values: Mapping[str, Any]) -> Json:
    """``values`` without those that are empty; a number or a flag never is."""
    return {name: value for name, value in values.items() if value or (isinstance(value, int | float) and value is not None)}


_SIGNALS: Final[Mapping[str, tuple[str, str, str, Callable[[Mapping[str, Any]], Json]]]] = {
    "span": ("resourceSpans", "scopeSpans", "spans", _span),
    "log": ("resourceLogs", "scopeLogs", "logRecords", _log_record),
}
