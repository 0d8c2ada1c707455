"""Payloads: scenarios whose failure is in the data: error-payload-behind-200, batch-partial-failure, state-machine-failed."""

import json
from collections.abc import Mapping
from typing import Any

from accuracy.calls import aws_call, cause
from accuracy.functions import Function
from accuracy.gateway import RestApi
from accuracy.scenario import scenario
from accuracy.services import StateMachine
from accuracy.transaction import Transaction

_EXECUTION = "arn:aws:states:eu-west-1:123456789012:express:checkout:4711:0f"
_GRAPHQL = {"data": {"order": None}, "errors": [{"message": "no such order", "path": ["order"], "locations": [{"line": 2, "column": 3}]}]}


def _answers_and_logs(tx: Transaction, message: str, payload: object) -> None:
    """Plays a function that succeeds behind a 200 and logs ``payload``."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")
        orders.shows(message, payload)


@scenario(must="error-payload-behind-200")
def logged_response_with_a_server_error(tx: Transaction) -> None:
    """Without proxy integration `statusCode` is data: the client gets 200."""
    response = {"statusCode": tx.rng.choice((500, 502, 503)), "headers": {"Content-Type": "application/json"},
                "body": json.dumps({"message": "Internal server error"})}  # fmt: skip
    _answers_and_logs(tx, tx.rng.choice(("response", "returning response", "Lambda response")), response)


@scenario(must="error-payload-behind-200")
def logged_error_of_a_callee(tx: Transaction) -> None:
    """What Invoke returns of a failed function, logged and passed on as a success."""
    answer = {
        "errorMessage": "no stock",
        "errorType": "ValueError",
        "requestId": tx.request_id(),
        "stackTrace": ['  File "/var/task/app.py"'],
    }
    _answers_and_logs(tx, "stock answered", answer)


@scenario(must="error-payload-behind-200")
def graphql_errors(tx: Transaction) -> None:
    """GraphQL answers 200 with `errors`."""
    _answers_and_logs(tx, "graphql response", _GRAPHQL)


@scenario(must="error-payload-behind-200")
def graphql_errors_in_a_body(tx: Transaction) -> None:
    """The same as the body, JSON in JSON, of a response whose `statusCode` is 200."""
    _answers_and_logs(tx, "response", {"statusCode": 200, "body": json.dumps(_GRAPHQL)})


@scenario(may="error-payload-behind-200", seen_by_client=True)
def logged_response_that_the_client_saw(tx: Transaction) -> None:
    """With proxy integration the client gets the 500 that is logged."""
    with RestApi(tx, 500) as api, api.function_named("orders") as orders:
        orders.shows("response", {"statusCode": 500, "body": "{}"})


@scenario()
def logged_response_without_an_error(tx: Transaction) -> None:
    """The same keys, and nothing wrong."""
    payload: Mapping[str, Any] = tx.rng.choice((
        {"statusCode": 200, "body": json.dumps({"ok": True})}, {"statusCode": 404, "body": json.dumps({"message": "not found"})},
        {"statusCode": 201, "body": json.dumps({"data": {"id": 1}, "errors": []})}, {"data": {"order": {"id": 1}}, "errors": []},
        {"data": {"order": {"id": 1}}, "errors": None}, {"errorMessage": None, "errorType": None, "result": "ok"},
        {"statusCode": 200, "body": json.dumps({"errorMessage": "", "errorType": ""})},
    ))  # fmt: skip
    _answers_and_logs(tx, "response", payload)


@scenario()
def request_that_speaks_of_errors(tx: Transaction) -> None:
    """What came in is no answer: a ticket about somebody's 500, a form with errors to show."""
    payload: Mapping[str, Any] = tx.rng.choice((
        {"ticket": {"title": "our shop is down", "seen": {"statusCode": 500, "url": "https://shop.example"}}},
        {"report": {"errorMessage": "page crashed", "errorType": "TypeError", "browser": "Firefox"}},
        {"order": 17, "status": "FAILED", "attempts": 2},
    ))  # fmt: skip
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.shows("event received", payload, key="event")


