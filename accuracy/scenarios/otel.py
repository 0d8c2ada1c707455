"""OpenTelemetry: scenarios of faults in services that its SDKs trace, as `aws/spans` and as X-Ray show them; of every family of rules."""

from accuracy.events import MOST_ATTEMPTS, Event
from accuracy.functions import ERRORS
from accuracy.gateway import HttpApi, RestApi
from accuracy.otel import Handler, Otel, Service, lone_handler
from accuracy.scenario import scenario
from accuracy.services import StateMachine
from accuracy.transaction import Document, Transaction

_ALSO = "edge-ok-downstream-fault edge-ok-error-log"
_HOST = "mail.internal"
_CARTS: Document = {"aws.dynamodb.table_names": ["carts"]}
_CAUSE: Document = {"id": "c" * 16, "type": "States.TaskFailed", "message": "the card was declined", "stack": []}
_GRAPHQL = ("NOT_FOUND", "no such order")


@scenario(must="service-ok-function-failed", may=_ALSO)
def otel_exception_behind_a_mapped_200(tx: Transaction) -> None:
    """A handler ends by an exception, the stage answers 200; Lambda's own segments may show it or not, the handler's span does."""
    with Otel(tx) as otel, RestApi(tx) as api, api.function_named("orders") as orders, Handler(otel, orders) as handler:
        handler.aws_call("DynamoDB", "GetItem", {"aws.dynamodb.table_names": ["stock"]})
        handler.crashes(tx.rng.choice(ERRORS), marked=tx.rng.random() < 0.5)


@scenario(must="service-ok-function-failed", may=_ALSO)
def otel_exception_without_lambda_s_segments(tx: Transaction) -> None:
    """Lambda's own tracing is off, so the span of the handler is all there is; its event is no request over HTTP."""
    with Otel(tx) as otel, lone_handler(otel, "mailer") as mailer:
        mailer.http_call("templates.internal", method="GET")
        mailer.raised = tx.rng.choice(ERRORS)


@scenario(must="service-ok-function-failed", may=_ALSO)
def otel_nested_exception(tx: Transaction) -> None:
    """A function invokes another one, which fails; it answers 200."""
    with Otel(tx) as otel, RestApi(tx) as api, api.function_named("orders") as orders, Handler(otel, orders, returns=200) as handler:
        call = handler.begin_aws_call("Lambda", "Invoke", {"aws.lambda.invoked_arn": "stock"})
        with lone_handler(otel, "stock", call["spanId"]) as stock:
            stock.raised = tx.rng.choice(ERRORS)
        otel.end(call, otel.named(status=200))


@scenario(must="async-attempt-failed", may=f"service-ok-function-failed {_ALSO}")
def otel_event_that_fails_three_times(tx: Transaction) -> None:
    """Each attempt of an event ends by an exception."""
    with Otel(tx) as otel, Event(tx, "thumbnails") as event:
        for _ in range(MOST_ATTEMPTS):
            with event.attempt() as attempt, Handler(otel, attempt) as handler:
                handler.crashes(("OSError", "cannot identify image file"))


@scenario(must="edge-ok-downstream-fault")
def otel_swallowed_5xx(tx: Transaction) -> None:
    """A call answers 5xx or breaks off; the service, a container or a function, answers 200."""
    with Otel(tx) as otel:
        if tx.rng.random() < 0.5:
            with Service(otel, "cart") as cart:
                cart.fails_to_call(_HOST)
        else:
            with RestApi(tx) as api, api.function_named("orders") as orders, Handler(otel, orders, returns=200) as handler:
                handler.fails_to_call(_HOST)


@scenario(must="edge-ok-downstream-fault")
def otel_5xx_of_a_callee_that_stays_unset(tx: Transaction) -> None:
    """The callee's span alone has the status 5xx, and is UNSET; the call's span says nothing."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        call = cart.begin_call("POST", "prices.internal")
        with Service(otel, "prices", call["spanId"], status=tx.rng.choice((500, 502, 503)), code="UNSET"):
            pass
        otel.end(call)


@scenario(must="edge-ok-downstream-fault")
def otel_fault_of_an_aws_call(tx: Transaction) -> None:
    """DynamoDB answers 500 to the last retry."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        cart.aws_call("DynamoDB", "PutItem", _CARTS, status=500, code="InternalServerError")


@scenario(must="edge-ok-downstream-fault")
def otel_error_type_alone(tx: Transaction) -> None:
    """A call's span stays UNSET and has no status; only `error.type` says that it failed."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        cart.works("charge", {"error.type": tx.rng.choice(("timeout", "java.net.UnknownHostException", "_OTHER"))})


@scenario(must="edge-ok-downstream-fault")
def otel_retried_in_vain(tx: Transaction) -> None:
    """The same call fails three times, or goes well on another table only."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        for table in ("carts", "carts", "others"):
            code = "" if table == "others" else "InternalServerError"
            cart.aws_call("DynamoDB", "PutItem", {"aws.dynamodb.table_names": [table]}, status=500 if code else 200, code=code)
            tx.wait(0.1)


