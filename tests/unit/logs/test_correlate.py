"""Which trace and request a line gets within one batch."""

import json

import pytest

from pipeline.logs.correlate import correlate_batch
from pipeline.logs.extract.read_lines import extract, read_lines
from pipeline.model.trace_ids import to_xray
from tests.support.events import OTHER, OTHER_REQUEST, REQUEST, TRACE, end, powertools, report, start

SPAN = "53995c3f42cd8ad8"
SEGMENT = "0285bf1261be05ff"
UNTRACED = report().split("XRAY")[0]
GATEWAY = "a1335dfd-5bcc-4e1b-aa45-f6726cb95816"


def attributed(*messages, **how):
    """The lines of one batch, attributed."""
    _, lines = read_lines(messages)
    correlate_batch(lines, **how)
    return lines


def platform(kind, request=REQUEST, trace=TRACE):
    """A line of Lambda's JSON system log."""
    tracing = {"spanId": SEGMENT, "type": "X-Amzn-Trace-Id", "value": f"Root={to_xray(trace)};Parent={SPAN};Sampled=1"}
    return json.dumps({"time": "t", "type": kind, "record": {"requestId": request, "tracing": tracing}})


def test_what_the_platform_knows_goes_to_lines_that_name_the_trace_too():
    """A line with both ids of its own gets segment and sampling from REPORT."""
    line = attributed(powertools("a"), report(sampled=False))[0]
    assert (line.id_source, line.sampled, line.span_id) == ("inline", False, SEGMENT)


def test_another_services_request_id_in_a_text_does_not_hide_the_invocation():
    """What a free text calls a request id is no sign of another invocation: it and its neighbours get the open request."""
    words = f"LambdaException: no (Service: Lambda, Status Code: 429, Request ID: {OTHER_REQUEST})"
    lines = attributed(start(), "a print", words, "\tat x", end(), report(), of_lambda=True)
    assert [line.request_id for line in lines] == [REQUEST] * 6
    assert [line.id_source for line in lines] == ["request", "stream", "stream", "stream", "request", "inline"]


def test_a_json_line_keeps_its_own_request_id():
    """A JSON key for a request id is meant: the line gets the trace of the invocation around it, and keeps that id to be found by."""
    line = attributed(start(), json.dumps({"requestId": "JKJaXmPLvHcESHA=", "message": "m"}), end(), report(), of_lambda=True)[1]
    assert (line.trace_id, line.request_id, line.id_source) == (TRACE, "JKJaXmPLvHcESHA=", "stream")


def test_a_line_that_names_the_trace_alone_gets_the_open_request():
    """Powertools without its context names a trace and no request."""
    alone = json.dumps({"message": "m", "xray_trace_id": to_xray(TRACE)})
    line = attributed(start(), alone, end(), report())[1]
    assert (line.trace_id, line.request_id, line.id_source) == (TRACE, REQUEST, "inline")


@pytest.mark.parametrize("how", [{"whole": True}, {"of_lambda": True}])
@pytest.mark.parametrize("text", [f"order-1 trace_id={to_xray(OTHER)}", json.dumps({"trace_id": OTHER, "span_id": SPAN, "message": "m"})])
def test_a_line_that_names_another_trace_alone_is_stale(text, how):
    """It is the open request's, whose trace the platform names; where no platform speaks, its own word is all there is."""
    line = attributed(start(), text, end(), report(), **how)[1]
    assert (line.trace_id, line.request_id, line.id_source, line.stale_trace_id) == (TRACE, REQUEST, "stream", OTHER)
    assert (line.span_id, line.sampled) == (SEGMENT, True)
    outside = attributed(text, **how)[0]
    assert (outside.trace_id, outside.request_id, outside.id_source) == (OTHER, None, "inline")


def test_in_a_log_of_lambda_a_header_alone_gives_no_trace():
    """It is the sender's; the line waits for its invocation's record, and elsewhere, as in a container's log, it is all there is."""
    text = f"got {{AWSTraceHeader=Root={to_xray(OTHER)};Parent={SPAN};Sampled=1}}"
    (line,) = attributed(text, of_lambda=True)
    assert (line.trace_id, line.span_id, line.sampled, line.propagated_trace_ids) == (None, None, None, (OTHER,))
    assert attributed(text)[0].trace_id == OTHER


