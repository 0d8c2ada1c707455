"""Correlation ids: in every case and rendering, several on one line; never prose."""

import json

import pytest

from pipeline.logs.extract.correlation_ids import find_correlation_ids
from pipeline.logs.extract.read_lines import extract
from tests.support.events import powertools


@pytest.mark.parametrize(
    "text",
    ["X-CORRELATION-ID: order-17", "[Correlation_Id=order-17] INFO x", '{"X-Correlation-Id": ["order-17"]}', "{x-correlation-id=[order-17], Host=[x]}",
     "map[X-Correlation-Id:[order-17]]", "{'x-correlation-id': b'order-17'}", "[(b'x-correlation-id', b'order-17')]",
     '{"x-correlation-id": {"dataType": "String", "stringValue": "order-17"}}', "{x-correlation-id={stringValue: order-17,dataType: String}}",
     '{"correlationId": {"Type": "String", "Value": "order-17"}}', '{"Name": "x-correlation-id", "Value": "order-17"}',
     '["Host", "x", "x-correlation-id", "order-17"]', '"x-correlation-id"=>"order-17"', "[x-correlation-id] => order-17",
     '["x-correlation-id"]=>\n  string(8) "order-17"', r'{"body": "{\"correlationId\": \"order-17\"}"}', "correlation id: order-17, done",
     'correlation_id: Some("order-17")', "{ correlationId: u'order-17' }", "correlation.id=order-17"],
)  # fmt: skip
def test_one_id(text):
    """Whatever the language, the case of the name and the kind of value."""
    assert find_correlation_ids(text) == ("order-17",)


@pytest.mark.parametrize(
    "text", ["correlation id: see below", "the correlation ID is missing", "Correlation-Id: pending review", 'allowed: ["x-correlation-id", "content-type"]',
             '{"correlation_id": null}', '{"correlation_id": ""}', '{"correlation_id": "", "a": "b1"}', '{"x-correlation-debug": true}',
             '{"x-correlation-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793"}', "correlation_id=" + "x" * 129],
)  # fmt: skip
def test_no_id(text):
    """Prose, names without a value, placeholders, flags, tracing headers, and what is too long."""
    assert find_correlation_ids(text) == ()


def test_several_ids():
    """A list has as many ids as entries; the key of Powertools does not hide the headers of a logged event, and comes first."""
    assert find_correlation_ids('{"x-correlation-ids": ["a-1", "b-2"]}') == ("a-1", "b-2")
    assert find_correlation_ids("map[X-Correlation-Id:[a-1 b-2]]") == ("a-1", "b-2")
    event = {"headers": {"X-Correlation-Id": "edge-1", "x-correlation-user": "user-2"}}
    assert extract(powertools("got", correlation_id="order-17", event=event)).correlation_ids == ("order-17", "edge-1", "user-2")
    assert extract(json.dumps({"correlationId": "order-17", "X-CORRELATION-ID": "order-17"})).correlation_ids == ("order-17",)


def test_a_number_is_an_id():
    """A key may hold a number."""
    assert extract('{"message": "m", "correlation_id": 17}').correlation_ids == ("17",)
