"""API Gateway on the local platform: what a function gets, what a client gets, and what is logged of both."""

import json
import urllib.request

import pytest

from pipeline.local.environment import local_open
from pipeline.local.http_server import Platform
from pipeline.local.lambda_service import Function, LambdaService
from pipeline.local.tracing_headers import new_span_id, new_trace, render
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import parse_header, to_xray
from tests.support.waiting import PATIENCE

ECHO = """
import json, os

def handler(event, context):
    if (event.get("queryStringParameters") or {}).get("fail"):
        raise ValueError("no luck")
    told = {"event": event, "trace": os.environ["_X_AMZN_TRACE_ID"], "requestId": context.aws_request_id}
    return told if event.get("version") == "2.0" else {"statusCode": 201, "body": json.dumps(told)}
"""
SENT = new_trace(sampled=True)._replace(parent_id=new_span_id())


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A platform with one function that answers what it was given."""
    handler = tmp_path_factory.mktemp("echo") / "app.py"
    handler.write_text(ECHO)
    with LocalXRay() as xray, Platform(xray) as platform:
        functions = LambdaService([Function(name="echo", handler=handler)], {}, xray)
        functions.wait_until_ready()
        platform.serve(functions)
        yield platform
        functions.stop()


def ask(url, **headers):
    """Status, headers and body of an answer."""
    try:
        with local_open(urllib.request.Request(url, headers=headers), timeout=PATIENCE) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.loads(error.read())


def logged(platform, group):
    """The newest line of a log group."""
    return next(log.events[-1]["message"] for log in platform.logs if log.group.startswith(group))


def test_an_http_apis_event_has_format_2(platform):
    """The event is payload format 2.0, with lower-case headers; the client is told the request id that event and log name."""
    status, headers, told = ask(f"{platform.http_api_url}/echo?a=1", **{"X-Correlation-Id": "c-1", "X-Amzn-Trace-Id": render(SENT)})
    event, row = told["event"], json.loads(logged(platform, "/aws/apigateway/sample-http-api"))
    assert status == 200
    assert (event["version"], event["routeKey"], event["rawPath"], event["rawQueryString"], event["queryStringParameters"]) == (
        "2.0", "GET /echo", "/http/echo", "a=1", {"a": "1"})  # fmt: skip
    assert event["headers"]["x-correlation-id"] == "c-1"
    assert all(name == name.lower() for name in event["headers"])
    assert (event["requestContext"]["http"]["method"], event["requestContext"]["http"]["path"]) == ("GET", "/http/echo")
    assert headers["apigw-requestid"] == event["requestContext"]["requestId"] == row["requestId"] == row["extendedRequestId"]
    assert row["integrationRequestId"] == told["requestId"]
    assert "X-Amzn-Trace-Id" not in headers


def test_an_http_api_hands_the_header_on_as_data(platform):
    """The caller's header is in the event's headers, and the function runs in a trace that nobody told it of."""
    _, _, told = ask(f"{platform.http_api_url}/echo", **{"X-Amzn-Trace-Id": render(SENT)})
    header, own = parse_header(told["event"]["headers"]["x-amzn-trace-id"]), parse_header(told["trace"])
    assert header == SENT
    assert own.trace_id != SENT.trace_id
    assert own.sampled


def test_an_http_api_makes_a_header_where_none_was_sent(platform):
    """Without a header from the client the event has a new root, which is not the function's trace either."""
    _, _, told = ask(f"{platform.http_api_url}/echo")
    assert parse_header(told["event"]["headers"]["x-amzn-trace-id"]).trace_id != parse_header(told["trace"]).trace_id


def test_an_http_apis_failure(platform):
    """A failed function is a 500 to the client; the log names Lambda's 200, the error, and Lambda's request."""
    status, headers, told = ask(f"{platform.http_api_url}/echo?fail=1")
    row = json.loads(logged(platform, "/aws/apigateway/sample-http-api"))
    assert (status, told) == (500, {"message": "Internal Server Error"})
    assert headers["apigw-requestid"] == row["requestId"]
    assert (row["status"], row["integrationStatus"], row["errorMessage"]) == ("500", "200", "Internal Server Error")
    assert row["integrationErrorMessage"] == (
        "The Lambda function returned the following error: no luck. Check your Lambda function code and try again."
    )
    assert len(row["integrationRequestId"]) == 36


def test_a_rest_api_goes_on_with_the_trace(platform):
    """The function behind a REST API runs in the caller's trace, and client, event and both logs name one request."""
    status, headers, told = ask(f"{platform.api_url}/echo", **{"X-Amzn-Trace-Id": render(SENT)})
    row = json.loads(logged(platform, "/aws/apigateway/sample-api"))
    assert status == 201
    assert parse_header(told["trace"]).trace_id == SENT.trace_id == parse_header(headers["X-Amzn-Trace-Id"]).trace_id
    assert parse_header(told["event"]["headers"]["X-Amzn-Trace-Id"]) == SENT
    assert headers["x-amzn-RequestId"] == told["event"]["requestContext"]["requestId"] == row["requestId"]
    assert headers["x-amz-apigw-id"] == row["extendedRequestId"]
    assert (row["integrationRequestId"], row["xrayTraceId"]) == (told["requestId"], to_xray(SENT.trace_id))
    assert logged(platform, "API-Gateway-Execution-Logs_") == f"({row['requestId']}) X-ray Tracing ID : {to_xray(SENT.trace_id)}"


@pytest.mark.parametrize(("path", "status", "text"), [
    ("/prod/nothing", 403, "Missing Authentication Token"), ("/http/nothing", 404, "Not Found"), ("/elsewhere", 403, "Forbidden"),
])  # fmt: skip
def test_what_is_not_there(platform, path, status, text):
    """Each API refuses what it has no route for as API Gateway does."""
    code, _, told = ask(f"{platform.endpoint}{path}")
    assert (code, told) == (status, {"message": text})
