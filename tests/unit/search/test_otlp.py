"""Stored documents as OpenTelemetry's JSON, read by opentelemetry-proto."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.json_output import json_line
from pipeline.model.timestamps import iso_nanos, nanos_of
from pipeline.search.otlp import otlp_lines
from tests.support.otlp import read, value, values

TRACE = "5759e988bd862e3fe1be46a994272793"
INTEGERS = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=20)  # fmt: skip


def parsed(*documents):
    """What the parser makes of these documents, as the command writes them."""
    return read(json_line(content) for content in otlp_lines(documents))


def log(**more):
    """A stored line."""
    return {"doc": {"kind": "log"}, "@timestamp": "2026-11-24T10:00:00.123Z", "body": "said"} | more


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_every_attribute_comes_back(attributes):
    """Whatever JSON a line held: text, whole numbers and fractions, lists and objects; null is no attribute."""
    _, ((_, record),) = parsed(log(attributes=attributes))
    found = values(record.attributes)
    expected = {key.encode("utf-8", "replace").decode(): each for key, each in attributes.items() if each is not None}
    assert {key: found[key] for key in expected} == json.loads(json.dumps(expected).encode("utf-8", "replace"))


def test_what_is_nested_very_deep_is_text():
    """Protobuf's readers take a hundred messages within each other, and no number beyond 64 bits."""
    deep = 1
    for _ in range(90):
        deep = [deep]
    _, ((_, record),) = parsed(log(attributes={"deep": deep, "large": 2**70}))
    found = values(record.attributes)
    assert (found["large"], str(found["deep"]).count("[")) == (str(2**70), 90)


def test_a_line_has_its_resource_time_severity_and_ids():
    """The names are those of OpenTelemetry's conventions; the line stands there as it was written."""
    document = log(traceId=TRACE, segment={"id": "1" * 16, "fault": True}, requestId="r-1", serviceName="orders", sampled=True, eventId="31",
                   severity={"text": "WARN", "number": 13}, eventName="REPORT", correlationId=["c-1"], annotations={"path": "/x"},
                   aws={"accountId": "123456789012", "region": "eu-west-1", "logGroup": "/aws/lambda/orders", "logStream": "s"},
                   trace={"state": "complete", "hiddenFault": False, "version": 3}) | {"log.record.original": "said \n"}  # fmt: skip
    _, ((resource, record),) = parsed(document)
    assert resource == {"cloud.provider": "aws", "service.name": "orders", "cloud.account.id": "123456789012", "cloud.region": "eu-west-1",
                        "aws.log.group.names": ["/aws/lambda/orders"], "aws.log.stream.names": ["s"]}  # fmt: skip
    assert (record.time_unix_nano, record.severity_number, record.severity_text) == (1_795_514_400_123_000_000, 13, "WARN")
    assert (record.trace_id.hex(), record.span_id.hex(), record.flags, record.event_name) == (TRACE, "1" * 16, 1, "REPORT")
    assert value(record.body) == "said"
    assert values(record.attributes) == {
        "log.record.original": "said \n", "log.record.uid": "31", "tracejoin.requestId": "r-1", "tracejoin.correlationId": ["c-1"],
        "tracejoin.sampled": True, "tracejoin.trace.state": "complete", "tracejoin.trace.hiddenFault": False,
        "tracejoin.segment.id": "1" * 16, "tracejoin.segment.fault": True, "tracejoin.annotations": {"path": "/x"},
    }  # fmt: skip


def test_a_span_has_its_kind_status_events_and_links():
    """Enumerations are numbers, an open span has no end, and an id that is none is left out."""
    span = {"doc": {"kind": "span"}, "traceId": TRACE, "spanId": "A" * 16, "parentSpanId": "", "name": "GET /", "kind": "SPAN_KIND_CLIENT",
            "startTime": "2026-11-24T10:00:00.123456789Z", "status": {"code": 2, "message": "no stock"}, "annotations": {"path": "/x"},
            "events": [{"name": "exception", "time": None, "attributes": {"exception.type": "E"}}], "serviceName": "orders",
            "links": [{"traceId": TRACE, "spanId": "b" * 16}, {"traceId": "nothing", "spanId": ""}],
            "resource": {"attributes": {"service.name": "own", "x": 1}}}  # fmt: skip
    ((resource, found),), _ = parsed(span)
    assert resource == {"cloud.provider": "aws", "service.name": "own", "x": 1}
    assert (found.trace_id.hex(), found.span_id.hex(), found.parent_span_id, found.kind, found.status.code) == (TRACE, "a" * 16, b"", 3, 2)
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (1_795_514_400_123_456_789, 0)
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in found.links] == [(TRACE, "b" * 16)]
    assert (found.events[0].name, values(found.events[0].attributes)) == ("exception", {"exception.type": "E"})
    assert values(found.attributes)["path"] == "/x"


@given(st.integers(0, 2**63 - 1))
def test_nanoseconds_round_trip(nanos):
    """Not one is lost."""
    assert nanos_of(iso_nanos(nanos)) == nanos
