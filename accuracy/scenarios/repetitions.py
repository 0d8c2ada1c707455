"""Repetitions: scenarios of retries: a success silences the failure of the same call before it, and nothing else."""

from accuracy.calls import aws_call, http_call
from accuracy.events import MOST_ATTEMPTS, Event
from accuracy.functions import ERRORS, Function
from accuracy.gateway import RestApi
from accuracy.scenario import scenario
from accuracy.transaction import Transaction

_ALSO = "edge-ok-downstream-fault edge-ok-error-log"


@scenario(must="service-ok-function-failed invoke-ok-function-error", may=_ALSO)
def another_function_that_went_well(tx: Transaction) -> None:
    """Invoke of one function fails, Invoke of another one goes well."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for name in ("stock", "mailer"):
            failing = name == "stock"
            call = orders.begin_invoke(name, **({"function_error": "Unhandled"} if failing else {}))
            with Function(tx, name, call["id"]) as callee:
                if failing:
                    callee.fails()
                else:
                    callee.say("INFO", "mail sent")
            orders.end_invoke(call)


@scenario(must="edge-ok-downstream-fault")
def another_table_that_was_written(tx: Transaction) -> None:
    """PutItem fails on one table and goes well on another one."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        sdk = tx.rng.choice(("python", "node"))
        orders.made(aws_call(tx, "dynamodb", "PutItem", status=500, code="InternalServerError", sdk=sdk, table_name="orders"))
        orders.made(aws_call(tx, "dynamodb", "PutItem", sdk=sdk, table_name="audit"))


@scenario(must="edge-ok-downstream-fault")
def another_path_that_was_served(tx: Transaction) -> None:
    """The same host fails on one path and serves another one."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, "partner.example", path="/orders", status=502))
        orders.made(http_call(tx, "partner.example", path="/audit"))


@scenario(must="edge-ok-downstream-fault")
def success_before_the_failure(tx: Transaction) -> None:
    """The same call goes well first, and fails then."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, "mail.internal"))
        orders.made(http_call(tx, "mail.internal", status=503))


@scenario(must="edge-ok-error-log", fragile=True)
def error_line_after_the_call_that_went_well(tx: Transaction) -> None:
    """A call is made again with success; the error that is logged afterwards is another one."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, "mail.internal", status=503))
        tx.wait(0.2)
        orders.made(http_call(tx, "mail.internal"))
        orders.caught("ERROR", "payment failed", tx.rng.choice(ERRORS))


@scenario(must="edge-ok-error-log")
def error_line_before_an_ordinary_call(tx: Transaction) -> None:
    """Nothing was made again: the call that goes well after the error is the first of its kind."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.caught("ERROR", "payment failed", tx.rng.choice(ERRORS))
        orders.made(http_call(tx, "mail.internal"))


@scenario(must="async-attempt-failed", may=f"service-ok-function-failed {_ALSO}")
def one_of_two_events_that_fails(tx: Transaction) -> None:
    """Two events of one function, to one function: one goes well, all attempts of the other one fail."""
    with Function(tx, "orders") as orders:
        calls = [orders.begin_invoke("invoices", status=202) for _ in range(2)]
        tx.wait(0.02)
        for call in calls:
            orders.end_invoke(call)
    with Event(tx, "invoices", calls[0]["id"]) as event:
        for _ in range(MOST_ATTEMPTS):
            with event.attempt() as attempt:
                attempt.fails(shape="error on both")
    with Event(tx, "invoices", calls[1]["id"]) as event, event.attempt() as attempt:
        attempt.say("INFO", "invoice 4711 written")


@scenario(fragile=True)
def callee_that_was_stopped_and_invoked_again(tx: Transaction) -> None:
    """The callee times out, is killed or crashes; the same Invoke goes well then."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for last in (False, True):
            call = orders.begin_invoke("stock", **({} if last else {"function_error": "Unhandled"}))
            with Function(tx, "stock", call["id"]) as stock:
                if last:
                    stock.say("INFO", "stock level read")
                else:
                    stock.stops(tx.rng.choice(("timeout", "out-of-memory", "crash")))
            orders.end_invoke(call)


@scenario(must="batch-partial-failure")
def batch_sent_again_in_vain(tx: Transaction) -> None:
    """What DynamoDB left unprocessed is left again by the second call."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for _ in range(2):
            orders.made(aws_call(tx, "dynamodb", "BatchWriteItem", sdk="python", table_names=["orders"]))
            orders.shows("batch_write_item", {"UnprocessedItems": {"orders": [{"PutRequest": {"Item": {"id": {"S": "17"}}}}]}})
            tx.wait(0.1)
