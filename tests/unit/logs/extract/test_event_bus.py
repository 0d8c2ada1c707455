"""EventBridge: the records of an event bus' log, and the ids of events in the lines of those who send and receive them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.logs.extract.event_ids import find_event_ids
from pipeline.logs.extract.log_line import EventBusLine
from pipeline.logs.extract.read_lines import extract
from pipeline.logs.printed import demote_printed
from tests.support.event_bus import EVENT, PUT, TARGET, record
from tests.support.events import OTHER_REQUEST


@pytest.mark.parametrize(
    ("step", "more", "body", "signals"),
    [
        ("EVENT_RECEIPT", {"details": {"caller_account_id": "123456789012", "source": "shop", "detail_type": " Paid", "event_detail": "{}"}},
         "EVENT_RECEIPT shop Paid", ()),
        ("INVOCATION_SUCCESS", {"details": {"rule_arn": "arn:r", "target_arn": TARGET, "total_attempts": 1}}, f"INVOCATION_SUCCESS → {TARGET}", ()),
        ("INVOCATION_ATTEMPT_RETRYABLE_FAILURE", {"details": {"target_arn": TARGET}, "error": {"aws_service": "AWSLambda", "error_message": "slow"}},
         f"INVOCATION_ATTEMPT_RETRYABLE_FAILURE → {TARGET} — AWSLambda: slow", ()),
        ("INVOCATION_FAILURE", {"log_level": "ERROR", "details": {"target_arn": TARGET},
                                "error": {"aws_service": "AWSLambda", "error_message": "gone", "request_id": OTHER_REQUEST}},
         f"INVOCATION_FAILURE → {TARGET} — AWSLambda: gone", ("error",)),
        ("NO_STANDARD_RULES_MATCHED", {}, "NO_STANDARD_RULES_MATCHED", ()),
        ("RULE_MATCH", {"details": [1], "error": "odd"}, "RULE_MATCH", ()),
    ],
)  # fmt: skip
def test_a_record_of_the_bus(step, more, body, signals):
    """Each step names the event and the request that put it; what failed for good is an error, what is tried again is none yet."""
    line = extract(record(step, **more))
    assert isinstance(line, EventBusLine)
    assert (line.body, line.event_name, line.service_name) == (body, f"eventbridge.{step}", "orders-bus")
    assert (line.request_id, line.correlation_ids, line.trace_id, line.signals) == (PUT, (EVENT,), None, signals)
    assert line.integration_request_id == (OTHER_REQUEST if step == "INVOCATION_FAILURE" else None)
    assert line.severity.text == more.get("log_level", "INFO")


@pytest.mark.parametrize("wrong", [None, 5, ["a"], {"a": 1}, "", "x" * 1000])
def test_odd_values_in_a_record_break_nothing(wrong):
    """A record whose values have other types stays a record as far as it names its bus and step, and else a line like any other."""
    for name in ("resource_arn", "request_id", "event_id", "message_type", "log_level", "message_timestamp_ms"):
        content = json.loads(record("RULE_MATCH")) | {name: wrong}
        line = extract(json.dumps(content))
        assert json.loads(bytes(line.attributes))["resource_arn"] == content["resource_arn"]
        assert line.body


def test_a_function_that_prints_a_record_is_no_bus():
    """In a log of Lambda's or API Gateway's, the same line has no event's name."""
    for writer in ("lambda", "api-gateway"):
        lines = [extract(record("RULE_MATCH"))]
        demote_printed(lines, writer)
        assert (lines[0].event_name, isinstance(lines[0], EventBusLine)) == ("", False)


PRINTED = {"version": "0", "id": EVENT, "detail-type": "Paid", "source": "shop", "detail": {"id": OTHER_REQUEST}}
ANSWER = {"FailedEntryCount": 0, "Entries": [{"EventId": EVENT}]}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ANSWER), str(ANSWER), json.dumps({"message": json.dumps(ANSWER)}), json.dumps({"message": "sent", "response": ANSWER}),
        f"{{ FailedEntryCount: 0, Entries: [ {{ EventId: '{EVENT}' }} ] }}",
        json.dumps(PRINTED), str(PRINTED), json.dumps(PRINTED, indent=2), json.dumps({"message": json.dumps(PRINTED)}),
        f"2026-11-24T10:00:00.000Z\t{OTHER_REQUEST}\tINFO\t{{ version: '0', id: '{EVENT}', 'detail-type': 'Paid' }}",
    ],
)  # fmt: skip
def test_the_id_of_an_event_is_a_correlation_id(text):
    """As the sender logs the answer of PutEvents, and as the target prints the event, in JSON and in the renderings of runtimes."""
    assert find_event_ids(text) == (EVENT,)
    assert extract(text).correlation_ids == (EVENT,)


@pytest.mark.parametrize(
    "text",
    [json.dumps({"EventId": EVENT}), json.dumps({"id": EVENT, "type": "x"}), f"detail-type of {EVENT}", "FailedEntryCount: 1, EventId: 7",
     json.dumps({"paid": EVENT, "detail-type": "x"}), json.dumps({"id": f"{EVENT}-1", "detail-type": "x"})],
)  # fmt: skip
def test_other_ids_are_none(text):
    """A key of the same name elsewhere, an id of another form."""
    assert find_event_ids(text) == ()


@given(st.text(alphabet="EventId{}\"':= 0-a\\,dl", max_size=400))
def test_finding_events_never_raises(text):
    """Whatever stands around the words."""
    assert find_event_ids(f"FailedEntryCount{text}detail-type") is not None