_PARTIAL: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("put_events", {"FailedEntryCount": 2, "Entries": [{"EventId": "1"}, {"ErrorCode": "InternalFailure", "ErrorMessage": "internal"},
                                                       {"ErrorCode": "InternalFailure", "ErrorMessage": "internal"}]}),
    ("put_records", {"FailedRecordCount": 1, "Records": [{"ErrorCode": "InternalFailure", "ErrorMessage": "slow down"}]}),
    ("put_record_batch", {"FailedPutCount": 3, "Encrypted": False, "RequestResponses": [{"ErrorCode": "ServiceUnavailableException"}]}),
    ("batch_write_item", {"UnprocessedItems": {"orders": [{"PutRequest": {"Item": {"id": {"S": "17"}}}}]}}),
    ("batch_get_item", {"Responses": {"orders": []}, "UnprocessedKeys": {"orders": {"Keys": [{"id": {"S": "17"}}]}}}),
    ("send_message_batch", {"Successful": [{"Id": "1", "MessageId": "m"}],
                            "Failed": [{"Id": "2", "SenderFault": False, "Code": "InternalError", "Message": "try again"}]}),
)  # fmt: skip
_WHOLE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
    ("put_records", {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "shardId-000000000000"}]}),
    ("put_record_batch", {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": [{"RecordId": "1"}]}),
    ("batch_write_item", {"UnprocessedItems": {}}),
    ("batch_get_item", {"Responses": {"orders": []}, "UnprocessedKeys": {}}),
    ("send_message_batch", {"Successful": [{"Id": "1", "MessageId": "m"}], "Failed": []}),
)  # fmt: skip


@scenario(must="batch-partial-failure")
def logged_answer_of_a_batch_call(tx: Transaction) -> None:
    """A batch API answers 200 and names what it did not take."""
    _answers_and_logs(tx, *tx.rng.choice(_PARTIAL))


@scenario()
def logged_answer_of_a_whole_batch_call(tx: Transaction) -> None:
    """It took everything."""
    _answers_and_logs(tx, *tx.rng.choice(_WHOLE))


@scenario(must="batch-partial-failure")
def batch_item_failures(tx: Transaction) -> None:
    """A consumer of a queue or a stream reports the records that failed; its invocation is a success."""
    with Function(tx, "mailer") as mailer:
        mailer.say("INFO", "3 records")
        failures = [{"itemIdentifier": tx.request_id()} for _ in range(tx.rng.randint(1, 3))]
        mailer.shows(tx.rng.choice(("response", "returning", "batch result")), {"batchItemFailures": failures})


@scenario()
def no_batch_item_failures(tx: Transaction) -> None:
    """The same consumer on a good day."""
    with Function(tx, "mailer") as mailer:
        mailer.shows("response", {"batchItemFailures": []})


@scenario(fragile=True)
def batch_sent_again_with_success(tx: Transaction) -> None:
    """What DynamoDB left unprocessed is written by a second call."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        sdk = tx.rng.choice(("python", "node"))
        orders.made(aws_call(tx, "dynamodb", "BatchWriteItem", sdk=sdk, table_names=["orders"]))
        orders.shows("batch_write_item", {"UnprocessedItems": {"orders": [{"PutRequest": {"Item": {"id": {"S": "17"}}}}]}})
        tx.wait(0.1)
        orders.made(aws_call(tx, "dynamodb", "BatchWriteItem", sdk=sdk, table_names=["orders"]))
        orders.shows("batch_write_item", {"UnprocessedItems": {}})


@scenario(must="state-machine-failed", may="error-payload-behind-200")
def logged_answer_of_a_failed_execution(tx: Transaction) -> None:
    """StartSyncExecution answers 200; the status is in its body."""
    answer = {"executionArn": _EXECUTION, "status": tx.rng.choice(("FAILED", "TIMED_OUT")), "error": "States.TaskFailed",
              "cause": "the card was declined", "input": "{}", "name": "4711"}  # fmt: skip
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(aws_call(tx, "stepfunctions", "StartSyncExecution"))
        orders.shows("execution", answer)


@scenario()
def logged_answer_of_a_good_execution(tx: Transaction) -> None:
    """The same with SUCCEEDED; the listing of orders beside it has one that FAILED."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(aws_call(tx, "stepfunctions", "StartSyncExecution"))
        orders.shows("execution", {"executionArn": _EXECUTION, "status": "SUCCEEDED", "output": "{}", "name": "4711"})
        orders.shows("listing", {"items": [{"id": 17, "status": "FAILED"}, {"id": 18, "status": "PAID"}]}, key="orders")


@scenario(must="state-machine-failed", may="edge-ok-downstream-fault")
def failed_state_machine_behind_a_200(tx: Transaction) -> None:
    """A REST API calls Step Functions by itself: StartSyncExecution's 200 is the client's."""
    with RestApi(tx, target="STEPFUNCTIONS") as api, StateMachine(tx, api.call["id"]) as machine:
        why = cause(tx, "States.TaskFailed", "the card was declined")
        machine.state("Reserve")
        machine.state("Charge", why=why)
        machine.fails(why)


@scenario(fragile=True)
def state_retried_with_success(tx: Transaction) -> None:
    """A task fails, its Retry makes it good; the execution succeeds."""
    with RestApi(tx, target="STEPFUNCTIONS") as api, StateMachine(tx, api.call["id"]) as machine:
        machine.state("Charge", why=cause(tx, "States.TaskFailed", "try again"))
        tx.wait(1)
        machine.state("Charge")


@scenario(seen_by_client=True, may="state-machine-failed")
def failed_state_machine_that_the_client_saw(tx: Transaction) -> None:
    """The API's mapping turns FAILED into a 500."""
    with RestApi(tx, 500, target="STEPFUNCTIONS") as api, StateMachine(tx, api.call["id"]) as machine:
        why = cause(tx, "States.TaskFailed", "the card was declined")
        machine.state("Charge", why=why)
        machine.fails(why)
