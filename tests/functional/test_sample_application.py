"""The sample application: real handlers, Powertools and X-Ray SDK on the local platform."""

import json
import re

import pytest

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.local import environment
from pipeline.local.application import run_sample_application
from pipeline.local.environment import local_client
from pipeline.local.lambda_service import Function, LambdaService
from pipeline.local.tracing_headers import new_trace
from pipeline.local.xray import LocalXRay
from pipeline.logs.correlate import correlate_batch
from pipeline.logs.decode import decode_event
from pipeline.logs.extract.read_lines import extract
from pipeline.model.trace_ids import parse_header, to_xray
from pipeline.traces.segment import facts_of_segments
from pipeline.traces.xray_segments import read_document

FUNCTIONS = ("service-a", "service-b", "service-c", "service-d", "consumer", "cached-segment", "error", "timeout")
SPREAD = "one transaction, several traces"


class Run:
    """A finished run: its requests, its log lines by log group, and what X-Ray has of every trace in them."""

    def __init__(self, events, requests, client):
        self.events, self.requests = events, requests
        self.batches = [batch for sent in events for batch in decode_event(sent, max_bytes=1 << 20).batches]
        self.traces = {}
        for id_ in sorted({line.trace_id for line in self.lines("/aws/lambda/") if line.format == "lambda-report"}):
            for trace in client.batch_get_traces(TraceIds=[to_xray(id_)])["Traces"]:
                self.traces[id_] = [segment for entry in trace["Segments"] for segment in read_document(entry["Document"])]

    def messages(self, group):
        return [event.message for batch in self.batches if batch.log_group.startswith(group) for event in batch.events]

    def lines(self, group):
        """Each line as extraction reads it by itself."""
        return [extract(message) for message in self.messages(group)]

    def reports(self, function):
        """The trace of each invocation, by request id: as the platform's own REPORT lines say."""
        return {line.request_id: line.trace_id for line in self.lines(f"/aws/lambda/{function}") if line.format == "lambda-report"}

    def request(self, title):
        return next(request for request in self.requests if request.title == title)

    def logged_by(self, function, correlation_id):
        """The trace that a function served a correlation id in."""
        return next(line.trace_id for line in self.lines(f"/aws/lambda/{function}") if correlation_id in line.correlation_ids)

    def segments(self, trace_id, name):
        return [segment for segment in self.traces[trace_id] if segment.fact.name == name]


@pytest.fixture(scope="module")
def run():
    """One run, with what X-Ray has of it."""
    with LocalXRay() as xray:
        done = run_sample_application(xray)
        client = local_client("xray", xray.endpoint)
        yield Run(done.events, done.requests, client)
        client.close()


def test_every_client_saw_a_success(run):
    """The blog's complaint: whatever fails below, service-a answers 200."""
    assert {request.status for request in run.requests} == {200}


def test_one_trace_holds_what_x_ray_knows(run):
    """API Gateway's REST API, both Lambda segments of each function, and the SDK's subsegments are in one trace."""
    names = {segment.fact.name for segment in run.traces[run.requests[0].trace_id]}
    assert {"sample-api/prod", "service-a", "service-b", "service-c", "sns", "s3", "dynamodb", "## price"} <= names


def test_the_sdk_hides_a_failed_invocation(run):
    """The subsegment of a failed Invoke says 200 and carries no flag, only aws.function_error."""
    calls = [segment.fact for segments in run.traces.values() for segment in segments if segment.fact.function_error]
    assert [(fact.status, fact.fault, fact.error, fact.function_error) for fact in calls] == [(200, False, False, "Unhandled")]


def test_an_invocation_is_named_by_its_request(run):
    """The Lambda API answers with the callee's request id, which the SDK's subsegment then carries."""
    trace_id = run.requests[0].trace_id
    assert {segment.fact.request_id for segment in run.segments(trace_id, "lambda")} <= set(run.reports("service-c"))


