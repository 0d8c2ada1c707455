"""Reads OTLP's JSON with the parser of opentelemetry-proto."""

import base64
import json

from google.protobuf import json_format
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

IDS = {"traceId", "spanId", "parentSpanId"}


def read(lines):
    """The spans and log records in lines of OTLP, each with its resource; fails on an unknown field, a wrong type, an id that is not hex."""
    spans, records = [], []
    for line in lines:
        content = json.loads(line)
        (kind,) = content
        data = json_format.ParseDict(with_base64(content), TracesData() if kind == "resourceSpans" else LogsData())
        for resource in data.resource_spans if kind == "resourceSpans" else data.resource_logs:
            for scope in resource.scope_spans if kind == "resourceSpans" else resource.scope_logs:
                found = scope.spans if kind == "resourceSpans" else scope.log_records
                (spans if kind == "resourceSpans" else records).extend((values(resource.resource.attributes), each) for each in found)
    return spans, records


def with_base64(content, *, key=""):
    """OTLP's JSON with ids as protobuf's own JSON has them: in base64 instead of hex."""
    if isinstance(content, dict):
        return {name: with_base64(value, key=name) for name, value in content.items()}
    if isinstance(content, list):
        return [with_base64(each) for each in content]
    return base64.b64encode(bytes.fromhex(content)).decode() if key in IDS else content


def values(attributes):
    """Attributes as a dictionary."""
    found = {each.key: value(each.value) for each in attributes}
    assert len(found) == len(attributes), "a key stands there twice"
    return found


def value(any_value):
    """What an AnyValue holds."""
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(each) for each in any_value.array_value.values]
    if kind == "kvlist_value":
        return values(any_value.kvlist_value.values)
    return getattr(any_value, kind) if kind else None
