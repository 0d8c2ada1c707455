"""Functions: scenarios in which Lambda answers 200 and the function failed: service-ok-function-failed, invoke-ok-function-error."""

from accuracy.calls import aws_call, http_call
from accuracy.functions import SHAPES, Function
from accuracy.gateway import HttpApi, RestApi
from accuracy.scenario import scenario
from accuracy.transaction import Transaction

# a failed function behind a success is seen by these, too, where their definitions hold
_ALSO = "edge-ok-downstream-fault edge-ok-error-log"


@scenario(must="service-ok-function-failed", may=_ALSO)
def exception_behind_a_mapped_200(tx: Transaction) -> None:
    """A REST API without proxy integration and without a selection pattern for errors answers 200 whatever the function does."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")
        orders.made(aws_call(tx, "dynamodb", "GetItem", table_name="stock"))
        orders.fails(shape=tx.rng.choice(SHAPES))


@scenario(must="service-ok-function-failed", may=_ALSO)
def exception_in_a_direct_invocation(tx: Transaction) -> None:
    """A function that something invoked which sends no segments: the Lambda service is the entry, and says 200."""
    with Function(tx, "nightly") as nightly:
        nightly.say("INFO", "nightly run")
        nightly.fails()


@scenario(must="service-ok-function-failed", may=_ALSO)
def exception_without_a_log(tx: Transaction) -> None:
    """The function's log group is not subscribed: its segments are all there is."""
    with RestApi(tx, logs=()) as api:
        orders = api.function_named("orders")
        orders.logs = False
        with orders:
            tx.wait(0.05)
            orders.fails()


@scenario(must="service-ok-function-failed", may=_ALSO)
def import_error(tx: Transaction) -> None:
    """The function's module can't be imported, so every invocation fails at once."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.fails(("Runtime.ImportModuleError", "Unable to import module 'app': No module named 'stripe'"))


@scenario(must="service-ok-function-failed invoke-ok-function-error", may=_ALSO)
def nested_exception(tx: Transaction) -> None:
    """A function invokes another one, which fails; it does not look at FunctionError, or logs a warning, and answers 200."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        call = orders.begin_invoke("stock", function_error="Unhandled")
        with Function(tx, "stock", call["id"]) as stock:
            stock.fails()
        orders.end_invoke(call)
        if tx.rng.random() < 0.5:
            orders.say("WARNING", "no stock level, going on without")
        orders.say("INFO", "order accepted")


@scenario(must="service-ok-function-failed invoke-ok-function-error", may=_ALSO)
def exception_three_levels_down(tx: Transaction) -> None:
    """The third function of a chain fails; the two above it are green."""
    with RestApi(tx, 201) as api, api.function_named("orders") as orders:
        outer = orders.begin_invoke("stock")
        with Function(tx, "stock", outer["id"]) as stock:
            inner = stock.begin_invoke("shelf", function_error="Unhandled")
            with Function(tx, "shelf", inner["id"]) as shelf:
                shelf.fails()
            stock.end_invoke(inner)
        orders.end_invoke(outer)


@scenario(must="invoke-ok-function-error", may=_ALSO)
def function_error_of_a_callee_without_segments(tx: Transaction) -> None:
    """The callee's tracing is off: only the caller's subsegment says that it failed, without a flag."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        call = orders.begin_invoke("stock", function_error=tx.rng.choice(("Unhandled", "Handled")))
        tx.wait(0.08)
        orders.end_invoke(call)
        orders.say("INFO", "order accepted")


@scenario(must="service-ok-function-failed invoke-ok-function-error", may=_ALSO)
def invoked_again_in_vain(tx: Transaction) -> None:
    """Two invocations of the same function fail alike, and the caller answers 200."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for _ in range(2):
            call = orders.begin_invoke("stock", function_error="Unhandled")
            with Function(tx, "stock", call["id"]) as stock:
                stock.fails(("TimeoutError", "the shelf is slow"))
            orders.end_invoke(call)


@scenario(fragile=True)
def invoked_again_with_success(tx: Transaction) -> None:
    """The first invocation fails, the second one of the same function goes well."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for last in (False, True):
            call = orders.begin_invoke("stock", **({} if last else {"function_error": "Unhandled"}))
            with Function(tx, "stock", call["id"]) as stock:
                if last:
                    stock.say("INFO", "stock level read")
                else:
                    stock.fails(("TimeoutError", "the shelf is slow"))
            orders.end_invoke(call)
            if not last and tx.rng.random() < 0.5:
                orders.say("ERROR", "stock failed, once more")


@scenario(may="service-ok-function-failed", seen_by_client=True)
def exception_that_the_client_saw(tx: Transaction) -> None:
    """With the proxy integration an uncaught exception is a 502, and every segment shows it."""
    with RestApi(tx, 502) as api, api.function_named("orders") as orders:
        orders.fails(shape=tx.rng.choice(("error on both", "fault on both")))


@scenario(may="service-ok-function-failed edge-ok-downstream-fault edge-ok-error-log", seen_by_client=True)
def exception_that_the_client_of_an_http_api_saw(tx: Transaction) -> None:
    """An HTTP API answers 500 to an uncaught exception; its trace begins at the function, whose segments show the failure."""
    with HttpApi(tx, 500) as api, api.function_named("orders") as orders:
        orders.fails(shape=tx.rng.choice(("error on both", "fault on both")))


@scenario(must="service-ok-function-failed", may=_ALSO)
def exception_in_a_queue_consumer(tx: Transaction) -> None:
    """A consumer of a queue fails: Lambda's poller saw it, nobody else."""
    with Function(tx, "mailer") as mailer:
        mailer.say("INFO", "1 record")
        mailer.made(http_call(tx, "templates.internal", method="GET"))
        mailer.fails(("SMTPServerDisconnected", "Connection unexpectedly closed"))


@scenario()
def failure_that_nothing_shows(tx: Transaction) -> None:
    """The callee answers an error as data that nobody logs: there is no evidence, so nothing may be made up."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        call = orders.begin_invoke("stock")
        with Function(tx, "stock", call["id"]) as stock:
            stock.say("INFO", "looked at the shelf")
        orders.end_invoke(call)