@pytest.mark.parametrize("text", [f"  locals: {{'previous': '{to_xray(OTHER)}'}}", json.dumps({"level": "error", "frames": [{"previous": to_xray(OTHER)}]}),
                                  f"2026-11-24T10:00:00.000Z\t{REQUEST}\tINFO\tgot {to_xray(OTHER)}"])  # fmt: skip
def test_an_id_that_nothing_calls_a_traces_is_no_claim(text):
    """In a log of Lambda's it is neither the line's trace nor a stale id; elsewhere it is all that is known."""
    line = attributed(start(), text, end(), report(), of_lambda=True)[1]
    assert (line.trace_id, line.request_id, line.stale_trace_id, line.propagated_trace_ids) == (TRACE, REQUEST, None, ())
    assert attributed(text, of_lambda=True)[0].trace_id is None
    assert (attributed(text)[0].trace_id, attributed(text)[0].id_source) == (OTHER, "inline")


def test_another_services_request_id_in_json_waits_for_the_record():
    """While the invocation's record is in another batch, the line has neither trace nor position, as if it were alone in its batch."""
    text = json.dumps({"requestId": OTHER_REQUEST, "service": "dynamodb"})
    line = attributed(start(), text, end(), of_lambda=True)[1]
    assert (line.trace_id, line.request_id, line.id_source) == (None, OTHER_REQUEST, "none")


def test_a_loggers_prefix_names_the_request():
    """Log4j's request id finds its record wherever that stands; between START and END another id is no request's."""
    text = f"2026-11-24 10:00:00 {REQUEST} INFO  Orders - m"
    assert [line.id_source for line in attributed(text, start(), text, end(), report(), of_lambda=True)] == ["request"] * 4 + ["inline"]
    line = attributed(start(OTHER_REQUEST), text, end(OTHER_REQUEST), report(OTHER_REQUEST, OTHER), of_lambda=True)[1]
    assert (line.trace_id, line.request_id, line.id_source) == (OTHER, OTHER_REQUEST, "stream")


def test_an_invocation_that_was_not_traced_spreads_no_id():
    """REPORT without its X-Ray half: what one line names is that line's alone."""
    lines = attributed(start(), "a print", powertools("names one"), end(), UNTRACED)
    assert [line.trace_id for line in lines] == [None, None, TRACE, None, None]


@pytest.mark.parametrize("report_lines", [(), (UNTRACED,)])
def test_a_position_alone_gives_no_request_without_a_trace(report_lines):
    """The line is as it would be if START stood in another batch; where the batch is the whole stream, its position is certain."""
    log4j = f"2026-11-24 10:00:00 {OTHER_REQUEST} INFO  Orders - m"
    for how in ({}, {"of_lambda": True}):
        bare, logger = attributed(start(), "a print", log4j, end(), *report_lines, **how)[1:3]
        assert [(line.request_id, line.id_source) for line in (bare, logger)] == [(None, "none"), (OTHER_REQUEST, "none")]
    bare, logger = attributed(start(), "a print", log4j, end(), *report_lines, whole=True)[1:3]
    assert [(line.request_id, line.id_source) for line in (bare, logger)] == [(REQUEST, "stream")] * 2


def test_in_a_log_of_lambda_no_line_takes_the_trace_that_another_claims():
    """It may be stale; where nobody else will speak of the request, it is taken."""
    lines = (start(), powertools("stale?"), f"2026-11-24T10:00:00.000Z\t{REQUEST}\tINFO\thi")
    assert [line.trace_id for line in attributed(*lines, of_lambda=True)] == [None, TRACE, None]
    assert [line.trace_id for line in attributed(*lines)] == [TRACE] * 3


def test_an_environments_own_lines_belong_to_no_request():
    """INIT lines, extensions, and what is printed before the first START or after a restart."""
    init = (
        "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn",
        "loading",
        "EXTENSION\tName: a\tState: Ready\tEvents: [INVOKE]",
    )
    lines = attributed(*init, start(), "mine", "INIT_REPORT Init Duration: 9.00 ms\tPhase: invoke\tStatus: timeout", *init[:2], report())
    assert [line.request_id for line in lines] == [None, None, None, REQUEST, REQUEST, None, None, None, REQUEST]


