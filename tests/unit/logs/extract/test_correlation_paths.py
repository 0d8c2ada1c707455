"""Correlation ids: by paths that a user sets, and by their keys' names."""

import json

import pytest

from pipeline.logs.extract.read_lines import extract, read_lines


def test_correlation_paths():
    """JMESPath expressions find ids where the usual keys are not; what they can't be applied to is left alone."""
    paths = ("order.id", "detail.ids[*]", "length(order)")
    _, lines = read_lines([json.dumps({"order": {"id": 17}, "detail": {"ids": ["a-1", "", "undefined"]}}), '{"order": 1}', "text"], paths)
    assert [line.correlation_ids for line in lines] == [("17", "a-1", "1"), (), ()]


@pytest.mark.parametrize(
    "content",
    [{"detail": {"metadata": {"correlationId": "order-17"}}}, {"Records": [{"body": json.dumps({"correlation_id": "order-17"})}]},
     {"Records": [{"body": json.dumps({"Message": json.dumps({"x-correlation-id": "order-17"})})}]}, {"input": '{"correlation-id" : "order-17"}'}],
)  # fmt: skip
def test_a_logged_event_names_the_correlation_id_deep_inside(content):
    """EventBridge's detail, a message's body, a notification in a body, a state machine's input."""
    assert extract(json.dumps({"message": "event", "event": content})).correlation_ids == ("order-17",)


@pytest.mark.parametrize(
    "content", [{"correlation_id": {"a": 1}}, {"correlationId": None}, {"a": {"correlation_id": ""}}, {"correlationId": []}]
)
def test_no_id_is_made_of_punctuation(content):
    """What stands there is no id."""
    assert extract(json.dumps({"event": content})).correlation_ids == ()


def test_correlation_keys_of_any_name():
    """Any `x-correlation-…` key counts, in JSON and in text."""
    assert extract('{"x-correlation-id":"a-1","x-correlation-user":"u-2"}').correlation_ids == ("a-1", "u-2")
    assert extract("x-correlation-id: a-1, done").correlation_ids == ("a-1",)
