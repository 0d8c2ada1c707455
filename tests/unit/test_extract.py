"""What a line says of itself."""

import json
import time

import pytest

from pipeline.logs.correlate import correlate_batch
from pipeline.logs.extract.read_lines import extract
from tests.events import REQUEST, TRACE, end, powertools, report, start

XRAY = "1-5759e988-bd862e3fe1be46a994272793"
SPAN = "53995c3f42cd8ad8"


def test_start_and_end_open_and_close_a_request():
    """START and END carry the request, and the platform wrote them."""
    first, last = extract(start()), extract(end())
    assert (first.format, first.request_id, first.opens, first.platform) == ("lambda-start", REQUEST, True, True)
    assert (last.format, last.request_id, last.closes) == ("lambda-end", REQUEST, True)


def test_report_names_trace_segment_and_sampling():
    """Both halves of a REPORT line are read, with tabs or with runs of spaces between the fields."""
    for text in (report(), report().replace("\t", "   ")):
        line = extract(text)
        assert (line.request_id, line.trace_id, line.span_id, line.sampled) == (
            REQUEST,
            TRACE,
            "0285bf1261be05ff",
            True,
        )
    assert extract(report(sampled=False)).sampled is False


def test_report_status_is_a_signal():
    """`Status: timeout` and `Status: error` in a REPORT line speak of a failure; their absence does not."""
    assert extract(report(status="timeout")).signals == ("timeout",)
    assert extract(report(status="error")).signals == ("error",)
    assert extract(report()).signals == ()


def test_placeholder_ids_in_a_report_are_no_ids():
    """AWS' documentation writes ids that are none."""
    line = extract(report().replace(XRAY, "1-5e34a614-10bdxmplf1fb44f07bc535a1"))
    assert line.trace_id is None


def test_powertools_json():
    """Every id of Powertools' logger is found, and the message is the body."""
    line = extract(powertools("paid", level="ERROR", correlation_id="order-1", exception="Traceback", exception_name="ValueError"))
    assert (line.format, line.trace_id, line.request_id, line.correlation_ids) == (
        "powertools-json",
        TRACE,
        REQUEST,
        ("order-1",),
    )
    assert (line.body, line.severity.text, line.severity.number, line.signals) == (
        "paid",
        "ERROR",
        17,
        ("error", "exception"),
    )


@pytest.mark.parametrize("key", ["xray_trace_id", "xrayTraceId", "XRayTraceId", "traceId", "trace_id", "TraceId", "trace.id",
                                 "x-amzn-trace-id", "X-Amzn-Trace-Id", "_X_AMZN_TRACE_ID", "AWSTraceHeader"])  # fmt: skip
def test_trace_keys(key):
    """Each writer's key for the trace id is known, and so is a whole header in its place."""
    assert extract(json.dumps({key: XRAY})).trace_id == TRACE
    line = extract(json.dumps({key: f"Root={XRAY};Parent={SPAN};Sampled=0"}))
    assert (line.trace_id, line.span_id, line.sampled) == (TRACE, SPAN, False)


@pytest.mark.parametrize("key", ["function_request_id", "requestId", "request_id", "RequestId", "FunctionRequestId", "awsRequestId",
                                 "aws_request_id"])  # fmt: skip
def test_request_keys(key):
    """Each writer's key for the request id is known."""
    assert extract(json.dumps({key: REQUEST})).request_id == REQUEST


@pytest.mark.parametrize(("content", "text"), [({"level": "warn"}, "WARN"), ({"level": 50}, "ERROR"), ({"severityText": "Info"}, "INFO"),
                                               ({"log.level": "debug"}, "DEBUG"), ({"Level": "Fatal"}, "FATAL"), ({"levelname": "ERROR"}, "ERROR"),
                                               ({"status": "info"}, "INFO")])  # fmt: skip
def test_severities(content, text):
    """Words and pino's numbers become OpenTelemetry's severities."""
    assert extract(json.dumps(content)).severity.text == text


