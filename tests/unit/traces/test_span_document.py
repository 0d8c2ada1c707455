"""Spans as OpenSearch gets them."""

import json

import pytest

from pipeline.errors import BadInputError
from pipeline.traces.xray_segments import read_document
from tests.support.events import call, edge, function, service
from tests.support.spans import spans_of


def test_a_span_has_data_preppers_shape():
    """Root with an empty parent, kinds, nanosecond times, exceptions as events, the root's group on every span."""
    failed = function(
        error=True,
        cause={"exceptions": [{"type": "ValueError", "message": "boom", "stack": [{"path": "a.py", "line": 3, "label": "f"}]}]},
    )
    segments = [segment for document in (edge(), service(parent_id="b" * 16), failed) for segment in read_document(document)]
    spans = spans_of(*segments)
    root, last = spans["a" * 16], spans["17e84e76450d1777"]
    assert (root["parentSpanId"], root["kind"], root["name"]) == ("", "SPAN_KIND_SERVER", "GET /prod/orders")
    assert (last["status"]["code"], last["events"][0]["attributes"]["exception.type"]) == (2, "ValueError")
    assert last["startTime"].endswith("Z") and len(last["startTime"]) == len("2026-11-24T10:00:00.123456789Z")
    assert {document["traceGroup"] for document in spans.values()} == {"api/prod"}
    assert [document["parentSpanId"] for document in spans.values()].count("") == 1


def test_the_http_status_is_a_number_of_its_own():
    """Whether X-Ray names it of a request or of an AWS call; a span without one has no such field."""
    answered = [edge(status=502), function(aws={"status_code": 400}), function("2" * 16)]
    spans = spans_of(*(segment for document in answered for segment in read_document(document)))
    assert {id_: document.get("httpStatus", "none") for id_, document in spans.items()} == {
        "a" * 16: 502, "b" * 16: 200, "17e84e76450d1777": 400, "2" * 16: "none"}  # fmt: skip


def test_nesting():
    """Sixty-four levels are read; metadata far deeper than OpenSearch takes ends in an ellipsis; JSON without a bottom is refused."""
    deepest = call("bottom", f"{1:016x}")
    for level in range(2, 65):
        deepest = call("level", f"{level:016x}") | {"subsegments": [deepest]}
    segments = read_document(json.dumps(function(subsegments=[deepest])))
    assert (len(segments), segments[-1].fact.name) == (65, "bottom")
    assert spans_of(*segments)
    metadata = "[" * 500 + "]" * 500
    text = json.dumps(function(metadata={"deep": 0}))[:-1].replace('"deep": 0', f'"deep": {metadata}') + "}"
    assert "…" in json.dumps(spans_of(*read_document(text)), ensure_ascii=False)
    with pytest.raises(BadInputError, match="not JSON"):
        read_document("[" * 100_000)


def test_numbers_and_text_beyond_every_bound():
    """What JSON can say and OpenSearch can't hold becomes text, or is cleaned."""
    text = json.dumps(function(annotations={"n": 0, "s": "ok \ud800"}, metadata={"a": float("nan"), "b": 2**80}, name="a\udc00"))
    segment = read_document(text.replace('"n": 0', '"n": 1e400'))[0]
    span = spans_of(segment)[segment.fact.id]
    assert (span["name"], dict(segment.fact.annotations)["s"], span["attributes"]["metadata"]["b"]) == ("a?", "ok ?", str(2**80))


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1e-99999999999999999999", "1e400", "123456789012345678901234567890"])
def test_no_number_is_too_large(number):
    """A number that no program can hold stays text, wherever it stands."""
    text = json.dumps(service(metadata={"n": 0}, annotations={"n": 0})).replace('"n": 0', f'"n": {number}')
    text = text.replace('"status": 200', f'"status": {number}').replace('"start_time": ', '"start_time": 1.5, "was": ')
    assert spans_of(*read_document(text))


def test_what_has_a_field_is_not_among_the_attributes_too():
    """Annotations and the request id are searched by their fields; what a field can't hold, and another request id, stay."""
    (segment,) = read_document(call("DynamoDB", "c" * 16, annotations={"path": "/orders", "a b": 1}, trace_id="1-67891233-abcdef012345678912345678",
                                    aws={"operation": "GetItem", "request_id": "REQUEST"}, metadata={"aws": {"request_id": "REQUEST"}}))  # fmt: skip
    (span,) = spans_of(segment).values()
    assert (span["requestId"], span["annotations"]["path"]) == ("REQUEST", "/orders")
    assert span["attributes"]["aws"] == {"operation": "GetItem"}
    assert "path" not in span["attributes"].get("annotations", {})
    assert span["attributes"]["metadata"] == {"aws": {"request_id": "REQUEST"}}
