"""Downstream: scenarios of a fault below a success: edge-ok-downstream-fault, and failures that programs expect."""

from accuracy.calls import aws_call, cause, http_call, local_work
from accuracy.functions import Function
from accuracy.gateway import RestApi
from accuracy.scenario import scenario
from accuracy.services import Container, call_of_container
from accuracy.transaction import Transaction

_HOST = "mail.internal"


@scenario(must="edge-ok-downstream-fault")
def swallowed_http_500(tx: Transaction) -> None:
    """A call over HTTP answers 5xx; the handler goes on and answers 201."""
    with RestApi(tx, tx.rng.choice((200, 201, 202, 204, 302))) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, _HOST, status=tx.rng.choice((500, 502, 503, 504))))
        orders.say("WARNING", "no mail was sent")


@scenario(must="edge-ok-downstream-fault")
def swallowed_fault_of_an_aws_call(tx: Transaction) -> None:
    """An AWS service answers 5xx to the last retry."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(aws_call(tx, "dynamodb", "PutItem", status=500, code="InternalServerError", table_name="orders", retries=4))


@scenario(must="edge-ok-downstream-fault")
def no_answer_at_all(tx: Transaction) -> None:
    """The connection is refused or breaks: a fault and a cause, no status."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, _HOST, status=None, raised=tx.rng.choice(("ConnectionError", "ReadTimeout", "SSLError"))))


@scenario(must="edge-ok-downstream-fault")
def fault_two_levels_down(tx: Transaction) -> None:
    """A function that another one invoked swallows the failure; all functions are green."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        call = orders.begin_invoke("mailer")
        with Function(tx, "mailer", call["id"]) as mailer:
            mailer.made(local_work(tx, "## send", http_call(tx, _HOST, status=503)))
        orders.end_invoke(call)


@scenario(must="edge-ok-downstream-fault")
def fault_behind_a_container(tx: Transaction) -> None:
    """The entry is a container, whose subsegments are embedded at two levels."""
    with Container(tx, "cart") as cart:
        cart.made(aws_call(tx, "sqs", "SendMessage", sdk="python"))
        cart.made(local_work(tx, "checkout", http_call(tx, _HOST, status=500)))
        cart.say("info", "checked out")


@scenario(must="edge-ok-downstream-fault")
def chain_of_failed_services(tx: Transaction) -> None:
    """A container answers 500 because the one below it did; the function above both answers 200."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(call_of_container(tx, "cart", status=500, inside="prices.internal"))


@scenario(must="edge-ok-downstream-fault")
def retried_in_vain(tx: Transaction) -> None:
    """The same call fails three times."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for _ in range(3):
            orders.made(http_call(tx, _HOST, status=503))
            tx.wait(0.1)


@scenario(must="edge-ok-downstream-fault")
def fallback_to_another_service(tx: Transaction) -> None:
    """Another host answers what the first one could not: the call that failed was not made again."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, "prices.internal", method="GET", status=500))
        orders.made(http_call(tx, "old-prices.internal", method="GET"))


@scenario(must="edge-ok-downstream-fault")
def fault_in_a_queue_consumer(tx: Transaction) -> None:
    """A consumer of a queue swallows a 5xx, so the message is gone."""
    with Function(tx, "mailer") as mailer:
        mailer.made(http_call(tx, _HOST, status=500))


@scenario(fragile=True)
def retried_with_success(tx: Transaction) -> None:
    """The same call is made again and goes well; what was logged in between is history."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for _ in range(tx.rng.randint(1, 2)):
            orders.made(http_call(tx, _HOST, **tx.rng.choice(({"status": 503}, {"status": None, "raised": "ReadTimeout"}))))
            orders.say(tx.rng.choice(("WARNING", "ERROR")), "mail failed, trying again")
            tx.wait(0.2)
        orders.made(http_call(tx, _HOST))
        orders.say("INFO", "mail sent")


@scenario(fragile=True)
def chain_retried_with_success(tx: Transaction) -> None:
    """The first call of a container fails because of what lies below it, the second one goes well."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(call_of_container(tx, "cart", status=502, inside="prices.internal"))
        tx.wait(0.2)
        orders.made(call_of_container(tx, "cart", status=200))


@scenario()
def retried_by_the_sdk(tx: Transaction) -> None:
    """The own retries of botocore: one subsegment, 200, `retries` above 0."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(aws_call(tx, "dynamodb", "PutItem", table_name="orders", retries=tx.rng.randint(1, 3)))


@scenario()
def conditional_check(tx: Transaction) -> None:
    """An optimistic write finds that somebody was faster, as it is meant to; the Python SDK calls that a fault."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        operation = tx.rng.choice(("PutItem", "UpdateItem", "DeleteItem"))
        orders.made(aws_call(tx, "dynamodb", operation, status=400, code="ConditionalCheckFailedException", table_name="orders"))
        orders.say("INFO", "order is there already")


@scenario()
def transaction_cancelled(tx: Transaction) -> None:
    """The same of a transaction."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(aws_call(tx, "dynamodb", "TransactWriteItems", status=400, code="TransactionCanceledException"))


@scenario()
def missing_object(tx: Transaction) -> None:
    """A look-up in S3 for what may not be there."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        operation, code = tx.rng.choice((("HeadObject", "404"), ("GetObject", "NoSuchKey")))
        orders.made(aws_call(tx, "s3", operation, status=404, code=code, bucket_name="invoices", key="4711.pdf"))


@scenario()
def missing_resource(tx: Transaction) -> None:
    """A look-up by name for what may not be there."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        service, operation = tx.rng.choice((("secretsmanager", "GetSecretValue"), ("lambda", "GetFunction")))
        orders.made(aws_call(tx, service, operation, status=400 if service == "secretsmanager" else 404, code="ResourceNotFoundException"))


@scenario()
def http_404_of_a_look_up(tx: Transaction) -> None:
    """A customer who is not known yet, or a page that has not changed."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, "customers.internal", method="GET", path="/4711", status=tx.rng.choice((404, 304))))


@scenario()
def refused_http_call(tx: Transaction) -> None:
    """A 4xx without a fault: the callee is well, and the caller has dealt with it."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, "vouchers.internal", status=tx.rng.choice((400, 409, 410, 422))))


@scenario(seen_by_client=True)
def server_error_that_the_client_saw(tx: Transaction) -> None:
    """A dependency fails, the handler answers 500 or 503: everybody knows."""
    with RestApi(tx, tx.rng.choice((500, 503))) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, _HOST, status=503))
        orders.say("ERROR", "no mail, no order")


@scenario(seen_by_client=True)
def client_error_that_the_client_saw(tx: Transaction) -> None:
    """The request was no good."""
    with RestApi(tx, tx.rng.choice((400, 401, 403, 404, 409))) as api, api.function_named("orders") as orders:
        orders.say("WARNING", "bad request")


@scenario(may="edge-ok-downstream-fault")
def handled_refusal_that_is_flagged_as_a_fault(tx: Transaction) -> None:
    """An AWS call is refused, the code copes, the Python SDK says fault: the design knows no way to tell."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(aws_call(tx, "sqs", "SendMessage", status=400, code="InvalidMessageContents", sdk="python"))


@scenario(may="edge-ok-downstream-fault")
def caught_exception_in_a_local_subsegment(tx: Transaction) -> None:
    """Powertools' Tracer flags a method whose exception the handler catches: no call failed, but a subsegment says fault."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(local_work(tx, "## parse_voucher", fault=True, cause=cause(tx, "ValueError", "no such voucher")))
        orders.say("INFO", "going on without a voucher")
