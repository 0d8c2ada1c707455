"""Reading OpenTelemetry spans, as `aws/spans` and ListRetrievedTraces write them."""

import json

import pytest

from pipeline.errors import BadInputError
from pipeline.traces.otel_spans import read_span
from tests.support.events import TRACE
from tests.support.otel_spans import SPAN


def test_a_span_becomes_a_segment():
    """Ids, times without a lost nanosecond, service, origin, status, exception, link and annotations."""
    segment = read_span(json.dumps(SPAN))
    fact = segment.fact
    assert (segment.trace_id, fact.id, fact.parent_id, fact.subsegment) == (TRACE, "17e84e76450d1777", "0285bf1261be05ff", False)
    assert (fact.start, fact.end, fact.service_name, fact.origin) == (
        1739913234153000001,
        1739913234253000002,
        "orders",
        "AWS::Lambda::Function",
    )
    assert (fact.status, fact.fault, fact.error, fact.cause, fact.exception_type) == (502, True, False, True, "ValueError")
    assert fact.request_id == "52fdfc07-2182-454f-963f-5f0f9a621d72"
    assert dict(fact.annotations) == {"path": "/orders", "tenant": 7}
    assert segment.links[0].trace_id == "6" * 32


def test_otlps_own_form_reads_the_same():
    """Attributes as a list of keys and values, numbers as text: what some writers send."""
    values = {str: "stringValue", int: "intValue", bool: "boolValue", float: "doubleValue"}

    def otlp(value):
        if isinstance(value, list):
            return {"arrayValue": {"values": [otlp(entry) for entry in value]}}
        if isinstance(value, dict):
            return {"kvlistValue": {"values": [{"key": key, "value": otlp(entry)} for key, entry in value.items()]}}
        return {values[type(value)]: str(value) if isinstance(value, int) else value}

    def listed(attributes):
        return [{"key": key, "value": otlp(value)} for key, value in attributes.items()]

    other = SPAN | {"attributes": listed(SPAN["attributes"]), "resource": {"attributes": listed(SPAN["resource"]["attributes"])},
                    "startTimeUnixNano": str(SPAN["startTimeUnixNano"]), "endTimeUnixNano": str(SPAN["endTimeUnixNano"]),
                    "kind": "SPAN_KIND_SERVER", "status": {"code": 2, "message": "it failed"}}  # fmt: skip
    assert read_span(other) == read_span(SPAN)


@pytest.mark.parametrize(
    ("more", "flags"),
    [({"attributes": {"http.status_code": 404}, "status": {"code": "UNSET"}}, (False, True, False)),
     ({"attributes": {"http.status_code": 429}, "status": {"code": "ERROR"}}, (False, True, True)),
     ({"attributes": {}, "status": {"code": "ERROR"}}, (True, False, False)), ({"attributes": {}, "status": {"code": "OK"}}, (False, False, False))],
)  # fmt: skip
def test_flags_follow_status(more, flags):
    """X-Ray's words for OpenTelemetry's: error is the client's, fault the server's."""
    fact = read_span(SPAN | more).fact
    assert (fact.fault, fact.error, fact.throttle) == flags


def test_a_handled_exception_is_no_cause():
    """An exception event on a span that did not fail is something that was caught."""
    assert not read_span(SPAN | {"status": {"code": "UNSET"}, "attributes": {}}).fact.cause


@pytest.mark.parametrize(
    "more",
    [{"attributes": 7}, {"attributes": [7, {"key": 1}]}, {"resource": None}, {"events": "x"}, {"links": [{"traceId": 1}]}, {"kind": 99},
     {"status": "ERROR"}, {"startTimeUnixNano": -1}, {"endTimeUnixNano": "soon"}, {"startTimeUnixNano": 10**30}, {"name": None}, {"parentSpanId": 5}],
)  # fmt: skip
def test_odd_content_degrades(more):
    """Whatever stands where something else should, the rest is read."""
    assert read_span(SPAN | more).fact.id == SPAN["spanId"]


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"traceId": "x", "spanId": "y"}', json.dumps(SPAN | {"spanId": "0" * 16})])
def test_what_is_no_span_is_refused(text):
    """One clear error."""
    with pytest.raises(BadInputError):
        read_span(text)
    with pytest.raises(BadInputError, match="another trace"):
        read_span(SPAN, trace_id="6" * 32)


@pytest.mark.parametrize(
    "value", [{"intValue": "--5"}, {"intValue": "9" * 30}, {"arrayValue": 7}, {"kvlistValue": {"values": 1}}, {"a": 1, "b": 2}, {}, None]
)
def test_odd_values_stay_what_they_are(value):
    """OTLP's values may hold anything."""
    assert read_span(SPAN | {"attributes": [{"key": "a", "value": value}]}).fact.id == SPAN["spanId"]


def test_values_without_a_bottom_are_refused():
    """Nesting beyond what can be read is one clear error."""
    value = {"stringValue": "x"}
    for _ in range(5000):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(BadInputError, match="too deep"):
        read_span(SPAN | {"attributes": [{"key": "a", "value": value}]})