def test_an_unsampled_request_leaves_no_segment(run):
    """With Sampled=0 nothing is sent, and the REPORT lines say so; the message that it published says so, too."""
    unsampled = run.requests[-1]
    consumer = run.logged_by("consumer", unsampled.correlation_id)
    assert not {unsampled.trace_id, consumer} & set(run.traces)
    for trace_id in (unsampled.trace_id, consumer):
        lines = [line for line in run.lines("/aws/lambda/") if line.trace_id == trace_id and line.format == "lambda-report"]
        assert {line.sampled for line in lines} == {False}


def test_the_logs_are_the_writers_own(run):
    """Powertools' lines carry trace, request and correlation id; the platform's frame them; the timeout is told twice."""
    assert {batch.log_group for batch in run.batches if batch.log_group.startswith("/aws/lambda/")} == {
        f"/aws/lambda/{name}" for name in FUNCTIONS
    }
    lines = run.lines("/aws/lambda/")
    assert {"lambda-start", "lambda-end", "lambda-report", "powertools-json", "json", "python-text", "lambda-timeout", "text"} == {
        line.format for line in lines
    }
    assert sum("timeout" in line.signals for line in lines) == 2
    powertools = [line for line in lines if line.format == "powertools-json"]
    assert all(line.trace_id and line.request_id for line in powertools)
    assert all(line.correlation_ids for line in powertools), "a logged event names it in the message that it holds"


def test_no_line_carries_another_requests_correlation_id(run):
    """Every trace's lines name one correlation id at most, also in environments that served several requests."""
    named = {}
    for line in run.lines("/aws/lambda/"):
        # cached-segment names a stale trace, which is its point
        if line.trace_id and line.format == "powertools-json":
            named.setdefault(line.trace_id, set()).update(line.correlation_ids)
    assert {len(ids) for ids in named.values()} == {1}


def test_an_http_api_begins_another_trace(run):
    """X-Ray does not know HTTP APIs: no segment of API Gateway, and a function whose trace is not the caller's."""
    request = run.request(SPREAD)
    callee = run.logged_by("service-d", request.correlation_id)
    assert callee != request.trace_id
    assert {segment.fact.origin for segment in run.traces[callee]} == {"AWS::Lambda", "AWS::Lambda::Function", ""}
    assert not any(segment.fact.parent_id and segment.fact.origin == "AWS::Lambda" for segment in run.traces[callee])


def test_the_header_that_an_http_api_hands_on(run):
    """What service-d logs of its headers names the very span of the caller that called it, and the correlation id."""
    request = run.request(SPREAD)
    (line,) = [json.loads(message) for message in run.messages("/aws/lambda/service-d") if '"headers"' in message]
    header = parse_header(line["headers"]["x-amzn-trace-id"])
    (call,) = [s for s in run.segments(request.trace_id, "127.0.0.1") if s.fact.url.endswith("/http/service-d")]
    assert (header.trace_id, header.parent_id, header.sampled) == (request.trace_id, call.fact.id, True)
    assert line["xray_trace_id"] != to_xray(header.trace_id)
    assert line["headers"]["x-correlation-id"] == line["correlation_id"] == request.correlation_id


def test_every_trace_of_a_transaction_is_complete(run):
    """The X-Ray SDK for Python sets no `traced` on a call, so that nothing waits for what an HTTP API never answers."""
    request = run.request(SPREAD)
    ids = [request.trace_id, *(run.logged_by(name, request.correlation_id) for name in ("service-d", "consumer"))]
    assert len(set(ids)) == 3
    for id_ in ids:
        verdict = evaluate(facts_of_segments(run.traces[id_])[id_], rules=default_rules(), give_up_after_ms=60_000)
        assert (verdict.state, verdict.missing) == ("complete", ())


