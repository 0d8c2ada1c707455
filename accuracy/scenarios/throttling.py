"""Throttling: scenarios with a 429 on the way: throttled-downstream."""

from accuracy.calls import aws_call, http_call
from accuracy.gateway import RestApi
from accuracy.scenario import scenario
from accuracy.services import Container
from accuracy.transaction import Document, Transaction


def _throttled_invoke(tx: Transaction, sdk: str = "") -> Document:
    return aws_call(tx, "lambda", "Invoke", status=429, code="TooManyRequestsException", sdk=sdk, function_name="mailer")


@scenario(must="throttled-downstream")
def swallowed_429_of_an_aws_call(tx: Transaction) -> None:
    """Invoke is refused with 429; whether the SDK says fault as well is its own affair."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(_throttled_invoke(tx))
        orders.say("WARNING", "mailer is busy")


def _throttled_put(tx: Transaction, sdk: str = "") -> Document:
    code = "ProvisionedThroughputExceededException"
    return aws_call(tx, "dynamodb", "PutItem", status=400, code=code, sdk=sdk, table_name="carts", retries=10)


@scenario(must="throttled-downstream")
def swallowed_throttle_with_400(tx: Transaction) -> None:
    """DynamoDB refuses with 400, and the code alone says that it is a throttle."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(_throttled_put(tx))
        orders.say("WARNING", "the table is busy")


@scenario(fragile=True)
def throttled_with_400_then_served(tx: Transaction) -> None:
    """Not the caller's mistake: the same call made again goes well."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        sdk = tx.rng.choice(("python", "node"))
        orders.made(_throttled_put(tx, sdk))
        tx.wait(0.5)
        orders.made(aws_call(tx, "dynamodb", "PutItem", sdk=sdk, table_name="carts"))


@scenario(must="throttled-downstream")
def swallowed_429_over_http(tx: Transaction) -> None:
    """Somebody else's API limits its callers."""
    with RestApi(tx, 202) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, "api.partner.example", status=429))


@scenario(must="throttled-downstream")
def throttled_in_vain(tx: Transaction) -> None:
    """Three times 429."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        for _ in range(3):
            orders.made(http_call(tx, "api.partner.example", status=429))
            tx.wait(0.5)


@scenario(must="throttled-downstream")
def throttled_behind_a_container(tx: Transaction) -> None:
    """The entry is a container with embedded subsegments."""
    with Container(tx, "cart") as cart:
        cart.made(http_call(tx, "api.partner.example", status=429))


@scenario(must="throttled-downstream edge-ok-downstream-fault")
def throttled_and_failed(tx: Transaction) -> None:
    """One call is throttled, another one fails: each is told by its own rule."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.made(http_call(tx, "api.partner.example", status=429))
        orders.made(http_call(tx, "mail.internal", status=500))


@scenario(fragile=True)
def throttled_then_served(tx: Transaction) -> None:
    """The same call goes well after a pause."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        if tx.rng.random() < 0.5:
            sdk = tx.rng.choice(("python", "node"))
            orders.made(_throttled_invoke(tx, sdk))
            tx.wait(0.5)
            orders.made(aws_call(tx, "lambda", "Invoke", sdk=sdk, function_name="mailer"))
        else:
            orders.made(http_call(tx, "api.partner.example", status=429))
            orders.say("WARNING", "slowing down")
            tx.wait(0.5)
            orders.made(http_call(tx, "api.partner.example"))


@scenario(seen_by_client=True)
def throttled_client(tx: Transaction) -> None:
    """The client itself is told 429."""
    with RestApi(tx, 429) as api, api.function_named("orders") as orders:
        orders.say("INFO", "quota of the customer is used up")
