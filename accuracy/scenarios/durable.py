"""Durable: scenarios of executions of durable functions, with spans or by their lines alone: durable-execution-failed, and controls."""

from contextlib import nullcontext

from accuracy.durable import Execution
from accuracy.functions import ERRORS
from accuracy.otel import Otel
from accuracy.scenario import scenario
from accuracy.transaction import Transaction
from pipeline.local.runtime_lines import Error

_ALSO = "edge-ok-downstream-fault edge-ok-error-log"
_DOWN: Error = ("ConnectionError", "the card service did not answer")


def _retried(execution: Execution, failures: int) -> None:
    """Runs the first invocations, in each of which the step fails."""
    for number in range(1, failures + 1):
        with execution.invocation() as invocation:
            if number == 1:
                invocation.logs_durable("INFO", "order taken")
            invocation.attempt("charge", number, error=_DOWN, logged="the card service is down" if execution.tx.rng.random() < 0.5 else "")


@scenario(must="durable-execution-failed", may=_ALSO)
def durable_execution_that_failed(tx: Transaction) -> None:
    """The code of the handler raises, after a wait; Lambda answers each invocation with 200, and lines alone tell of it."""
    execution = Execution(tx, None)
    with execution.invocation() as invocation:
        invocation.logs_durable("INFO", "order taken")
    with execution.invocation() as invocation:
        invocation.fails_for_good(tx.rng.choice(ERRORS))


@scenario(must="durable-execution-failed", may=_ALSO)
def durable_step_whose_attempts_were_used_up(tx: Transaction) -> None:
    """A step fails as often as it may, and nobody catches that; the spans of the plugin tell of it, or the lines alone."""
    with Otel(tx) if tx.rng.random() < 0.7 else nullcontext() as otel:
        execution = Execution(tx, otel)
        _retried(execution, 2)
        with execution.invocation() as invocation:
            invocation.attempt("charge", 3, error=_DOWN, last=True)
            invocation.fails_for_good(_DOWN)


@scenario(must="edge-ok-downstream-fault", may="edge-ok-error-log")
def durable_step_that_failed_behind_a_success(tx: Transaction) -> None:
    """A step fails for good, the handler catches it, and the execution goes well."""
    with Otel(tx) as otel:
        execution = Execution(tx, otel)
        _retried(execution, 1)
        with execution.invocation() as invocation:
            invocation.attempt("charge", 2, error=_DOWN, last=True)
            invocation.logs_durable("INFO", "order goes on without a charge")
            invocation.outcome = "SUCCEEDED"


@scenario(must="edge-ok-error-log")
def durable_error_swallowed_in_a_step(tx: Transaction) -> None:
    """The code of a step logs an error and goes on, and so does the handler."""
    with Otel(tx) if tx.rng.random() < 0.5 else nullcontext() as otel:
        execution = Execution(tx, otel)
        with execution.invocation() as invocation:
            invocation.attempt("charge", 1, logged="the receipt was not written", last=True)
            tx.wait(0.01)
            invocation.logs_durable("INFO", "order charged")
            invocation.outcome = "SUCCEEDED"


@scenario()
def durable_step_that_went_well_later(tx: Transaction) -> None:
    """A step fails once or twice and goes well then, in a later invocation; it need not log anything."""
    with Otel(tx) if tx.rng.random() < 0.6 else nullcontext() as otel:
        execution = Execution(tx, otel)
        failures = tx.rng.choice((1, 2))
        _retried(execution, failures)
        with execution.invocation() as invocation:
            invocation.attempt("charge", failures + 1, last=True)
            invocation.logs_durable("INFO", "order charged: 0 errors")
            invocation.outcome = "SUCCEEDED"


@scenario()
def durable_execution_that_waits_to_try_again(tx: Transaction) -> None:
    """A step failed, and its next attempt is days away: the execution is suspended."""
    with Otel(tx) if tx.rng.random() < 0.6 else nullcontext() as otel:
        _retried(Execution(tx, otel), tx.rng.choice((1, 2)))


@scenario(healthy=True)
def durable_execution_that_waits(tx: Transaction) -> None:
    """Each invocation does a step and suspends the execution; the last one ends it."""
    with Otel(tx) if tx.rng.random() < 0.5 else nullcontext() as otel:
        execution = Execution(tx, otel)
        for step in ("reserve", "charge", "send"):
            with execution.invocation() as invocation:
                invocation.attempt(step, 1, last=True)
                invocation.logs_durable("INFO", f"{step} done, no error")
                invocation.outcome = "SUCCEEDED" if step == "send" else "PENDING"
