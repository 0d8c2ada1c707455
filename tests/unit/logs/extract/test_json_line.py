"""Lines that are JSON: the loggers' known forms, and any other."""

import json

import pytest

from pipeline.logs.extract.read_lines import extract
from tests.support.events import REQUEST, TRACE, powertools

XRAY = "1-5759e988-bd862e3fe1be46a994272793"
SPAN = "53995c3f42cd8ad8"


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


@pytest.mark.parametrize(("more", "service"), [({"function_name": "orders-create"}, "orders-create"), ({}, "")])
def test_a_service_that_nobody_named_is_none(more, service):
    """Powertools writes service_undefined where it is given no name: the function's name says more, and no name is not a name."""
    line = extract(json.dumps({"level": "INFO", "message": "a", "service": "service_undefined", "function_request_id": REQUEST, **more}))
    assert line.service_name == service


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 4400, '{"a":[1e400]}'], ids=["float", "negative", "digits", "nested"])
@pytest.mark.parametrize("key", ["msg", "message", "stack", "level", "span_id", "requestId", "x"])
def test_a_number_that_python_does_not_take_hides_no_other_key(key, number):
    """The line is read with its trace and its exception, whatever key holds the number."""
    text = f'{{"{key}":{number},"trace.id":"1-6b06ae80-49de1fe52f82e2210fe97d50","exception":"ValueError: boom"}}'
    line = extract(text)
    assert (line.trace_id, line.excerpt) == ("6b06ae8049de1fe52f82e2210fe97d50", "ValueError: boom")