def test_opentelemetry_json():
    """An OpenTelemetry log line gives trace and span."""
    line = extract(json.dumps({"traceId": TRACE, "spanId": SPAN, "severityText": "INFO", "body": "hello"}))
    assert (line.trace_id, line.span_id, line.body) == (TRACE, SPAN, "hello")


def test_wrong_types_are_passed_over():
    """A key of ours with a value of another type neither raises nor is taken."""
    line = extract(
        json.dumps(
            {
                "level": {"a": 1},
                "traceId": 7,
                "requestId": [1],
                "message": {"order": 1},
                "service": None,
                "sampled": "no",
            }
        )
    )
    assert (line.trace_id, line.request_id, line.severity, line.body) == (None, None, None, '{"order":1}')


def test_a_uuid_or_a_decimal_number_is_no_trace_id():
    """Datadog's ids and bare UUIDs under a trace key are left alone."""
    assert extract(json.dumps({"trace_id": REQUEST})).trace_id is None
    assert extract(json.dumps({"traceId": "3172564172058669914"})).trace_id is None


def test_a_header_inside_a_logged_event_is_found():
    """A logged API Gateway event names the trace in its headers."""
    line = extract(json.dumps({"message": "event", "event": {"headers": {"X-Amzn-Trace-Id": f"Root={XRAY};Parent={SPAN};Sampled=1"}}}))
    assert (line.trace_id, line.sampled) == (TRACE, True)


def test_two_traces_in_one_line_are_no_evidence():
    """A wrong trace is worse than none."""
    assert extract(f"joined {XRAY} and 1-68a1b2c3-bd862e3fe1be46a994272794").trace_id is None


@pytest.mark.parametrize(
    ("text", "format_", "severity"),
    [(f"2020-03-05T16:30:36.113Z\t{REQUEST}\tERROR\tbroken", "node-text", "ERROR"),
     (f"[INFO]\t2023-01-01T00:00:00.000Z\t{REQUEST}\thello", "python-text", "INFO")],
)  # fmt: skip
def test_runtime_prefixes(text, format_, severity):
    """The prefixes of Lambda's runtimes give request and severity."""
    line = extract(text)
    assert (line.format, line.request_id, line.severity.text) == (format_, REQUEST, severity)


