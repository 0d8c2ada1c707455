"""Edge: scenarios in which the edge response and the log or trace disagree: edge-ok-error-log, edge-error-trace-ok."""

import json

from accuracy.calls import aws_call
from accuracy.functions import ERRORS, Function
from accuracy.gateway import HttpApi, RestApi
from accuracy.scenario import scenario
from accuracy.services import Container
from accuracy.transaction import Transaction
from pipeline.local.api_gateway_lines import MALFORMED
from pipeline.local.runtime_lines import PythonText


@scenario(must="edge-ok-error-log")
def caught_exception_behind_a_200(tx: Transaction) -> None:
    """The handler catches everything, logs it and answers 200; the segments are green."""
    with RestApi(tx, tx.rng.choice((200, 201, 204))) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")
        orders.caught("ERROR", "payment failed", tx.rng.choice(ERRORS))


@scenario(must="edge-ok-error-log")
def error_line_behind_a_200(tx: Transaction) -> None:
    """A line of level ERROR or above, without an exception."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.say(tx.rng.choice(("ERROR", "CRITICAL")), "payment failed: the card was declined")


@scenario(must="edge-ok-error-log")
def error_line_behind_an_http_api(tx: Transaction) -> None:
    """The access log says 200, the trace begins at the function."""
    with HttpApi(tx) as api, api.function_named("orders") as orders:
        orders.caught("ERROR", "payment failed", tx.rng.choice(ERRORS))


@scenario(must="edge-ok-error-log")
def error_line_of_a_callee(tx: Transaction) -> None:
    """The callee logs an error and answers as if nothing had happened; so does its caller."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        call = orders.begin_invoke("stock")
        with Function(tx, "stock", call["id"]) as stock:
            stock.caught("ERROR", "no stock level", tx.rng.choice(ERRORS))
        orders.end_invoke(call)


@scenario(must="edge-ok-error-log")
def error_line_of_a_container(tx: Transaction) -> None:
    """The entry is a container; its line names its trace."""
    with Container(tx, "cart") as cart:
        cart.say("error", "cart is gone", error="KeyError: 'cart'")


@scenario(must="edge-ok-error-log")
def printed_traceback(tx: Transaction) -> None:
    """`traceback.print_exc()`: a traceback without a level and without an id, placed by its stream."""
    frames = '  File "/var/task/app.py", line 31, in handler\n    charge(order)'
    with RestApi(tx) as api, api.function_named("orders", runtime=PythonText()) as orders:
        orders.prints(f"Traceback (most recent call last):\n{frames}\nValueError: no stock")


@scenario(must="edge-error-trace-ok", may="error-payload-behind-200")
def error_status_behind_an_http_api(tx: Transaction) -> None:
    """The function returns `statusCode: 500`; Lambda calls that a success, so every segment is green."""
    status = tx.rng.choice((500, 502, 503))
    with HttpApi(tx, status) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")
        if tx.rng.random() < 0.5:
            orders.shows("returning response", {"statusCode": status, "body": json.dumps({"message": "no stock"})})


@scenario(must="edge-error-trace-ok")
def integration_time_out_of_an_http_api(tx: Transaction) -> None:
    """API Gateway waits 30 s, then answers 503; the function finishes later, and well."""
    with (
        HttpApi(tx, tx.rng.choice((503, 504)), integration_error="Endpoint request timed out") as api,
        api.function_named("report") as report,
    ):
        report.say("INFO", "collecting")
        tx.wait(31)
        report.say("INFO", "done")


@scenario(must="edge-error-trace-ok", may="edge-ok-error-log")
def malformed_answer_behind_an_untraced_rest_api(tx: Transaction) -> None:
    """The stage's tracing is off; the function's answer is none of the proxy integration; only the execution log says 502."""
    with RestApi(tx, 502, traced=False, logs=("execution",)) as api, api.function_named("orders") as orders:
        api.note = MALFORMED
        orders.say("INFO", "order received")


@scenario(must="edge-error-trace-ok")
def error_status_of_an_untraced_rest_api(tx: Transaction) -> None:
    """The stage's tracing is off; the access log says 5xx, every segment is green."""
    with RestApi(tx, tx.rng.choice((500, 502, 504)), traced=False, logs=("access",)) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")


@scenario(seen_by_client=True)
def client_error_of_an_http_api(tx: Transaction) -> None:
    """A 4xx is the client's own affair."""
    with HttpApi(tx, tx.rng.choice((400, 403, 404, 429))) as api, api.function_named("orders") as orders:
        orders.say("INFO", "no such order")


@scenario()
def exception_in_a_warning(tx: Transaction) -> None:
    """Who logs an exception as a warning, or below, has handled it."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.caught(tx.rng.choice(("WARNING", "INFO", "DEBUG")), "no cache, asking the database", ("RedisError", "connection refused"))
        orders.say("INFO", "order accepted")


@scenario()
def expected_exception_at_error_level(tx: Transaction) -> None:
    """A conditional check that failed as it is meant to, logged too loudly."""
    error = ("ConditionalCheckFailedException",
             "An error occurred (ConditionalCheckFailedException) when calling the PutItem operation: The condition failed")  # fmt: skip
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(aws_call(tx, "dynamodb", "PutItem", status=400, code=error[0], table_name="orders"))
        orders.caught("ERROR", "order is there already", error)


@scenario(seen_by_client=True)
def exception_that_was_logged_and_told(tx: Transaction) -> None:
    """The handler catches, logs, and answers 500."""
    with RestApi(tx, 500) as api, api.function_named("orders") as orders:
        orders.caught("ERROR", "payment failed", tx.rng.choice(ERRORS))


@scenario(fragile=True)
def error_line_before_a_call_that_went_well(tx: Transaction) -> None:
    """The first PutItem fails, an error is logged, the second one goes well."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        sdk = tx.rng.choice(("python", "node"))
        orders.made(aws_call(tx, "dynamodb", "PutItem", status=500, code="InternalServerError", sdk=sdk, table_name="orders"))
        orders.caught("ERROR", "not written, trying again", ("InternalServerError", "internal error"))
        orders.made(aws_call(tx, "dynamodb", "PutItem", sdk=sdk, table_name="orders"))
        orders.say("INFO", "written")