@scenario(must="edge-ok-downstream-fault")
def otel_entry_marked_as_failed_behind_a_200(tx: Transaction) -> None:
    """The entry's own span is an ERROR with an exception, and its status is 200."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        cart.raised = ("IOError", "the stream broke off")


@scenario(must="edge-ok-downstream-fault")
def otel_message_that_was_not_processed(tx: Transaction) -> None:
    """The entry sends a message and answers 202; its consumer fails."""
    with Otel(tx) as otel, Service(otel, "cart", status=202) as cart:
        sent = cart.sends("mails")
        with Service(otel, "mailer", sent["spanId"], status=None, kind="CONSUMER") as mailer:
            mailer.raised = tx.rng.choice(ERRORS)


@scenario(must="throttled-downstream")
def otel_swallowed_throttle(tx: Transaction) -> None:
    """A call over HTTP is refused with 429, or DynamoDB refuses with 400 and the code of a throttle; once or three times."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        over_http = tx.rng.random() < 0.5
        for _ in range(tx.rng.choice((1, 3))):
            cart.limited_call(over_http=over_http, served=False)
            tx.wait(0.5)


@scenario(must="edge-error-trace-ok")
def otel_5xx_that_stays_unset(tx: Transaction) -> None:
    """The entry answers 5xx, and its span stays UNSET: nothing in the trace is marked as failed."""
    with Otel(tx, marks=False) as otel:
        status = tx.rng.choice((500, 502, 503))
        if tx.rng.random() < 0.5:
            with Service(otel, "cart", status=status, code="UNSET"):
                tx.wait(0.01)
        else:
            with HttpApi(tx, status) as api, api.function_named("orders") as orders, Handler(otel, orders, returns=status, code="UNSET"):
                orders.say("INFO", "order received")


@scenario(must="edge-ok-error-log")
def otel_error_line_behind_a_200(tx: Transaction) -> None:
    """A line of level ERROR, of a container or a function, whose spans are all well."""
    with Otel(tx) as otel:
        if tx.rng.random() < 0.5:
            with Service(otel, "cart") as cart:
                cart.say("ERROR", "payment failed")
        else:
            with RestApi(tx) as api, api.function_named("orders") as orders, Handler(otel, orders, returns=200):
                orders.caught("ERROR", "payment failed", tx.rng.choice(ERRORS))


@scenario(must="error-payload-behind-200", may="edge-ok-downstream-fault")
def otel_graphql_errors_as_exceptions(tx: Transaction) -> None:
    """GraphQL answers 200 with errors, which its operation's span has as exceptions; the span is marked as failed."""
    with Otel(tx) as otel, Service(otel, "api") as api:
        api.works("query order", {"graphql.operation.type": "query", "graphql.operation.name": "order"}, raised=_GRAPHQL)


@scenario(must="error-payload-behind-200")
def otel_graphql_errors_as_events(tx: Transaction) -> None:
    """The same with an event `graphql.error` for each, on a span that stays UNSET; X-Ray's segments have no events."""
    with Otel(tx, "spans") as otel, Service(otel, "api") as api:
        work = api.works("query order", {"graphql.operation.type": "query"})
        otel.record(work, _GRAPHQL, "graphql.error")


@scenario(must="error-payload-behind-200")
def otel_graphql_errors_as_a_count(tx: Transaction) -> None:
    """The same with a count alone, on the entry's span or the operation's."""
    with Otel(tx) as otel, Service(otel, "api") as api:
        work = api.works("query order", {"graphql.operation.type": "query"}) if tx.rng.random() < 0.5 else api.span
        name = tx.rng.choice(("graphql.error.count", "graphql.errors.count", "hive.graphql.error.count"))
        work["attributes"][name] = tx.rng.randint(1, 3)


@scenario(must="batch-partial-failure")
def otel_batch_item_failures(tx: Transaction) -> None:
    """A consumer of a queue reports records that failed; its spans are well."""
    with Otel(tx) as otel, RestApi(tx, traced=False, logs=()) as api, api.function_named("mailer") as mailer, Handler(otel, mailer):
        mailer.shows("response", {"batchItemFailures": [{"itemIdentifier": tx.request_id()}]})


@scenario(must="state-machine-failed", may="edge-ok-downstream-fault")
def otel_failed_state_machine(tx: Transaction) -> None:
    """A container starts an execution, which fails; X-Ray's segment of it is one of the spans."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        call = cart.begin_aws_call("SFN", "StartSyncExecution", {"aws.step_functions.state_machine.arn": "checkout"})
        with StateMachine(tx, call["spanId"]) as machine:
            machine.state("Charge", why={"exceptions": [_CAUSE]})
            machine.fails({"exceptions": [_CAUSE]})
        otel.end(call, otel.named(status=200))


@scenario(must="timeout", may=f"service-ok-function-failed {_ALSO}")
def otel_timeout(tx: Transaction) -> None:
    """A function runs into its limit: the layer's span of its handler is never sent, that of a call is."""
    with Otel(tx) as otel, RestApi(tx) as api, api.function_named("orders") as orders:
        otel.end(otel.begin("GET", "CLIENT", "orders", orders.function["id"], {"aws.remote.service": _HOST}))
        orders.stops("timeout")


@scenario(must="out-of-memory", may=f"crash service-ok-function-failed {_ALSO}")
def otel_out_of_memory(tx: Transaction) -> None:
    """Likewise of a function that is killed for its memory."""
    with Otel(tx), RestApi(tx) as api, api.function_named("orders") as orders:
        orders.stops("out-of-memory")


@scenario(must="crash", may=f"service-ok-function-failed {_ALSO}")
def otel_crash(tx: Transaction) -> None:
    """Likewise of a function whose runtime exits."""
    with Otel(tx), RestApi(tx) as api, api.function_named("orders") as orders:
        orders.stops("crash")
