"""Request ids: where the loggers of Java, Rust, Ruby, PHP, Node.js and AppSync put the id of the request."""

import json

import pytest

from pipeline.logs.extract.read_lines import extract
from tests.support.events import OTHER_REQUEST, REQUEST


@pytest.mark.parametrize(
    "fields",
    [{"AWSRequestId": REQUEST}, {"AWSrequestId": REQUEST}, {"AWS_REQUEST_ID": REQUEST}, {"contextMap": {"AWSRequestId": REQUEST}},
     {"mdc": {"AWSRequestId": REQUEST}}, {"faas.invocation_id": REQUEST}, {"attributes": {"faas.invocation_id": REQUEST}}, {"faas": {"execution": REQUEST}},
     {"lambda_request_id": REQUEST}, {"lambdaRequestId": REQUEST}, {"aws.lambda_request_id": REQUEST}, {"context": {"awsRequestId": REQUEST}},
     {"span": {"requestId": REQUEST, "name": "Lambda runtime invoke"}}, {"spans": [{"name": "outer"}, {"requestId": REQUEST}]},
     {"lambda": {"requestId": REQUEST}}],
)  # fmt: skip
def test_a_name_of_its_own(fields):
    """At the top of a JSON line or one level down."""
    assert extract(json.dumps({"level": "INFO", "message": "m", **fields})).request_id == REQUEST


def test_the_usual_key_counts_more():
    """An id that a decorator adds, perhaps of an earlier invocation, yields to the runtime's own."""
    assert extract(json.dumps({"requestId": REQUEST, "aws.lambda_request_id": OTHER_REQUEST})).request_id == REQUEST


@pytest.mark.parametrize(
    "fields", [{"event": {"requestId": REQUEST}}, {"AWSRequestId": "undefined"}, {"context": {"requestId": REQUEST}}, {"span": REQUEST}]
)
def test_no_request_id(fields):
    """What stands in an event is another service's, and a placeholder is none."""
    assert extract(json.dumps({"message": "lambdaRequestId AWSRequestId", **fields})).request_id is None


@pytest.mark.parametrize(
    "text",
    [f"{REQUEST}\tInvoke Error\t{{}}", f"2026-11-24 10:00:00 {REQUEST} INFO  Orders - m", f"2026-11-24 10:00:00,123 [main] {REQUEST} WARN Orders:7 - m",
     f"2026-11-24T10:00:00.123Z INFO <{REQUEST}> m", f"I, [2026-11-24T10:00:00.745494 #16]  INFO {REQUEST} -- : m",
     f"2026-11-24T10:00:00.123Z\t{REQUEST}\tno level", f"2026-11-24T10:00:00.5Z\t{REQUEST}\tINFO\tm", f"{REQUEST} Begin Request",
     f"{REQUEST} Response Headers: {{a=[b]}}", f'\x1b[31mERROR\x1b[0m invoke\x1b[1m{{\x1b[0m\x1b[3mrequestId\x1b[0m\x1b[2m=\x1b[0m"{REQUEST}"'],
)  # fmt: skip
def test_a_text_that_begins_with_it(text):
    """The prefix of Log4j, Logback, Ruby's logger, bref and Node.js 8, AppSync's lines, and a console in colours."""
    assert extract(text).request_id == REQUEST


@pytest.mark.parametrize(
    "text", [f"order {REQUEST} accepted", f"{REQUEST}: accepted", f"{REQUEST}", "2026-11-24 10:00:00 INFO m", "(foo) bar", "I, [x] y"]
)
def test_a_text_without_one(text):
    """An id anywhere else may be anything."""
    assert extract(text).request_id is None


def test_a_websocket_apis_execution_log():
    """It names the extended request id."""
    line = extract("(fnmqGGA1IAMFj8g=) Endpoint request headers: {X-Amzn-Trace-Id=Root=1-5759e988-bd862e3fe1be46a994272793}")
    assert (line.format, line.request_id) == ("apigateway-execution", "fnmqGGA1IAMFj8g=")
