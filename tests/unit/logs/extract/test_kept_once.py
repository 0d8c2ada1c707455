"""What a JSON line's attributes keep, and the line as it was written."""

import json

import msgspec
import pytest

from pipeline.logs.decode import LogBatch, LogEvent
from pipeline.logs.document_address import address_documents
from pipeline.logs.extract.log_line import JsonLine
from pipeline.logs.extract.read_lines import read_lines
from pipeline.search.original_line import original_line
from tests.support.events import NOW, REQUEST, TRACE, powertools, report

XRAY = f"1-{TRACE[:8]}-{TRACE[8:]}"


def document(message, *, at=NOW, max_chars=10_000):
    """The document of one log event, as it is stored."""
    batch = LogBatch(
        owner="123456789012", log_group="/aws/lambda/orders", log_stream="s", events=[LogEvent(id="1", timestamp=at, message=message)]
    )
    texts, lines = read_lines([message])
    (_, line), _ = address_documents(batch, texts, lines, prefix="t", region="eu-west-1", max_chars=max_chars)
    return json.loads(msgspec.json.encode(line))


def test_what_has_a_field_is_left_out_of_the_attributes():
    """Message, time, request, trace and correlation id are searched by their fields; every other key stays, at any depth."""
    own = {"order": {"id": 9, "message": "paid"}, "level": "INFO", "cold_start": False}
    stored = document(powertools("paid", timestamp="", correlation_id="order-9", **own | {"level": "INFO"}))
    assert stored["attributes"] == {"level": "INFO", "service": "orders", "timestamp": "", **own}
    assert (stored["body"], stored["requestId"], stored["traceId"], stored["correlationId"]) == ("paid", REQUEST, TRACE, ["order-9"])


@pytest.mark.parametrize("line", [
    {"message": {"order": 9}}, {"msg": "x", "message": {"a": 1}}, {"message": "x", "requestId": "not this one"},
    {"message": "x", "trace_id": f"Root={XRAY};Parent=53995c3f42cd8ad8;Sampled=1"}, {"message": "x", "correlation_id": 7},
    {"message": "x", "time": 1.5}, {"message": "x", "timestamp": "yesterday"}, {"message": "x", "timestamp": "2020-01-01T00:00:00Z"},
])  # fmt: skip
def test_what_a_field_does_not_say_stays(line):
    """A message that is an object, an id that is not the line's, a header that says more than an id, and a number that is no time."""
    kept = document(json.dumps(line))["attributes"]
    assert all(kept[name] == value for name, value in line.items() if value != "x")


@pytest.mark.parametrize("name", ["timestamp", "time", "@timestamp"])
@pytest.mark.parametrize("form", ["iso", "powertools", "milliseconds"])
def test_the_time_of_the_line_is_left_out(name, form):
    """A time of the event's day, as text or in milliseconds: `@timestamp` says it."""
    day = document("x")["@timestamp"][:10]
    value = {"iso": f"{day}T10:00:00.123Z", "powertools": f"{day} 10:00:00,123+0000", "milliseconds": NOW - 5}[form]
    assert document(json.dumps({name: value, "a": 1}))["attributes"] == {"a": 1}


@pytest.mark.parametrize("message", [
    '{"message":"paid","n":1.10, "big":123456789012345678901234567890,"e":1E3 ,"u":"\\u00e9\\n"}\n', "  plain text \n", "bare",
    report(), powertools("paid"), '{"a":1,"a":2}', '{\n "message": "pretty"\n}\n', '{"half":"\\ud83d"}', '{"huge":1e400}',
])  # fmt: skip
def test_the_line_is_had_back_byte_for_byte(message):
    """White space, the forms of numbers, escapes and keys that come twice are as they were written."""
    assert original_line(document(message)) == message


def test_numbers_stay_as_they_are_written():
    """A search for 1.10 finds what was logged as 1.10."""
    _, (line,) = read_lines(['{"message":"x","total":1.10,"big":12345678901234567890123,"far":1e400}'])
    batch = LogBatch(owner="1", log_group="g", log_stream="s", events=[LogEvent(id="1", timestamp=NOW, message="")])
    address_documents(batch, ["t"], [line], prefix="t", region="", max_chars=9)
    kept = msgspec.json.decode(line.attributes, type=dict[str, msgspec.Raw])
    assert {name: bytes(value) for name, value in kept.items()} == {"total": b"1.10", "big": b"12345678901234567890123", "far": b"1e400"}


def test_a_line_that_is_cut_or_refused_is_its_own_original():
    """A long line keeps its beginning; one whose attributes OpenSearch refuses keeps all of its text."""
    long = json.dumps({"message": "x" * 50})
    assert original_line(document(long, max_chars=20)) == long[:20]
    line = JsonLine(body="x", attributes=b"{}", original='{"message":"x"}')
    line.make_plain("{}", 100)
    assert (line.body, line.attributes, line.original, line.cut) == ('{"message":"x"}', None, None, ("attributes",))


def test_documents_of_earlier_versions():
    """They hold the whole JSON line as attributes, or the text as body."""
    assert original_line({"body": "paid", "attributes": {"message": "paid", "n": 1}}) == '{"message":"paid","n":1}'
    assert original_line({"body": "bare"}) == "bare"