@pytest.mark.parametrize("whole", [True, False])
def test_bare_lines_of_a_json_stream_wait_until_all_of_it_can_be_seen(whole):
    """Another batch may show an invocation that interleaves; where these lines are all that there is, the place counts."""
    lines = attributed(platform("platform.start"), "bare", platform("platform.runtimeDone"), whole=whole)
    assert (lines[1].trace_id, lines[1].id_source) == ((TRACE, "stream") if whole else (None, "none"))


def test_interleaved_json_invocations_are_told_apart_by_request_id_alone():
    """Each application line has its request's trace; a bare one has none."""
    lines = attributed(
        platform("platform.start"), platform("platform.start", OTHER_REQUEST, OTHER), json.dumps({"requestId": REQUEST, "message": "a"}),
        json.dumps({"requestId": OTHER_REQUEST, "message": "b"}), "bare", platform("platform.runtimeDone"),
        platform("platform.runtimeDone", OTHER_REQUEST, OTHER), whole=True,
    )  # fmt: skip
    assert [line.trace_id for line in lines[2:5]] == [TRACE, OTHER, None]


def test_a_header_that_was_received_is_no_stale_id():
    """A logged event shows its caller's trace; the platform's record says where the line belongs, and the header is kept as one."""
    event = {"function_request_id": REQUEST, "message": {"headers": {"x-amzn-trace-id": f"Root={to_xray(OTHER)};Parent={SPAN}"}}}
    line = attributed(json.dumps(event), report())[0]
    assert (line.trace_id, line.stale_trace_id, line.propagated_trace_ids) == (TRACE, None, (OTHER,))


def test_headers_beside_an_own_trace():
    """Every tracing header of a batch of messages is kept, the line's own trace is not among them."""
    records = [
        {"attributes": {"AWSTraceHeader": f"Root={to_xray(id_)};Parent={SPAN};Sampled=1"}} for id_ in (OTHER, TRACE, OTHER[:-1] + "0")
    ]
    line = extract(powertools("event", event={"Records": records}))
    assert line.propagated_trace_ids == (OTHER, OTHER[:-1] + "0")
    w3c = extract(powertools("event", pad="." * 700, event={"headers": {"traceparent": f"00-{OTHER}-{SPAN}-01"}}))
    assert w3c.propagated_trace_ids == (OTHER,)


@pytest.mark.parametrize(
    "text",
    ["AWS Integration Endpoint RequestId : {}", "Lambda execution failed with status 200 due to customer function error: boom. Lambda request id: {}",
     "Endpoint response headers: {{Date=Wed, x-amzn-RequestId={}, X-Amz-Function-Error=Unhandled}}"],
)  # fmt: skip
def test_execution_logs_name_the_integrations_request(text):
    """Three of API Gateway's lines name the Lambda request; its own id in a method's response is not one."""
    assert extract(f"({GATEWAY}) {text.format(REQUEST)}").integration_request_id == REQUEST
    assert extract(f"({GATEWAY}) Method response headers: {{x-amzn-RequestId={REQUEST}}}").integration_request_id is None


def test_four_requests_interleaved_in_one_execution_log():
    """Each line gets the trace that API Gateway itself names for its request, whatever stands between them."""
    requests = [f"a1335dfd-5bcc-4e1b-aa45-{number:012d}" for number in range(4)]
    traces = [f"5759e988bd862e3fe1be46a9942727{number}0" for number in range(4)]
    says = [("Starting execution for request: {r}", None), ("Method request headers: {{X-Amzn-Trace-Id=Root={t}}}", "inline"),
            ("Endpoint response headers: {{x-amzn-RequestId=" + REQUEST + ", X-Amzn-Trace-Id=root={t};parent=" + SPAN + ";sampled=0}}", "inline"),
            ("Method completed with status: 502", "request"), ("X-ray Tracing ID : {t}", "inline")]  # fmt: skip
    messages = [f"({r}) {text.format(r=r, t=to_xray(t))}" for text, _ in says for r, t in zip(requests, traces, strict=True)]
    lines = attributed(*messages)
    assert [line.trace_id for line in lines] == traces * len(says)
    assert {line.span_id for line in lines} == {None}


