"""OpenTelemetry, controls: scenarios that look like those of `otel`, and in which nothing is hidden; and healthy traffic."""

from accuracy.events import Event
from accuracy.gateway import HttpApi, RestApi
from accuracy.otel import Handler, Otel, Service, lone_handler
from accuracy.scenario import scenario
from accuracy.transaction import Document, Transaction

_HOST = "mail.internal"
_CARTS: Document = {"aws.dynamodb.table_names": ["carts"]}


@scenario()
def otel_handled_exception(tx: Transaction) -> None:
    """An exception is recorded on a span that goes well: who records it has handled it, be it a throttle's."""
    error = tx.rng.choice((("KeyError", "'voucher'"), ("ThrottlingException", "rate exceeded"), ("TimeoutError", "the cache is slow")))
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        cart.works("voucher", handled=error)
        otel.record(cart.span, error)


@scenario()
def otel_refused_call(tx: Transaction) -> None:
    """A call is refused with 4xx: an ERROR by the conventions, and the caller's own affair; the callee's span is UNSET."""
    status = tx.rng.choice((400, 404, 409, 422))
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        call = cart.begin_call("POST", "vouchers.internal")
        with Service(otel, "vouchers", call["spanId"], status=status):
            tx.wait(0.01)
        otel.end(call, otel.named(status=status), code="ERROR")


@scenario()
def otel_4xx_of_a_function(tx: Transaction) -> None:
    """A function behind a URL of its own answers 4xx to another service, which copes."""
    status = tx.rng.choice((400, 404, 409))
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        call = cart.begin_call("GET", "stock.lambda-url.internal", method="GET")
        with lone_handler(otel, "stock", call["spanId"]) as stock:
            stock.status = status
        otel.end(call, otel.named(status=status), code="ERROR")


@scenario()
def otel_expected_refusal(tx: Transaction) -> None:
    """A conditional check fails as it is meant to, or an object is not there; botocore raises, so the span is an ERROR."""
    operation, status, code = tx.rng.choice((("PutItem", 400, "ConditionalCheckFailedException"), ("GetObject", 404, "NoSuchKey")))
    with Otel(tx) as otel, RestApi(tx) as api, api.function_named("orders") as orders, Handler(otel, orders, returns=200) as handler:
        handler.aws_call("S3" if operation == "GetObject" else "DynamoDB", operation, status=status, code=code)


@scenario(fragile=True)
def otel_retried_with_success(tx: Transaction) -> None:
    """The same call is made again and goes well."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        cart.fails_to_call(_HOST)
        tx.wait(0.2)
        cart.http_call(_HOST)


@scenario(fragile=True)
def otel_throttled_then_served(tx: Transaction) -> None:
    """The same call goes well after a pause."""
    with Otel(tx) as otel, Service(otel, "cart") as cart:
        over_http = tx.rng.random() < 0.5
        cart.limited_call(over_http=over_http, served=False)
        tx.wait(0.5)
        cart.limited_call(over_http=over_http, served=True)


@scenario()
def otel_graphql_without_errors(tx: Transaction) -> None:
    """The same attributes, and nothing wrong."""
    with Otel(tx) as otel, Service(otel, "api") as api:
        work = api.works("query order", {"graphql.operation.type": "query", "graphql.operation.name": "errors"})
        work["attributes"][tx.rng.choice(("graphql.error.count", "graphql.errors.count"))] = 0


@scenario(fragile=True)
def otel_set_to_ok_by_hand(tx: Transaction) -> None:
    """The code says OK of a span that the instrumentation gave an `error.type`: it outweighs it."""
    with Otel(tx, "spans") as otel, Service(otel, "cart") as cart:
        otel.end(cart.works("cache", {"error.type": "timeout"}), code="OK")


@scenario(seen_by_client=True, may="edge-ok-downstream-fault service-ok-function-failed")
def otel_5xx_that_the_client_saw(tx: Transaction) -> None:
    """The entry answers 5xx and says so, whether API Gateway has a log or not."""
    with Otel(tx) as otel:
        if tx.rng.random() < 0.5:
            with Service(otel, "cart", status=503) as cart:
                cart.http_call(_HOST, 503)
        else:
            with HttpApi(tx, 500) as api, api.function_named("orders") as orders, Handler(otel, orders, returns=500) as handler:
                handler.http_call(_HOST, 503)


@scenario(seen_by_client=True)
def otel_4xx_that_the_client_saw(tx: Transaction) -> None:
    """The entry refuses the request; its span is UNSET, as the conventions want it."""
    with Otel(tx) as otel, Service(otel, "cart", status=tx.rng.choice((400, 401, 404, 429))) as cart:
        cart.http_call("customers.internal", 404, method="GET")


@scenario(fragile=True)
def otel_event_retried_with_success(tx: Transaction) -> None:
    """The first attempt of an event ends by an exception, the second one goes well."""
    with Otel(tx) as otel, Event(tx, "thumbnails") as event:
        with event.attempt() as attempt, Handler(otel, attempt) as handler:
            handler.crashes(("OSError", "cannot identify image file"))
        with event.attempt() as attempt, Handler(otel, attempt):
            attempt.say("INFO", "thumbnail written")


@scenario(healthy=True)
def otel_container(tx: Transaction) -> None:
    """A container that calls another one, a table and a queue."""
    with Otel(tx) as otel, Service(otel, "cart", status=tx.rng.choice((200, 201, 204, 302))) as cart:
        cart.aws_call("DynamoDB", "Query", _CARTS)
        call = cart.begin_call("GET", "prices.internal", method="GET")
        with Service(otel, "prices", call["spanId"]) as prices:
            prices.say("INFO", "0 errors")
        otel.end(call, otel.named(status=200))
        sent = cart.sends("mails")
        with Service(otel, "mailer", sent["spanId"], status=None, kind="CONSUMER") as mailer:
            mailer.http_call(_HOST)


@scenario(healthy=True)
def otel_function(tx: Transaction) -> None:
    """A function with AWS' OpenTelemetry layer: four segments."""
    with Otel(tx) as otel, RestApi(tx) as api, api.function_named("orders") as orders, Handler(otel, orders, returns=200) as handler:
        orders.say("INFO", "order received")
        handler.aws_call("S3", "ListBuckets")
        handler.works("price")