def test_a_message_is_received_in_a_trace_of_its_own(run):
    """What consumer logs of its event: the tracing header of the span that published, in the queue's attribute."""
    request = run.request(SPREAD)
    received = [json.loads(message)["message"]["Records"] for message in run.messages("/aws/lambda/consumer") if '"Records"' in message]
    record = next(record for records in received for record in records if request.correlation_id in record["body"])
    header = parse_header(record["attributes"]["AWSTraceHeader"])
    (sent,) = run.segments(request.trace_id, "sns")
    assert (header.trace_id, header.parent_id, header.sampled) == (request.trace_id, sent.fact.id, True)
    assert record["eventSource"] == "aws:sqs"
    assert {"messageId", "receiptHandle", "md5OfBody", "messageAttributes", "eventSourceARN", "awsRegion"} <= set(record)
    assert run.logged_by("consumer", request.correlation_id) != request.trace_id


def test_two_traces_are_linked_both_ways(run):
    """The Invocation that received names the span that sent; the Invocation that sent names the function that received."""
    request = run.request(SPREAD)
    received = run.logged_by("consumer", request.correlation_id)
    (sent,) = run.segments(request.trace_id, "sns")
    service = next(segment for segment in run.traces[received] if segment.fact.origin == "AWS::Lambda")
    for trace_id, name, linked in ((received, "consumer", (request.trace_id, sent.fact.id)), (request.trace_id, "service-a", (received, service.fact.id))):  # fmt: skip
        holders = [segment for segment in run.traces[trace_id] if segment.links]
        assert [(link.trace_id, link.span_id) for segment in holders for link in segment.links] == [linked]
        assert [segment.fact.name for segment in holders] == ["Invocation"]
        (function,) = [segment for segment in run.segments(trace_id, name) if segment.fact.origin == "AWS::Lambda::Function"]
        assert holders[0].fact.parent_id == function.fact.id


def test_a_rest_access_log_joins_gateway_and_lambda(run):
    """Each line names the gateway's request as the stage segment does, Lambda's as its REPORT line does, and the trace of both."""
    rows = [json.loads(message) for message in run.messages("/aws/apigateway/sample-api")]
    stages = {s.fact.request_id: id_ for id_, segments in run.traces.items() for s in segments if s.fact.origin == "AWS::ApiGateway::Stage"}
    assert {row["requestId"]: row["xrayTraceId"] for row in rows if row["requestId"] in stages} == {
        request_id: to_xray(id_) for request_id, id_ in stages.items()
    }
    for row in rows:
        assert to_xray(run.reports(row["resourcePath"].strip("/"))[row["integrationRequestId"]]) == row["xrayTraceId"]
    assert {(row["resourcePath"], row["status"], row["integrationStatus"], row["errorMessage"]) for row in rows} == {
        *((f"/{name}", "200", "200", "-") for name in ("service-a", "service-b", "cached-segment")),
        *((f"/{name}", "502", "200", "Internal server error") for name in ("error", "timeout")),
    }


def test_an_http_access_log_has_lambdas_request_alone(run):
    """Without a trace id, its Lambda request is the one way from an HTTP API's line to the function's trace."""
    (row,) = [json.loads(message) for message in run.messages("/aws/apigateway/sample-http-api")]
    assert "xrayTraceId" not in row
    assert row["integrationRequestId"] in run.reports("service-d")
    assert re.fullmatch(r"[\w-]{15}=", row["requestId"])
    assert (row["routeKey"], row["status"], row["integrationErrorMessage"]) == ("GET /service-d", "200", "-")


def texts(run, resource):
    """What the execution log says of the first request for a resource, without the prefix, and that request's id."""
    messages = run.messages("API-Gateway-Execution-Logs_")
    id_ = next(message[1:37] for message in messages if message.endswith(f"Resource Path: /{resource}"))
    return id_, [message.removeprefix(f"({id_}) ") for message in messages if message.startswith(f"({id_}) ")]


