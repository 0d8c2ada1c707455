"""Poisoned envelopes: whatever a record holds, it goes aside alone, and every other record and document goes through."""

import base64
import gzip
import json
import zlib

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.configure import redactor_for
from pipeline.logs.decode import decode_event
from pipeline.settings import Settings
from pipeline.ship import prepare
from pipeline.store.dead_letters import of_envelope, of_event
from shipper_function.firehose import unchanged_records
from tests.support.events import document, packed

LIMIT = 64 * 1024
GOOD = "a good neighbour"
SHIPPING = Settings(region="eu-west-1")
DEEP = "[" * 20_000 + "]" * 20_000
# what no field of an envelope should be, as JSON
ODD_VALUES = [
    "null", "true", "7", "-1", "1.5", "1e400", "-1e400", "NaN", "-Infinity", "9" * 30, "9" * 5000, '"x"', '"7"', '"\\ud800"', '"\\udc00\\ud800"',
    '"\\u0000"', "[]", "{}", "[[{}]]", '{"a":{"a":1},"a":2}', '"' + "9" * 5000 + '"', '"1790000000000"', DEEP, "[" * 900 + "]" * 900,
]  # fmt: skip
FIELDS = ["messageType", "owner", "logGroup", "logStream", "subscriptionFilters", "logEvents", "id", "timestamp", "message", "unknown"]


def with_value(text, field, value):
    """``text`` with another value in each place of ``field``, or with the field added where it is not there."""
    content = json.loads(text)
    marker = "\ue000"
    places = [content, *content["logEvents"]]
    for place in [place for place in places if field in place] or places:
        place[field] = marker
    return json.dumps(content).replace(json.dumps(marker), value)


odd = st.builds(with_value, st.just(json.dumps(document(["one", "two"]))), st.sampled_from(FIELDS), st.sampled_from(ODD_VALUES))
plain = st.sampled_from(
    [json.dumps(document(["one"])), json.dumps(document([]) | {"messageType": "CONTROL_MESSAGE"}), "{}", "", " ", DEEP, "NaN"]
)
texts = st.one_of(odd, plain)
bad_bytes = st.one_of(
    st.lists(texts, min_size=1, max_size=3).map(lambda parts: "\n".join(parts).encode()),
    st.tuples(texts, st.integers(0, 200)).map(lambda cut: cut[0].encode()[: -cut[1] or None]),
    st.tuples(texts, st.binary(max_size=4)).map(lambda behind: behind[0].encode() + behind[1]),
    st.tuples(texts, st.integers(0, 300), st.binary(min_size=1, max_size=2)).map(
        lambda cut: cut[0].encode()[: cut[1]] + cut[2] + cut[0].encode()[cut[1] :]
    ),
    st.binary(max_size=40),
)
packings = st.sampled_from([bytes, gzip.compress, zlib.compress, lambda data: gzip.compress(data)[:-3], lambda data: gzip.compress(data) + b"x",
                            lambda data: gzip.compress(data) + gzip.compress(data)[:-9], lambda data: gzip.compress(gzip.compress(data))])  # fmt: skip
data = st.one_of(
    st.builds(lambda packing, content: base64.b64encode(packing(content)).decode(), packings, bad_bytes),
    st.sampled_from(["", "%%%", "é", "\ud800", "a\udfff" * 3, "YQ", None, 7, 1.5, True, [], {}, [["\ud800"]], {"logEvents": "\ud800"}]),
)
numbers = st.sampled_from([10**30, 10**5000, float("nan"), float("inf"), -1, 2**63, "1" * 6000, "7", None, True, "\ud800", [], {}])
decoded = st.builds(
    lambda field, value: document(["one"]) | {"logEvents": [{"id": "1", "timestamp": 1, "message": "m"} | {field: value}]} | {field: value},
    st.sampled_from(FIELDS),
    numbers,
)


def shape(kind, records):
    """An event of a kind with ``records``."""
    if kind == "awslogs":
        return {"awslogs": {"data": records[0]}}
    if kind == "kinesis":
        return {"Records": [{"kinesis": {"data": record}, "eventSource": "aws:kinesis"} for record in records]}
    return {"deliveryStreamArn": "arn", "records": [{"recordId": str(number), "data": record} for number, record in enumerate(records)]}