def test_timeout_crash_and_memory():
    """The platform's last words about a request are signals."""
    assert extract(f"2023-01-01T00:00:00.000Z {REQUEST} Task timed out after 3.00 seconds").signals == ("timeout",)
    killed = extract(f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed\nRuntime.ExitError")
    assert (killed.request_id, killed.signals) == (REQUEST, ("crash", "out-of-memory"))


def test_python_traceback():
    """An uncaught exception of the Python runtime is an error and an exception."""
    line = extract("[ERROR] ValueError: boom\nTraceback (most recent call last):\n  File x")
    assert (line.format, line.signals) == ("python-text", ("error", "exception"))


def test_platform_json():
    """Lambda's JSON system log gives request, trace, sampling and status."""
    record = {
        "requestId": REQUEST,
        "status": "timeout",
        "tracing": {"spanId": SPAN, "type": "X-Amzn-Trace-Id", "value": f"Root={XRAY};Sampled=1"},
    }
    line = extract(json.dumps({"time": "2023", "type": "platform.report", "record": record}))
    assert (line.format, line.request_id, line.trace_id, line.span_id, line.sampled, line.signals) == (
        "platform.report", REQUEST, TRACE, SPAN, True, ("timeout",))  # fmt: skip


def test_api_gateway_access_and_execution_logs():
    """Both logs of API Gateway give the request; the access log its trace, the execution log its lower-case header."""
    access = extract(json.dumps({"requestId": REQUEST, "httpMethod": "GET", "resourcePath": "/o", "status": "200", "xrayTraceId": XRAY}))
    assert (access.format, access.request_id, access.trace_id, access.body) == (
        "apigateway-access",
        REQUEST,
        TRACE,
        "GET /o 200",
    )
    execution = extract(f"({REQUEST}) Endpoint response headers: {{X-Amz-Function-Error=Unhandled, X-Amzn-Trace-Id=root={XRAY};sampled=0}}")
    assert (execution.request_id, execution.trace_id, execution.sampled) == (REQUEST, TRACE, False)


def test_correlation_keys_of_any_name():
    """Any `x-correlation-…` key counts, in JSON and in text."""
    assert extract('{"x-correlation-id":"a-1","x-correlation-user":"u-2"}').correlation_ids == ("a-1", "u-2")
    assert extract("x-correlation-id: a-1, done").correlation_ids == ("a-1",)


def test_a_deeply_nested_line_is_text():
    """A line that no parser takes is kept as text."""
    line = extract('{"a":' * 5000)
    assert (line.format, line.attributes) == ("text", None)


def _attributed(*messages):
    lines = [extract(message) for message in messages]
    correlate_batch(lines)
    return lines


def test_lines_get_their_requests_trace():
    """START and END, and a Node line, get the trace that REPORT names, and a bare print that of the open request."""
    lines = _attributed(start(), "bare print", f"2020-03-05T16:30:36.113Z\t{REQUEST}\tINFO\thi", end(), report(), "between requests")
    assert [line.id_source for line in lines] == ["request", "stream", "request", "request", "inline", "none"]
    assert [line.trace_id for line in lines] == [TRACE] * 5 + [None]


def test_a_stale_id_yields_to_the_platform():
    """A line that claims another trace than the platform's record keeps both ids."""
    stale = powertools("cached segment", trace="68a1b2c3bd862e3fe1be46a994272794")
    line = _attributed(start(), stale, end(), report())[1]
    assert (line.trace_id, line.stale_trace_id, line.id_source) == (
        TRACE,
        "68a1b2c3bd862e3fe1be46a994272794",
        "request",
    )


def test_interleaved_invocations_are_not_guessed():
    """Where two requests are open in one stream, a bare line belongs to neither."""
    other = "11111111-2182-454f-963f-5f0f9a621d72"
    lines = _attributed(start(), start(other), "bare", end(), end(other), report(), report(other))
    assert (lines[2].trace_id, lines[2].id_source) == (None, "none")


def test_a_split_report_is_joined():
    """The X-Ray half of a REPORT line that a shipper split belongs to the line before it."""
    first, second = report().split("\n")[:2]
    lines = _attributed(start(), first, second)
    assert [line.trace_id for line in lines] == [TRACE] * 3


@pytest.mark.parametrize("piece", ["x-correlation-", "trace_id=", "trace_id   ", "request id ", "1-", "root=1-", "root=1-5759e988-bd862e3fe1be46a994272793;a=b;",
                                   "Z", '{"a":', "correlation_id ", "Task timed out after "])  # fmt: skip
@pytest.mark.parametrize("frame", ["%s", '{"message":"%s"}', "(%s", "2026-11-24T10:00:00.000Z\t%s"])
def test_a_line_costs_no_more_than_its_length(piece, frame):
    """Whatever somebody logs again and again, eight times the length costs about eight times the work, not sixty-four."""

    def cost(times):
        line = frame % (piece.replace('"', "") * times)
        begun = []
        for _ in range(3):
            start_ = time.process_time()
            extract(line)
            begun.append(time.process_time() - start_)
        return min(begun)

    assert cost(16_000) < 24 * max(cost(2_000), 0.0005)


@pytest.mark.parametrize(("more", "service"), [({"function_name": "orders-create"}, "orders-create"), ({}, "")])
def test_a_service_that_nobody_named_is_none(more, service):
    """Powertools writes service_undefined where it is given no name: the function's name says more, and no name is not a name."""
    line = extract(json.dumps({"level": "INFO", "message": "a", "service": "service_undefined", "function_request_id": REQUEST, **more}))
    assert line.service_name == service