def test_an_execution_log_tells_of_a_success(run):
    """The lines of a request, in API Gateway's own words and order."""
    id_, said = texts(run, "service-b")
    heads = ["Extended Request Id: ", f"Starting execution for request: {id_}", "HTTP Method: GET, Resource Path: /service-b",
             "Method request headers: {", "Endpoint request headers: {", "Sending request to https://lambda.", "Received response. Status: 200, ",
             "Endpoint response headers: {", "Successfully completed execution", "Method completed with status: 200",
             "AWS Integration Endpoint RequestId : ", "X-ray Tracing ID : 1-"]  # fmt: skip
    assert len(said) == len(heads)
    assert all(text.startswith(head) for text, head in zip(said, heads, strict=True))
    lambda_id = said[10].rpartition(" ")[2]
    trace_id = run.reports("service-b")[lambda_id]
    assert said[11] == f"X-ray Tracing ID : {to_xray(trace_id)}"
    assert f"X-Amzn-Trace-Id=Root={to_xray(trace_id)}" in said[4]
    assert f"x-amzn-RequestId={lambda_id}, " in said[7]
    assert f"X-Amzn-Trace-Id=root={to_xray(trace_id)};parent=" in said[7] and said[7].endswith(";sampled=1}")
    assert "X-Amz-Function-Error" not in said[7]
    assert f"x-correlation-id={run.requests[0].correlation_id}, " in said[3]


def test_an_execution_log_tells_of_a_failure(run):
    """Of a failed function it has the message, and Lambda's request id beside the gateway's."""
    id_, said = texts(run, "error")
    lambda_id = said[10].rpartition(" ")[2]
    assert lambda_id in run.reports("error") and lambda_id != id_
    assert said[6].startswith("Received response. Status: 200, Integration latency: ")
    assert f"x-amzn-RequestId={lambda_id}, X-Amz-Function-Error=Unhandled, " in said[7]
    assert said[8:10] == [
        f"Lambda execution failed with status 200 due to customer function error: the order has no lines. Lambda request id: {lambda_id}",
        "Method completed with status: 502",
    ]


def test_every_line_of_a_rest_api_finds_its_trace(run):
    """By its own id or its request's, each execution and access line is attributed to the trace that X-Ray has of the request."""
    wanted = {row["requestId"]: row["xrayTraceId"] for row in map(json.loads, run.messages("/aws/apigateway/sample-api"))}
    for group in ("API-Gateway-Execution-Logs_", "/aws/apigateway/sample-api"):
        lines = run.lines(group)
        correlate_batch(lines)
        assert len(lines) >= len(wanted) == 14
        assert {(line.request_id, to_xray(line.trace_id)) for line in lines} == set(wanted.items())


def test_a_runtime_that_ends_is_a_crash(tmp_path):
    """A handler that kills its process is told of at once, as Lambda does, and the next invocation gets a new one."""
    handler = tmp_path / "app.py"
    handler.write_text(
        "import os\n\ndef handler(event, context):\n    print('going')\n    os._exit(1) if event['die'] else None\n    return 'alive'\n"
    )
    with LocalXRay() as xray:
        functions = LambdaService([Function(name="frail", handler=handler)], {}, xray)
        functions.wait_until_ready()
        dead = functions.invoke("frail", {"die": True}, new_trace(sampled=True))
        alive = functions.invoke("frail", {"die": False}, new_trace(sampled=True))
        functions.stop()
    assert (dead.error["type"], alive.result) == ("Runtime.ExitError", "alive")
    signals = [extract(event["message"]).signals for log in functions.logs for event in log.events]
    assert ("crash",) in signals
    assert len(functions.logs) == 2


def test_the_users_own_aws_settings_stay_outside(monkeypatch):
    """A profile that is not there, a proxy, other endpoints and log levels change nothing, and nothing leaves this machine."""
    for key, value in {"AWS_PROFILE": "nope", "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "SERVICES": "sqs",
                       "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "POWERTOOLS_DEV": "1",
                       "POWERTOOLS_LOG_LEVEL": "ERROR", "AWS_XRAY_SDK_ENABLED": "false"}.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    # the session of the tests before has seen their environment
    environment._session.cache_clear()
    with LocalXRay() as xray:
        run = run_sample_application(xray)
    assert {request.status for request in run.requests} == {200}
    assert sum(len(batch.events) for sent in run.events for batch in decode_event(sent, max_bytes=1 << 20).batches) == 284
    assert xray.calls["datagrams"] >= 30
