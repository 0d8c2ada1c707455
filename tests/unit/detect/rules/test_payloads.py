"""Rules on logged answers that are errors behind a success."""

import json

import pytest

from tests.support.events import NOW, TRACE, call, powertools
from tests.support.verdicts import behind_edge, fired, verdict_of


@pytest.mark.parametrize("payload", [
    'response: {"statusCode": 502, "body": "{}"}',
    "returning {'statusCode': 500, 'body': 'Internal Server Error'}",
    json.dumps({"message": "sent", "response": {"statusCode": 500, "headers": {}}}),
    powertools("answer", payload=json.dumps({"errorMessage": "no stock", "errorType": "ValueError"})),
    'answered {"errorMessage":"no stock","errorType":"ValueError","stackTrace":[]}',
    powertools(json.dumps({"data": None, "errors": [{"message": "no stock", "path": ["order"]}]})),
])  # fmt: skip
def test_error_payload_behind_200(payload):
    """A logged response that is an error, in the forms in which responses are logged, while the caller saw a success."""
    assert ("error-payload-behind-200", "alert") in fired(verdict_of(*behind_edge(200), lines=[powertools("a"), payload]))
    assert fired(verdict_of(*behind_edge(500), lines=[powertools("a"), payload])) == set()


@pytest.mark.parametrize("payload", [
    'response: {"statusCode": 200, "body": "{}"}', '{"errors": []}', "status code 500 items", powertools("a", errors=[], data={}),
    'request: {"orderNumber": 500, "body": ""}', 'response {"statusCode": 5001}', "HTTPStatusCode: 503 in the response",
])  # fmt: skip
def test_what_is_no_error_payload(payload):
    """A success, an empty list of errors, a number that is no status."""
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), payload])) == set()


@pytest.mark.parametrize(("bad", "good"), [
    ('returned {"batchItemFailures": [{"itemIdentifier": "1"}]}', 'returned {"batchItemFailures": []}'),
    ('{"FailedEntryCount": 2, "Entries": []}', '{"FailedEntryCount": 0, "Entries": []}'),
    ("{'FailedRecordCount': 1}", "{'FailedRecordCount': 0}"),
    (powertools("written", answer={"UnprocessedItems": {"orders": [{}]}}), powertools("written", answer={"UnprocessedItems": {}})),
    ('{"Successful": [], "Failed": [{"Id": "1", "SenderFault": true}]}', '{"Successful": [{"Id": "1"}], "Failed": []}'),
    ('{"took": 3, "errors": true, "items": []}', '{"took": 3, "errors": false, "items": []}'),
])  # fmt: skip
def test_batch_partial_failure(bad, good):
    """A batch that went well as a whole says which of its items failed."""
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), bad])) == {("batch-partial-failure", "alert")}
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), good])) == set()


def test_batch_partial_failure_that_the_sdk_counted():
    """The X-Ray SDK notes how many messages SQS refused; sent again with success, none of them is lost."""
    aws = {"operation": "SendMessageBatch", "queue_url": "https://sqs/q", "failed_count": 3}
    first = call("sqs", "c" * 16, namespace="aws", aws=aws, http={"response": {"status": 200}})
    again = call("sqs", "d" * 16, namespace="aws", aws=aws | {"failed_count": 0}, http={"response": {"status": 200}},
                 start_time=NOW / 1000 + 0.04, end_time=NOW / 1000 + 0.05)  # fmt: skip
    verdict = verdict_of(*behind_edge(inside=[first]))
    assert fired(verdict) == {("batch-partial-failure", "alert")}
    assert "3 of its items failed" in verdict.findings[0].evidence
    assert fired(verdict_of(*behind_edge(inside=[first, again]))) == set()


def test_state_machine_failed():
    """A synchronous execution answers 200 with FAILED: by its segment, by Step Functions' log, by what the starter logs."""
    machine = {"id": "9" * 16, "name": "checkout", "trace_id": f"1-{TRACE[:8]}-{TRACE[8:]}", "parent_id": "c" * 16, "origin": "AWS::StepFunctions::StateMachine",
               "start_time": NOW / 1000, "end_time": NOW / 1000 + 1}  # fmt: skip
    starts = call("states", "c" * 16, namespace="aws", aws={"operation": "StartSyncExecution"}, http={"response": {"status": 200}})
    assert ("state-machine-failed", "alert") in fired(verdict_of(*behind_edge(inside=[starts]), machine | {"fault": True}))
    assert fired(verdict_of(*behind_edge(inside=[starts]), machine | {"cause": {}})) == set()
    arn = "arn:aws:states:eu-west-1:123456789012:express:checkout:1:2"
    for line in (json.dumps({"id": "5", "type": "ExecutionFailed", "details": {"error": "x"}, "execution_arn": arn, "trace_id": TRACE}),
                 powertools("done", answer={"executionArn": arn, "status": "TIMED_OUT"})):  # fmt: skip
        assert fired(verdict_of(*behind_edge(), lines=[powertools("a"), line])) == {("state-machine-failed", "alert")}
    fine = powertools("done", answer={"executionArn": arn, "status": "SUCCEEDED"})
    assert fired(verdict_of(*behind_edge(), lines=[powertools("a"), fine])) == set()


def test_the_errors_of_a_form_are_no_graphql():
    """A list of errors whose paths are text is what a client got wrong; one whose paths are lists is a failed query."""
    form = powertools("bad form", errors=[{"path": "email", "message": "required"}])
    query = powertools("answer", response={"data": None, "errors": [{"message": "no", "path": ["order"]}]})
    assert fired(verdict_of(*behind_edge(), lines=[form])) == set()
    assert fired(verdict_of(*behind_edge(), lines=[query])) == {("error-payload-behind-200", "alert")}
