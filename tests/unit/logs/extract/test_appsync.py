"""AppSync's own logs: text lines that begin with their request, and the records of its log type reference."""

import json

import pytest

from pipeline.logs.extract.appsync import read_appsync_lines
from pipeline.logs.extract.log_line import AppSyncLine, AppSyncTracingLine
from pipeline.logs.extract.read_lines import read_lines
from pipeline.model.log_groups import writer_of
from tests.support.events import TRACE

REQUEST = "dbe87af3-c114-4b32-ae79-8af11f3f96f1"
API = "pmo28inf75eepg63qxq4ekoeg4"
XRAY = "1-5759e988-bd862e3fe1be46a994272793"


def read(message: str):
    """The line that AppSync wrote."""
    texts, lines = read_lines([message])
    read_appsync_lines(lines, texts)
    return lines[0]


@pytest.mark.parametrize(
    ("record", "event", "body", "status", "signals"),
    [
        ({"logType": "RequestSummary", "statusCode": 200, "latency": 242000000}, "appsync.RequestSummary", "RequestSummary 200 242.0 ms", 200, ()),
        ({"logType": "RequestSummary", "statusCode": 500, "latency": 1}, "appsync.RequestSummary", "RequestSummary 500 0.0 ms", 500, ("error",)),
        ({"duration": 217406145, "logType": "ExecutionSummary", "startTime": "2019-01-01T06:06:18.956Z", "version": 1,
          "parsing": {"startOffset": 49033, "duration": 34784}}, "appsync.ExecutionSummary", "ExecutionSummary 217.4 ms", None, ()),
        ({"duration": 216820346, "logType": "Tracing", "path": ["putItem"], "fieldName": "putItem", "parentType": "Mutation",
          "returnType": "Item"}, "appsync.Tracing", "Tracing Mutation.putItem 216.8 ms", None, ()),
        ({"logType": "ResponseMapping", "fieldName": "a", "parentType": "Query", "fieldInError": True}, "appsync.ResponseMapping",
         "ResponseMapping Query.a", None, ("error-payload",)),
        ({"logType": "Tracing", "duration": "long", "statusCode": "odd", "fieldName": 5, "fieldInError": 1}, "appsync.Tracing", "Tracing", None, ()),
    ],
)  # fmt: skip
def test_a_record(record, event, body, status, signals):
    """Each type of record says in words what it is about; what its numbers are not, is left out."""
    line = read(json.dumps(record | {"requestId": REQUEST, "graphQLAPIId": API}))
    assert isinstance(line, AppSyncLine)
    assert (line.event_name, line.body, line.http_status, line.signals) == (event, body, status, signals)
    assert (line.request_id, line.service_name, line.trace_id) == (REQUEST, API, None)
    assert json.loads(bytes(line.attributes))["graphQLAPIId"] == API


@pytest.mark.parametrize(
    ("text", "is_tracing"),
    [
        ("Begin Request", False),
        ("GraphQL Query: query { a }, Operation: null, Variables: {}", False),
        (f"Request Headers: {{content-length=[63], x-amzn-trace-id=[Root={XRAY};Parent=53995c3f42cd8ad8;Sampled=1], host=[x]}}", True),
        (f"Response Headers: {{X-Amzn-Trace-Id=Root={XRAY}, Content-Type=application/json; charset=UTF-8}}", True),
        ("Request Headers: {content-length=[63]}", False),
        ("Tokens Consumed: 1", False),
    ],
)
def test_a_text_line(text, is_tracing):
    """It begins with its request; a line with the tracing header is AppSync's word on the trace, without a span of its own."""
    line = read(f"{REQUEST} {text}")
    assert (line.request_id, line.format) == (REQUEST, "appsync")
    assert (line.trace_id, line.span_id, line.propagated_trace_ids) == (TRACE if is_tracing else None, None, ())
    assert line.event_name == ("appsync.tracing" if is_tracing else "")
    assert isinstance(line, AppSyncTracingLine) is ("Headers: " in text)


@pytest.mark.parametrize(
    "text", ["plain", "{}", '{"logType": 5}', '{"message": "by console.log"}', f"{REQUEST}: no", f"{REQUEST} lower case"]
)
def test_other_lines_stay_as_they_are(text):
    """What AppSync's own words are not is read like any other line."""
    assert not isinstance(read(text), AppSyncLine)


def test_only_its_own_log_groups_are_its():
    """AppSync names them itself."""
    assert writer_of(f"/aws/appsync/apis/{API}", "s") == "appsync"
    assert writer_of(f"/aws/lambda/aws/appsync/apis/{API}", "s") != "appsync"
