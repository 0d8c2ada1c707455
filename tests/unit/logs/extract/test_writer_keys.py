"""Writers whose keys are learned: a line's attributes are the same however it was decoded."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.logs.extract import json_line
from pipeline.logs.extract.kept_once import SHOWN, leave_out_of_text
from pipeline.logs.extract.log_line import JsonLine, LogLine
from pipeline.logs.extract.read_lines import extract
from pipeline.logs.extract.writer_keys import FREQUENT, WriterKeys
from tests.support.events import REQUEST, TRACE, powertools

XRAY = f"1-{TRACE[:8]}-{TRACE[8:]}"
ids = st.sampled_from([REQUEST, TRACE, XRAY, "order-17", "2026-11-24T10:00:00.000Z", "paid", "", "undefined", f"Root={XRAY};Sampled=1"])
leaves = ids | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=9) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SHOWN]), inner, max_size=3))
names = st.sampled_from([*SHOWN, *FREQUENT, "order", "é", 'quote"d', "", "x" * 80])
objects = st.dictionaries(names, values | ids, max_size=9)


@given(objects, st.booleans())
def test_the_attributes_are_those_keys_that_no_field_holds(keys, compact):
    """Every key that stays has its value, at any depth; every key that is left out has its value in a field of the line."""
    message = json.dumps(keys, separators=(",", ":") if compact else None, ensure_ascii=compact)
    for line in (extract(message), extract(message)):
        assert isinstance(line, JsonLine)
        kept = json.loads(bytes(line.attributes))
        assert {name: keys[name] for name in kept} == kept
        shown = [line.timestamp, line.body, line.request_id, line.integration_request_id, *line.correlation_ids]
        shown += [line.trace_id, line.trace_id and f"1-{line.trace_id[:8]}-{line.trace_id[8:]}"]
        for name in keys.keys() - kept.keys():
            assert name in SHOWN
            assert keys[name] in shown or (isinstance(keys[name], int) and line.timestamp)


@given(objects.filter(lambda keys: len(keys.keys() & {"timestamp", "@timestamp", "Timestamp", "time"}) < 2))
def test_a_learned_line_has_the_attributes_of_one_that_is_decoded_slowly(keys):
    """A dictionary of the line says the same; the frequent kinds, which are written out, have fewer keys that are left out."""
    message = json.dumps({name: value for name, value in keys.items() if value is not None})
    line = extract(message)
    slow = msgspec.structs.replace(line)
    leave_out_of_text(slow, message)
    fast, kept = json.loads(bytes(line.attributes)), json.loads(bytes(slow.attributes))
    assert fast == kept or (line.format != "json" and fast.items() >= kept.items())


@pytest.mark.parametrize("more", [{'quote"d': 1}, {"k" * 65: 1}, {f"k{number}": 1 for number in range(100)}, {"correlation_id": 7}])
def test_what_cannot_be_learned_is_read_all_the_same(more):
    """A key that is no name of a field, one that is too long, too many, and a value of another type."""
    line = extract(powertools("paid", **more))
    assert (line.format, line.body, line.trace_id) == ("powertools-json", "paid", TRACE)
    kept = json.loads(bytes(line.attributes))
    assert kept.items() >= more.items()
    assert not kept.keys() & {"message", "function_request_id", "xray_trace_id"}


def test_writers_are_bounded(monkeypatch):
    """Lines that all begin in another way cost time, not memory, and lose nothing."""
    writers = WriterKeys(SHOWN)
    monkeypatch.setattr(json_line, "_writers", writers)
    for number in range(200):
        line = extract(f'{{"key{number:04}":{number},"message":"paid"}}')
        assert (line.body, bytes(line.attributes)) == ("paid", b'{"key%04d":%d}' % (number, number))
    assert len(writers) == 64


def test_a_new_key_does_not_change_the_order_of_the_others():
    """A line that comes again makes the same document, byte for byte, whatever was learned between."""
    first = '{"zeta":1,"message":"paid","alpha":{"b":1.10}}'
    before = extract(first)
    extract('{"zeta":1,"new":2,"alpha":3,"message":"paid"}')
    assert isinstance(before, LogLine)
    assert extract(first) == before
