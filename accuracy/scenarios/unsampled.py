"""Unsampled: scenarios of traces that X-Ray does not keep: unsampled-error."""

import json

from accuracy.functions import ERRORS, Function
from accuracy.gateway import HttpApi
from accuracy.scenario import scenario
from accuracy.transaction import Transaction


def _unsampled(tx: Transaction, name: str = "orders") -> Function:
    tx.sampled = False
    return Function(tx, name)


@scenario(must="unsampled-error")
def unsampled_error_line(tx: Transaction) -> None:
    """A line of level ERROR, with an exception or without one, of an invocation that the platform calls unsampled."""
    with _unsampled(tx) as orders:
        if tx.rng.random() < 0.5:
            orders.say("ERROR", "payment failed")
        else:
            orders.caught("ERROR", "payment failed", tx.rng.choice(ERRORS))


@scenario(must="unsampled-error")
def unsampled_exception(tx: Transaction) -> None:
    """Nobody catches it, and no segment will ever show it."""
    with _unsampled(tx) as orders:
        orders.say("INFO", "order received")
        orders.fails()


@scenario(must="unsampled-error")
def error_line_with_an_unsampled_header(tx: Transaction) -> None:
    """A container logs the tracing header that it got, which says Sampled=0."""
    header = f"Root={tx.xray_id};Parent={tx.span_id()};Sampled=0"
    tx.log("/ecs/cart", json.dumps({"time": tx.iso(), "level": "error", "msg": "cart is gone", "x-amzn-trace-id": header}))


@scenario(must="timeout", may="unsampled-error")
def unsampled_timeout(tx: Transaction) -> None:
    """The platform's line tells of it all the same."""
    with _unsampled(tx) as orders:
        orders.stops("timeout")


@scenario(must="out-of-memory", may="crash unsampled-error")
def unsampled_out_of_memory(tx: Transaction) -> None:
    """Likewise."""
    with _unsampled(tx) as orders:
        orders.stops("out-of-memory")


@scenario(must="crash", may="unsampled-error")
def unsampled_crash(tx: Transaction) -> None:
    """Likewise."""
    with _unsampled(tx) as orders:
        orders.stops("crash")


@scenario(may="unsampled-error edge-error-trace-ok", seen_by_client=True)
def unsampled_error_that_the_client_saw(tx: Transaction) -> None:
    """The access log of an HTTP API says 500."""
    tx.sampled = False
    with HttpApi(tx, 500) as api, api.function_named("orders") as orders:
        orders.caught("ERROR", "payment failed", tx.rng.choice(ERRORS))


@scenario(healthy=True)
def unsampled_and_well(tx: Transaction) -> None:
    """What most traffic is."""
    with _unsampled(tx) as orders:
        orders.say("INFO", "order received")
        orders.shows("response", {"statusCode": 200, "body": "{}"})


@scenario()
def unsampled_warning(tx: Transaction) -> None:
    """An exception in a warning was handled, seen by X-Ray or not."""
    with _unsampled(tx) as orders:
        orders.caught("WARNING", "no cache, asking the database", ("RedisError", "connection refused"))


@scenario(fragile=True)
def unsampled_event_retried_with_success(tx: Transaction) -> None:
    """The first attempt fails, the second one of the same request goes well."""
    with _unsampled(tx, "thumbnails") as first:
        first.fails()
    tx.wait(60)
    with Function(tx, "thumbnails", request_id=first.request_id) as second:
        second.say("INFO", "thumbnail written")