def test_access_logs_name_both_requests():
    """By the names that our format, the variables and others give them."""
    for key in ("integrationRequestId", "integration_request_id", "integration.requestId", "awsEndpointRequestId"):
        line = extract(
            json.dumps({"requestId": "JKJaXmPLvHcESHA=", "routeKey": "GET /x", "httpMethod": "GET", "status": "200", key: REQUEST})
        )
        assert (line.format, line.request_id, line.integration_request_id, line.body) == (
            "apigateway-access", "JKJaXmPLvHcESHA=", REQUEST, "GET /x 200")  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [{"version": "2.0", "routeKey": "GET /x", "headers": {"x-amzn-trace-id": f"Root={to_xray(OTHER)}"}, "requestContext": {"requestId": "g"}},
     {"httpMethod": "GET", "path": "/x", "headers": {"X-Amzn-Trace-Id": f"Self=1-1-1;Root={to_xray(OTHER)}"}}, {"httpMethod": "GET", "headers": None}],
)  # fmt: skip
@pytest.mark.parametrize("how", [{"whole": True}, {"of_lambda": True}])
def test_an_event_that_a_function_prints_is_no_access_log(event, how):
    """It stands in the invocation that printed it, whatever its headers say: those are the sender's."""
    line = attributed(start(), json.dumps(event), end(), report(), **how)[1]
    assert (line.trace_id, line.request_id, line.id_source, line.stale_trace_id) == (TRACE, REQUEST, "stream", None)
    assert line.event_name == "" or "whole" in how
    assert line.propagated_trace_ids == ((OTHER,) if event["headers"] else ())


def test_a_text_that_mentions_a_request_of_the_same_group_is_not_that_requests():
    """Where it stands counts, whether the other request's record is in the batch or not."""
    mention = f"duplicate of request id: {OTHER_REQUEST}"
    for before in ([], [report(OTHER_REQUEST, OTHER)]):
        line = attributed(*before, start(), mention, end(), report(), of_lambda=True)[len(before) + 1]
        assert (line.trace_id, line.request_id, line.id_source) == (TRACE, REQUEST, "stream")
    assert attributed(mention, of_lambda=True)[0].request_id is None


def test_two_platform_records_of_one_request_are_no_evidence():
    """Each stays with the trace that it names; no other line of the request takes one of them."""
    lines = attributed(start(), report(), "between", report(trace=OTHER), of_lambda=True)
    assert [line.trace_id for line in lines] == [None, TRACE, None, OTHER]
    assert not any(line.stale_trace_id for line in lines)


def test_lines_get_their_requests_trace():
    """START and END, and a Node line, get the trace that REPORT names, and a bare print that of the open request."""
    lines = attributed(start(), "bare print", f"2020-03-05T16:30:36.113Z\t{REQUEST}\tINFO\thi", end(), report(), "between requests")
    assert [line.id_source for line in lines] == ["request", "stream", "request", "request", "inline", "none"]
    assert [line.trace_id for line in lines] == [TRACE] * 5 + [None]


def test_a_stale_id_yields_to_the_platform():
    """A line that claims another trace than the platform's record keeps both ids."""
    stale = powertools("cached segment", trace="68a1b2c3bd862e3fe1be46a994272794")
    line = attributed(start(), stale, end(), report())[1]
    assert (line.trace_id, line.stale_trace_id, line.id_source) == (
        TRACE,
        "68a1b2c3bd862e3fe1be46a994272794",
        "request",
    )


def test_interleaved_invocations_are_not_guessed():
    """Where two requests are open in one stream, a bare line belongs to neither."""
    other = "11111111-2182-454f-963f-5f0f9a621d72"
    lines = attributed(start(), start(other), "bare", end(), end(other), report(), report(other))
    assert (lines[2].trace_id, lines[2].id_source) == (None, "none")


def test_a_split_report_is_joined():
    """The X-Ray half of a REPORT line that a shipper split belongs to the line before it."""
    first, second = report().split("\n")[:2]
    lines = attributed(start(), first, second)
    assert [line.trace_id for line in lines] == [TRACE] * 3
