"""Asynchronous: scenarios of events that Lambda accepts with 202: async-attempt-failed."""

from accuracy.calls import http_call
from accuracy.events import MOST_ATTEMPTS, Event
from accuracy.functions import Function
from accuracy.gateway import RestApi
from accuracy.scenario import scenario
from accuracy.transaction import Transaction

_ALSO = "service-ok-function-failed edge-ok-downstream-fault edge-ok-error-log"


@scenario(must="async-attempt-failed", may=_ALSO)
def event_that_fails_three_times(tx: Transaction) -> None:
    """S3 or SNS hands an event over; all three attempts fail."""
    with Event(tx, "thumbnails") as event:
        for _ in range(MOST_ATTEMPTS):
            with event.attempt() as attempt:
                attempt.say("INFO", "image received")
                attempt.fails(("OSError", "cannot identify image file"), shape="error on both")


@scenario(must="async-attempt-failed", may=_ALSO)
def event_of_a_function_that_fails_three_times(tx: Transaction) -> None:
    """A function behind a 200 invokes another one as an event: 202, and then it fails."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        call = orders.begin_invoke("invoices", status=202)
        tx.wait(0.02)
        orders.end_invoke(call)
    with Event(tx, "invoices", call["id"]) as event:
        for _ in range(MOST_ATTEMPTS):
            with event.attempt() as attempt:
                attempt.fails(shape=tx.rng.choice(("error on both", "fault on both", "cause alone")))


@scenario(must="async-attempt-failed", may=_ALSO)
def event_without_retries(tx: Transaction) -> None:
    """The function is configured to be tried once: the only attempt fails."""
    with Event(tx, "thumbnails") as event, event.attempt() as attempt:
        attempt.fails(shape="error on both")


@scenario(must="async-attempt-failed timeout", may=_ALSO)
def event_that_times_out_three_times(tx: Transaction) -> None:
    """Each attempt runs into the function's limit."""
    with Event(tx, "thumbnails") as event:
        for _ in range(MOST_ATTEMPTS):
            with event.attempt() as attempt:
                attempt.say("INFO", "image received")
                attempt.stops("timeout")


@scenario(fragile=True)
def event_retried_with_success(tx: Transaction) -> None:
    """One or two attempts fail, a later one goes well."""
    failures = tx.rng.randint(1, 2)
    with Event(tx, "thumbnails") as event:
        for number in range(failures + 1):
            with event.attempt() as attempt:
                if number < failures:
                    attempt.fails()
                else:
                    attempt.say("INFO", "thumbnail written")


@scenario(fragile=True)
def event_that_timed_out_and_was_retried(tx: Transaction) -> None:
    """The first attempt runs into the limit or is killed, the second one goes well."""
    with Event(tx, "thumbnails") as event:
        with event.attempt() as attempt:
            attempt.stops(tx.rng.choice(("timeout", "out-of-memory", "crash")))
        with event.attempt() as attempt:
            attempt.say("INFO", "thumbnail written")


@scenario(healthy=True)
def event_that_went_well(tx: Transaction) -> None:
    """One attempt, no failure."""
    with Event(tx, "thumbnails") as event, event.attempt() as attempt:
        attempt.say("INFO", "image received")
        attempt.made(http_call(tx, "images.internal"))


@scenario(healthy=True)
def event_of_a_function_that_went_well(tx: Transaction) -> None:
    """A 202 to the caller, then a green run."""
    with Function(tx, "orders") as orders:
        call = orders.begin_invoke("invoices", status=202)
        tx.wait(0.02)
        orders.end_invoke(call)
    with Event(tx, "invoices", call["id"]) as event, event.attempt() as attempt:
        attempt.say("INFO", "invoice 4711 written")