def shipped(event):
    """What becomes of ``event``: the bodies of its documents, and its dead letters, which OpenSearch can be sent."""
    found = decode_event(event, max_bytes=LIMIT)
    redactor = redactor_for(SHIPPING)
    items = prepare(found, SHIPPING)
    msgspec.json.Encoder().encode_lines(items.parts)
    letters = [of_envelope(record, "2026-11-24T10:00:00.000Z", redactor) for record in found.bad_envelopes]
    letters += [of_event(batch, record, "2026-11-24T10:00:00.000Z", redactor) for batch, record in found.bad_events]
    for letter in letters:
        msgspec.json.encode(letter.document).decode()
        letter.id.encode()
    return found, [line.body for _, line in items], letters


@settings(max_examples=600)
@given(st.sampled_from(["kinesis", "firehose"]), data)
@example(
    "kinesis", packed(document([])) and base64.b64encode(with_value(json.dumps(document(["a"])), "id", "7").encode() + b' {"x"').decode()
)
@example("firehose", base64.b64encode(with_value(json.dumps(document(["a"])), "timestamp", '"7"').encode() * 2).decode())
@example("firehose", base64.b64encode(b'{"logEvents":[{"id":7,"message":"\xff","timestamp":1}]}').decode())
@example("kinesis", "\ud800")
def test_neighbours_of_any_record_go_through(kind, record):
    """Whatever stands between two good records, both are shipped, and what is buried can be stored."""
    good = packed(document([GOOD]))
    event = shape(kind, [good, record, good])
    found, bodies, _ = shipped(event)
    assert bodies.count(GOOD) == 2
    assert {record.where for record in found.bad_envelopes} <= {f"{'Records' if kind == 'kinesis' else 'records'}[1]"}
    assert len(unchanged_records(event)["records"]) == (3 if kind == "firehose" else 0)


@given(data)
def test_a_record_alone_is_shipped_or_buried(record):
    """An event with one record is never fatal, and never vanishes: something is shipped, buried or acknowledged."""
    found, bodies, letters = shipped(shape("awslogs", [record]))
    empty = any(not batch.events for batch in found.batches)
    assert bodies or letters or found.control_messages or empty


@given(decoded)
def test_a_decoded_document_is_shipped_or_buried(event):
    """The document itself, decoded by somebody else's JSON parser, may hold anything that this parser makes."""
    found, bodies, letters = shipped(event)
    assert bodies or letters or any(not batch.events for batch in found.batches)


@given(st.sampled_from(ODD_VALUES), st.sampled_from(["id", "timestamp", "message", "unknown"]), st.booleans())
def test_good_documents_of_a_record_go_through(value, field, first):
    """A document with an odd event costs no document beside it in one record, nor the odd one's own good events."""
    content = json.loads(json.dumps(document([GOOD, "odd"])))
    content["logEvents"][1][field] = "\ue000"
    bad = json.dumps(content).replace('"\\ue000"', value)
    good = json.dumps(document([GOOD]))
    _, bodies, letters = shipped(shape("awslogs", [base64.b64encode("\n".join([bad, good] if first else [good, bad]).encode()).decode()]))
    expected = 1 if value == DEEP else 2
    # too deep a nest ends the reading of its record
    assert bodies.count(GOOD) >= expected - (value == DEEP and first)
    assert letters or bodies.count(GOOD) == 2


def test_what_can_not_be_read_is_kept_whole():
    """A half document behind a whole one is buried with its record, and the whole one is shipped."""
    text = with_value(json.dumps(document(["a"])), "id", "7")
    record = base64.b64encode(gzip.compress((text + text[:40]).encode())).decode()
    found, bodies, letters = shipped(shape("kinesis", [record]))
    assert bodies == ["a"]
    assert "not JSON" in found.bad_envelopes[0].reason
    assert letters[0].document["document"] == record


def test_a_record_of_nonsense_is_given_up_early():
    """A hundred bad documents are enough: the reason says that the rest is not read."""
    found = decode_event(shape("awslogs", [base64.b64encode(b"7 " * 30_000).decode()]), max_bytes=LIMIT)
    assert "the rest is not read" in found.bad_envelopes[0].reason


def test_nothing_is_too_deep_to_bury():
    """An event that Python could parse, but not write again, is buried with its outer levels."""
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]
    _, _, letters = shipped({"Records": [{"kinesis": {"data": deep}}, {"kinesis": {"data": packed(document([GOOD]))}}]})
    assert letters[0].document["document"].startswith("[[[[")
    # taken apart here: Python itself would, level by level, and end
    while isinstance(deep, list) and deep:
        deep = deep.pop()
