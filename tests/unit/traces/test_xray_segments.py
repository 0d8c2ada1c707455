"""Reading X-Ray's documents, and the spans they become."""

import json

import pytest

from pipeline.errors import BadInputError
from pipeline.traces.xray_segments import read_document
from tests.support.events import TRACE, call, edge, function, service
from tests.support.spans import spans_of

XRAY = "1-5759e988-bd862e3fe1be46a994272793"


def test_embedded_subsegments_inherit():
    """A subsegment takes trace, service and parent from what encloses it."""
    stage, called = read_document(edge())
    assert (called.trace_id, called.fact.parent_id, called.fact.subsegment) == (TRACE, stage.fact.id, True)
    assert spans_of(stage, called)[called.fact.id]["serviceName"] == "api/prod"


def test_times_keep_their_nanoseconds():
    """Epoch seconds in JSON, however written, lose nothing."""
    for text, nanos in (
        ("1692291184.123456789", 1692291184123456789),
        ("1.692291184114E9", 1692291184114000000),
        ('"1692291184.5"', 1692291184500000000),
    ):
        fact = read_document(f'{{"id": "{"a" * 16}", "trace_id": "{XRAY}", "name": "x", "start_time": {text}}}')[0].fact
        assert fact.start == nanos


@pytest.mark.parametrize(
    "more",
    [{"cause": "abcdefghijklmnop"}, {"cause": 200}, {"cause": None}, {"cause": {"exceptions": "x"}}, {"start_time": None}, {"start_time": -5},
     {"start_time": 1e300}, {"end_time": "soon"}, {"http": 7}, {"http": {"response": {"status": "many"}}}, {"subsegments": {"a": 1}},
     {"subsegments": [7, None]}, {"id": 12}, {"aws": []}, {"annotations": [1]}, {"links": [{"trace_id": 1}]}, {"name": None}],
)  # fmt: skip
def test_odd_content_degrades(more):
    """Whatever stands where something else should, the rest is read, and a span can be made of it."""
    assert spans_of(*read_document(json.loads(json.dumps(service() | more))))


def test_a_made_up_id_is_the_same_each_time():
    """A document without an id gets one that follows from it, so that reading it twice makes one span."""
    document = service() | {"id": "?"}
    assert read_document(document)[0].fact.id == read_document(document)[0].fact.id


@pytest.mark.parametrize("text", ["", "[]", "{", "nonsense", '{"id": "a"}', '{"trace_id": "undefined"}'])
def test_what_belongs_to_no_trace_is_refused(text):
    """No JSON object, or no trace: one clear error."""
    with pytest.raises(BadInputError):
        read_document(text)


def test_what_is_embedded_and_what_comes_alone_is_one_fact():
    """A subsegment reads the same inside its parent and by itself, so that it does not matter how X-Ray hands it out."""
    own = {"id": "c" * 16, "name": "## work", "start_time": 1.5, "end_time": 2.5, "annotations": {"a": 1}}
    embedded = read_document(function(subsegments=[own]))[1]
    alone = read_document(own | {"type": "subsegment", "trace_id": XRAY, "parent_id": function()["id"]})[0]
    assert embedded.fact == alone.fact
    assert spans_of(*read_document(function()), alone)["c" * 16]["serviceName"] == "orders"


def test_ten_thousand_subsegments():
    """All of them are read, each once."""
    inside = [call("x", f"{number:016x}") for number in range(1, 10_001)]
    assert len(read_document(json.dumps(function(subsegments=inside)))) == 10_001


def test_a_segment_of_another_trace_is_refused():
    """A document that names another trace than the one that it came with is no part of it."""
    with pytest.raises(BadInputError, match="another trace"):
        read_document(service(trace_id="1-68a1b2c3-bd862e3fe1be46a994272794"), trace_id=TRACE)


def test_what_a_closed_document_leaves_open_is_not_waited_for():
    """Step Functions closes a segment and leaves subsegments in progress: they will never close."""
    open_one = {"id": "c" * 16, "name": "GetFunction", "start_time": 1, "in_progress": True}
    assert not read_document(function(subsegments=[open_one]))[1].fact.in_progress
    still = {key: value for key, value in function(subsegments=[open_one], in_progress=True).items() if key != "end_time"}
    assert read_document(still)[1].fact.in_progress


def test_annotations_keep_their_types_and_odd_keys_stay_out():
    """Text, numbers and booleans; a key that can't be searched is left in the attributes alone."""
    segment = read_document(
        service(annotations={"path": "/orders", "n": 1.5, "b": False, "a..b": 1, "": 2, "list": [1], "aws:api_id": "x"})
    )[0]
    assert dict(segment.fact.annotations) == {"path": "/orders", "n": 1.5, "b": False, "aws:api_id": "x"}
    assert set(segment.attributes["annotations"]) == {"path", "n", "b", "a..b", "", "list", "aws:api_id"}
