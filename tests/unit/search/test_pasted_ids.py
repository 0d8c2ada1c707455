"""What a person means by what they pasted."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.event_ids import parse_event_id, time_of_event
from pipeline.search.pasted_ids import is_log_line, meant_by, name_of

TRACE, XRAY = "5759e988bd862e3fe1be46a994272793", "1-5759e988-bd862e3fe1be46a994272793"
REQUEST = "52fdfc07-2182-454f-963f-5f0f9a621d72"
EVENT = "35311576113643479509122203821736568581641214360547753996"
CONSOLE = "https://eu-west-1.console.aws.amazon.com"
STREAM = "2026/05/28/[$LATEST]0123456789abcdef0123456789abcdef"


def twice(text):
    """As CloudWatch's console encodes a name."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")


def list_of_events(rest):
    """The address of CloudWatch's list of the events of a log stream."""
    return f"{CONSOLE}/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/{twice('/aws/lambda/orders')}/log-events/{twice(STREAM)}{rest}"


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        (f'  "{XRAY}", ', TRACE), (XRAY.upper(), TRACE), (f"Root={XRAY};Parent=0285bf1261be05ff;Sampled=1", TRACE), (f"({TRACE})", TRACE),
        (f"00-{TRACE}-0285bf1261be05ff-01", TRACE), (REQUEST.upper(), REQUEST), (f"'{REQUEST}'", REQUEST),
        (f"{CONSOLE}/xray/home?region=eu-west-1#/traces/{XRAY}", TRACE),
        (f"{CONSOLE}/cloudwatch/home?region=eu-west-1#xray:traces/{XRAY}?~(query~()~context~(timeRange~(end~'2026)))", TRACE),
        (list_of_events(f"$3FfilterPattern$3D$2522{REQUEST.upper()}$2522"), REQUEST),
        (list_of_events(f"$3FfilterPattern$3D{twice(f'{XRAY}')}"), TRACE),
        (list_of_events(f"$3Fstart$3D1583425836190$26refEventId$3D{EVENT}"), EVENT),
        (f"REPORT RequestId: {REQUEST}\tDuration: 46.84 ms\nXRAY TraceId: {XRAY}\tSegmentId: 0285bf1261be05ff", TRACE),
        (f"START RequestId: {REQUEST} Version: $LATEST", REQUEST),
        (json.dumps({"level": "INFO", "function_request_id": REQUEST, "xray_trace_id": XRAY}), TRACE),
        (f"2026-05-28T20:26:40.600Z\t{REQUEST}\tINFO\tpaid", REQUEST),
        (f"see trace_id={TRACE}, span_id=0285bf1261be05ff", TRACE),
    ],
)  # fmt: skip
def test_the_id_in_what_was_pasted(text, id_):
    """It comes first, and the text itself stays: it may be a correlation id."""
    found = meant_by(text)
    assert found[0] == id_
    assert text in found


@pytest.mark.parametrize("text", ["order 17", "order-7/x", "0285bf1261be05ff", list_of_events(""), "a=b", "~", "{}", "$25$25$25"])
def test_what_holds_no_id_stays_what_it_is(text):
    """The stream's own digits are no trace id."""
    assert set(meant_by(text)) <= {text, text.strip("{}")}


@given(st.text(max_size=300))
def test_any_text_is_its_own_meaning(text):
    """No text fails, and what is not empty is among what it means."""
    assert (text in meant_by(text)) == bool(text)
    is_log_line(text)


@pytest.mark.parametrize(
    "text", ["level:error timeout", "orders failed", f"{XRAY} timeout", '"order not found" since:2h', "[orders]", "{a}"]
)
def test_a_question_is_no_log_line(text):
    """It is read as a question then."""
    assert not is_log_line(text)


def test_the_time_in_an_event_id():
    """As in an event that Datadog recorded; a number that holds no time of ours is none."""
    assert time_of_event(EVENT) == 1583425836190
    assert [parse_event_id(text) for text in (EVENT, f" {EVENT} ", EVENT[:-1], "0" * 56)] == [EVENT, EVENT, None, None]


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:$LATEST/durable-execution/order-7/0b8f6a0e-33f2-3cf1-a0d6-8b1c1f4f3c11"


@pytest.mark.parametrize("text", [
    ARN, f'"{ARN}",', f"failed: {ARN} (see the log)", f"{CONSOLE}/lambda/home#/functions/orders/durable-executions/{quote(ARN, safe='')}",
    f'{{"executionArn": "{ARN}"}}',
])  # fmt: skip
def test_the_arn_of_a_durable_execution(text):
    """It counts as a whole, and not the UUID at its end."""
    assert meant_by(text)[0] == ARN
    assert REQUEST not in meant_by(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [(f'"{XRAY}"', XRAY), (f" ({REQUEST}),", REQUEST), ("<order-7>", "order-7"), ("order-7", "order-7"), (f"REPORT RequestId: {REQUEST}\tDuration: 1 ms", REQUEST),
     (f"{CONSOLE}/xray/home#/traces/{XRAY}", TRACE), (f"Root={XRAY};Sampled=1", f"Root={XRAY};Sampled=1"), ("two words", "two words")],
)  # fmt: skip
def test_what_was_pasted_has_a_name(text, name):
    """An id as it was written, without what stands around it; of a longer text the id inside; else the text."""
    assert name_of(text) == name
