"""Healthy: scenarios of healthy traffic in many shapes, with the words in it that failures have."""

import json

from accuracy.calls import aws_call, http_call, local_work
from accuracy.functions import Function
from accuracy.gateway import HttpApi, RestApi
from accuracy.scenario import scenario
from accuracy.services import Container, StateMachine, call_of_container
from accuracy.transaction import Transaction

_WORDS = (
    "0 errors, 0 failures", "no error", "error rate 0.0 %", "errors=0 failed=0", "error handler installed", "retries off, timeout is 3 s",
    "rendering template 500.html", "SELECT id FROM orders WHERE status = 'FAILED'", "tests: 12 passed, 0 failed", "exception list is empty",
    "cleared the dead letter queue: 0 messages", "faults: none", "crash reports enabled", "GET /errors/500 200 12ms",
)  # fmt: skip


@scenario(healthy=True)
def rest_api(tx: Transaction) -> None:
    """A stage, a function, a table; both logs of API Gateway."""
    with RestApi(tx, tx.rng.choice((200, 201, 202, 204)), logs=("access", "execution")) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")
        orders.made(aws_call(tx, "dynamodb", "PutItem", table_name="orders"))
        orders.say("INFO", "order accepted")


@scenario(healthy=True)
def http_api(tx: Transaction) -> None:
    """A line in the access log, and a trace that begins at the function."""
    with HttpApi(tx, tx.rng.choice((200, 201, 304))) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")
        orders.made(http_call(tx, "customers.internal", method="GET"))


@scenario(healthy=True)
def nested_functions(tx: Transaction) -> None:
    """Three levels, all green."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        outer = orders.begin_invoke("stock")
        with Function(tx, "stock", outer["id"]) as stock:
            inner = stock.begin_invoke("shelf")
            with Function(tx, "shelf", inner["id"]) as shelf:
                shelf.say("DEBUG", "shelf 7")
            stock.end_invoke(inner)
        orders.end_invoke(outer)


@scenario(healthy=True)
def container(tx: Transaction) -> None:
    """A container that calls another one, and a table."""
    with Container(tx, "cart") as cart:
        cart.made(aws_call(tx, "dynamodb", "Query", sdk="node", table_name="carts"))
        cart.made(local_work(tx, "prices", call_of_container(tx, "prices", status=200)))
        cart.say("info", "checked out", error=None, errors=[])


@scenario(healthy=True)
def state_machine(tx: Transaction) -> None:
    """Empty causes everywhere, as Step Functions writes them on success."""
    with RestApi(tx, target="STEPFUNCTIONS") as api, StateMachine(tx, api.call["id"]) as machine:
        machine.state("Reserve")
        machine.state("Charge")


@scenario(healthy=True)
def queue_consumer(tx: Transaction) -> None:
    """A green consumer that deletes what it has read."""
    with Function(tx, "mailer") as mailer:
        mailer.say("INFO", "3 records")
        mailer.made(http_call(tx, "mail.internal"))
        mailer.made(aws_call(tx, "sqs", "DeleteMessageBatch", queue_url="https://sqs.eu-west-1.amazonaws.com/123456789012/mail"))


@scenario(healthy=True)
def words_of_failure(tx: Transaction) -> None:
    """Lines of level INFO and below that have the words of failures in them, and prints without a level."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for text in tx.rng.sample(_WORDS, 4):
            orders.say(tx.rng.choice(("INFO", "DEBUG")), text)
        orders.prints(tx.rng.choice(_WORDS))


@scenario(healthy=True)
def keys_of_failure(tx: Transaction) -> None:
    """JSON lines whose keys are those of failures, with nothing in them; a stack that is CloudFormation's."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.say("INFO", "done", error=None, error_count=0, exception=None, failed=[], errors=[])
        orders.say("INFO", "deployed", stack_name="orders-prod", fault=False, errorRate=0.0)


@scenario(healthy=True)
def metrics(tx: Transaction) -> None:
    """CloudWatch's embedded metric format: a metric named Errors is a number."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        emf = {
            "Timestamp": tx.millis,
            "CloudWatchMetrics": [{"Namespace": "shop", "Dimensions": [["service"]], "Metrics": [{"Name": "Errors"}]}],
        }
        tx.log(
            "/aws/lambda/orders", json.dumps({"_aws": emf, "service": "orders", "Errors": [0.0], "function_request_id": orders.request_id})
        )
        orders.say("INFO", "order received")


@scenario(healthy=True)
def health_check(tx: Transaction) -> None:
    """Asked every few seconds, and well."""
    with RestApi(tx, method="GET", path="/health") as api, api.function_named("health") as health:
        health.shows("checked", {"status": "ok", "failures": 0, "checks": {"database": "ok", "queue": "ok"}})


@scenario(healthy=True)
def annotated(tx: Transaction) -> None:
    """Annotations and metadata may be called anything."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(local_work(tx, "## handler", annotations={"error": "none", "fault": False, "status": 500},
                               metadata={"shop": {"response": {"statusCode": 200, "error": None}}}))  # fmt: skip
