"""What AWS keeps of events that failed, read from bytes that anybody may have written."""

import contextlib
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInputError
from pipeline.replay.parked_record import MOST_BYTES, read_parked
from tests.support.events import lambda_event
from tests.support.parked import AWAY, asynchronous, of_firehose, of_kinesis, stream

EVENT = lambda_event(["a"])
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4), max_leaves=20)  # fmt: skip
NAMES = (
    "requestPayload",
    "payload",
    "rawData",
    "requestContext",
    "responseContext",
    "responsePayload",
    "KinesisBatchInfo",
    "awslogs",
    "errorCode",
)


def encoded(content):
    """``content`` as an object's bytes."""
    return json.dumps(content).encode()


@pytest.mark.parametrize(("content", "reason", "attempts"), [
    (asynchronous(EVENT), AWAY, 3), (asynchronous(EVENT, condition="EventAgeExceeded"), "EventAgeExceeded", 3),
    (of_kinesis(stream("s", "a")), "RetryAttemptsExhausted: Unhandled", 4), ({"requestPayload": EVENT}, "", 0),
    ({"requestPayload": EVENT, "requestContext": {"approximateInvokeCount": True}, "responsePayload": "text"}, "", 0),
    ({"requestPayload": EVENT, "responsePayload": {"errorType": "E", "errorMessage": 7}}, "E", 0)])  # fmt: skip
def test_the_reason_is_the_function_s_error_else_the_condition(content, reason, attempts):
    """As far as AWS says one; odd types say nothing."""
    (record,) = read_parked(encoded(content))
    assert (record.reason, record.attempts) == (reason, attempts)


def test_the_event_is_what_ship_got():
    """An asynchronous event as it is; Kinesis' unescaped, also where it is not escaped; Firehose's in the shape of a subscription's."""
    assert [record.event for record in read_parked(encoded(asynchronous(EVENT)))] == [EVENT]
    batch = of_kinesis(stream("s", "a"))
    for payload in (batch["payload"], json.loads(batch["payload"])):
        (record,) = read_parked(encoded(batch | {"payload": payload}))
        assert record.event == json.loads(batch["payload"])
    lines = of_firehose(stream("s", "a"), stream("t", "b"))
    assert [record.event["awslogs"]["data"] for record in read_parked(lines.encode())] == [
        json.loads(line)["rawData"] for line in lines.splitlines()
    ]


@pytest.mark.parametrize("form", [lambda text: text, lambda text: b"\n\n" + text + b"\n", gzip.compress, lambda text: json.dumps(json.loads(text), indent=2).encode()])  # fmt: skip
def test_forms_of_one_record(form):
    """On one line, formatted over several, between empty lines, gzipped."""
    assert len(read_parked(form(encoded(asynchronous(EVENT))))) == 1


@given(
    parts=st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3), min_size=1, max_size=4),
    padding=st.sampled_from([b"", b"\0" * 7]),
)
def test_every_member_of_a_gzipped_object_is_read(parts, padding):
    """Gzip may be a series of members, and end with zeros: each line of each is a record, in their order."""
    members = [of_firehose(*(stream(name, name) for name in names)).encode() + b"\n" for names in parts]
    found = read_parked(b"".join(map(gzip.compress, members)) + padding)
    assert found == read_parked(b"".join(members))
    assert len(found) == sum(map(len, parts))


@pytest.mark.parametrize("rest", [b"and a text", gzip.compress(b"x")[:9], of_firehose(stream("s", "b")).encode()])
def test_what_follows_a_gzip_and_is_none_is_refused(rest):
    """Else the object would be deleted with something in it that nobody has read."""
    with pytest.raises(BadInputError, match=r"gzip|cut off"):
        read_parked(gzip.compress(of_firehose(stream("s", "a")).encode()) + rest)


def test_a_bound_of_the_caller_holds_before_and_after_decompression():
    """An object may be larger than a record, and no larger than the caller allows."""
    line = of_firehose(stream("s", "x" * 1000)).encode() + b"\n"
    many = line * (MOST_BYTES // len(line) + 2)
    for data in (many, gzip.compress(many, 1)):
        with pytest.raises(BadInputError, match="more than"):
            read_parked(data)
        assert len(read_parked(data, most_bytes=2 * MOST_BYTES)) == MOST_BYTES // len(line) + 2


@given(st.binary(max_size=200) | JSON.map(encoded) | st.dictionaries(st.sampled_from(NAMES), JSON | st.just(EVENT), max_size=5).map(encoded)
       | st.binary(max_size=100).map(gzip.compress))  # fmt: skip
def test_no_bytes_raise_anything_else(data):
    """Whatever somebody puts into the bucket is a record with an event, or refused in one line."""
    with contextlib.suppress(BadInputError):
        for record in read_parked(data):
            assert isinstance(record.event, dict)
            assert len(record.reason) <= 500
