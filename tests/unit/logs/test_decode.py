"""Unpacking: every envelope, bounded, with bad records counted beside good ones."""

import base64
import gzip
import json
import time
import zlib

from pipeline.logs.decode import decode_event
from tests.support.events import document, lambda_event, packed

LIMIT = 1024 * 1024


def _messages(unpacked):
    return [event.message for batch in unpacked.batches for event in batch.events]


def _base64(data):
    return base64.b64encode(data).decode()


def test_a_lambda_event():
    """A subscription's event gives its batch with account, group, stream and events."""
    unpacked = decode_event(lambda_event(["a", "b"]), max_bytes=LIMIT)
    batch = unpacked.batches[0]
    assert (batch.owner, batch.log_group, batch.log_stream) == ("123456789012", "/aws/lambda/orders", "s")
    assert _messages(unpacked) == ["a", "b"]


def test_zlib_plain_and_decoded():
    """Zlib instead of gzip, no compression at all, and the decoded document are read as well."""
    text = json.dumps(document(["a"])).encode()
    for event in (
        {"awslogs": {"data": _base64(zlib.compress(text))}},
        {"awslogs": {"data": _base64(text)}},
        document(["a"]),
    ):
        assert _messages(decode_event(event, max_bytes=LIMIT)) == ["a"]


def test_kinesis_and_firehose_with_a_bad_record():
    """A record that can't be read is counted with its place, and its neighbours go through."""
    good = packed(document(["a"]))
    kinesis = {"Records": [{"kinesis": {"data": good}}, {"kinesis": {"data": "%%%"}}, {"kinesis": {"data": good}}]}
    firehose = {
        "records": [
            {"recordId": "1", "data": good},
            {"recordId": "2", "data": _base64(b"\x1f\x8bnonsense")},
            {"recordId": "3"},
        ]
    }
    for event, bad in ((kinesis, ["Records[1]"]), (firehose, ["records[1]", "records[2]"])):
        unpacked = decode_event(event, max_bytes=LIMIT)
        assert [record.where for record in unpacked.bad_envelopes] == bad
        assert set(_messages(unpacked)) == {"a"}


def test_several_documents_in_one_record():
    """Documents that are compressed together, or one after the other, are all read."""
    one, two = (json.dumps(document([name])).encode() for name in "ab")
    for data in (gzip.compress(one + two), gzip.compress(one + b"\n" + two), gzip.compress(one) + gzip.compress(two)):
        assert _messages(decode_event({"awslogs": {"data": _base64(data)}}, max_bytes=LIMIT)) == ["a", "b"]


def test_many_small_documents_cost_no_more_than_their_length():
    """Eight times as many documents in a record cost about eight times the work."""

    def cost(times):
        event = {"awslogs": {"data": _base64(gzip.compress(json.dumps({"messageType": "CONTROL_MESSAGE"}).encode() * times))}}
        begun = time.process_time()
        assert decode_event(event, max_bytes=32 * LIMIT).control_messages == times
        return time.process_time() - begun

    assert cost(40_000) < 24 * cost(5_000)


def test_control_messages_are_counted():
    """CloudWatch's check of a destination is acknowledged, not shipped."""
    unpacked = decode_event({"awslogs": {"data": packed(document(["x"]) | {"messageType": "CONTROL_MESSAGE"})}}, max_bytes=LIMIT)
    assert (unpacked.control_messages, unpacked.batches) == (1, [])


def test_odd_events_are_read_loosely():
    """An event id that is a number is read; an event without a message is counted alone."""
    odd = document(["a", "b"])
    odd["logEvents"][0]["id"] = 7
    odd["logEvents"][1] = {"id": "2", "timestamp": 1}
    unpacked = decode_event(odd, max_bytes=LIMIT)
    assert [(event.id, event.message) for event in unpacked.batches[0].events] == [("7", "a")]
    assert len(unpacked.bad_events) == 1


def test_a_decompression_bomb_is_refused_and_its_neighbours_are_not():
    """A record of 200 MB once decompressed is refused at the limit, without being decompressed whole."""
    bomb = _base64(gzip.compress(b" " * 200_000_000, 1))
    event = {"Records": [{"kinesis": {"data": bomb}}, {"kinesis": {"data": packed(document(["a"]))}}]}
    unpacked = decode_event(event, max_bytes=LIMIT)
    assert _messages(unpacked) == ["a"]
    assert "more than 1048576 bytes" in unpacked.bad_envelopes[0].reason


def test_cut_off_data_is_refused():
    """Half a gzip stream is no document."""
    data = gzip.compress(json.dumps(document(["a" * 1000])).encode())[:-20]
    assert "cut off" in decode_event({"awslogs": {"data": _base64(data)}}, max_bytes=LIMIT).bad_envelopes[0].reason


def test_a_lone_surrogate_does_not_cost_the_batch():
    """JSON that escapes half a character is read, with a question mark in its place."""
    data = json.dumps(document(["a\ud800b"])).encode()
    assert _messages(decode_event({"awslogs": {"data": _base64(gzip.compress(data))}}, max_bytes=LIMIT)) == ["a?b"]


def test_samples_of_others(samples):
    """Every subscription event that others recorded unpacks without a bad record."""
    for path in sorted((samples / "subscription_events").glob("*.json")):
        unpacked = decode_event(json.loads(path.read_text()), max_bytes=LIMIT)
        assert unpacked.batches, path.name
        assert not unpacked.bad_envelopes, path.name
