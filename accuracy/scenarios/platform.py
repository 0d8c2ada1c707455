"""Platform: scenarios in which Lambda itself ends an invocation: timeout, out-of-memory, crash."""

from accuracy.functions import Function
from accuracy.gateway import HttpApi, RestApi
from accuracy.scenario import scenario
from accuracy.transaction import Transaction
from pipeline.local.lambda_lines import INIT_TIMED_OUT, Outcome
from pipeline.local.runtime_lines import PythonText

_ALSO = "service-ok-function-failed edge-ok-downstream-fault edge-ok-error-log"


def _stops_behind_a_200(tx: Transaction, end: Outcome) -> None:
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")
        orders.stops(end)


def _callee_stops(tx: Transaction, end: Outcome) -> None:
    """Plays a caller with a fallback, which answers 200, and a callee that Lambda ends."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        call = orders.begin_invoke("stock", function_error="Unhandled")
        with Function(tx, "stock", call["id"]) as stock:
            stock.say("INFO", "looking at the shelf")
            stock.stops(end)
        orders.end_invoke(call)
        orders.say("WARNING", "no stock level, going on without")


@scenario(must="timeout", may=_ALSO)
def timeout_behind_a_200(tx: Transaction) -> None:
    """`Task timed out`, and a mapping that answers 200."""
    _stops_behind_a_200(tx, "timeout")


@scenario(must="timeout invoke-ok-function-error", may=_ALSO)
def timeout_of_a_callee(tx: Transaction) -> None:
    """The callee runs into its limit."""
    _callee_stops(tx, "timeout")


@scenario(must="timeout", may=_ALSO)
def timeout_that_only_the_report_tells(tx: Transaction) -> None:
    """`Status: timeout` in the REPORT line or record, and no line of its own."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.say("INFO", "order received")
        orders.stops("timeout", terse=True)


@scenario(must="timeout", may=_ALSO)
def invocation_that_is_never_heard_of_again(tx: Transaction) -> None:
    """The callee's segments never close, and it has no log."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        call = orders.begin_invoke("stock", status=202)
        orders.end_invoke(call)
        stock = Function(tx, "stock", call["id"])
        stock.logs = False
        with stock:
            stock.is_lost()


@scenario(must="out-of-memory", may=f"crash {_ALSO}")
def killed_behind_a_200(tx: Transaction) -> None:
    """`signal: killed` or `Runtime.OutOfMemory`."""
    _stops_behind_a_200(tx, "out-of-memory")


@scenario(must="out-of-memory invoke-ok-function-error", may=f"crash {_ALSO}")
def killed_callee(tx: Transaction) -> None:
    """The callee needs too much memory."""
    _callee_stops(tx, "out-of-memory")


@scenario(must="out-of-memory", may=f"crash {_ALSO}")
def killed_as_only_the_report_tells(tx: Transaction) -> None:
    """`Error Type: Runtime.OutOfMemory` in the REPORT line or record, and no line of its own."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.stops("out-of-memory", terse=True)


@scenario(must="crash", may=_ALSO)
def crash_behind_a_200(tx: Transaction) -> None:
    """`Runtime exited with error: exit status 1`."""
    _stops_behind_a_200(tx, "crash")


@scenario(must="crash invoke-ok-function-error", may=_ALSO)
def crashed_callee(tx: Transaction) -> None:
    """The callee's process ends."""
    _callee_stops(tx, "crash")


@scenario(seen_by_client=True, may=f"timeout out-of-memory crash {_ALSO}")
def end_that_the_client_saw(tx: Transaction) -> None:
    """A REST API answers 502 or 504 to it."""
    with RestApi(tx, tx.rng.choice((502, 504))) as api, api.function_named("orders") as orders:
        orders.stops(tx.rng.choice(("timeout", "out-of-memory", "crash")))


@scenario(seen_by_client=True, may=f"timeout out-of-memory crash {_ALSO}")
def end_that_the_client_of_an_http_api_saw(tx: Transaction) -> None:
    """An HTTP API answers 500 or 503, as its access log says."""
    with HttpApi(tx, tx.rng.choice((500, 503))) as api, api.function_named("orders") as orders:
        orders.stops(tx.rng.choice(("timeout", "out-of-memory", "crash")))


@scenario()
def time_out_of_a_call_that_was_handled(tx: Transaction) -> None:
    """The words of a time-out, in lines of other levels and about other things."""
    with RestApi(tx) as api, api.function_named("orders") as orders:
        orders.say("WARNING", "cache timed out after 0.05 seconds, asking the database")
        orders.say("INFO", "timeout=3 retries=2 memory=128")


@scenario()
def talk_of_ends(tx: Transaction) -> None:
    """A function that watches others quotes their last words."""
    with Function(tx, "watcher") as watcher:
        watcher.say("INFO", "alarm text: Task timed out after 3.00 seconds")
        watcher.say("INFO", "alarm text: RequestId: 4711 Error: Runtime exited with error: signal: killed")
        watcher.say("INFO", "child process exited with status 0, no crash, memory is fine")


@scenario()
def slow_initialization(tx: Transaction) -> None:
    """The first initialization runs into its limit of 10 s and is made again within the invocation, which goes well."""
    tx.log("/aws/lambda/orders", INIT_TIMED_OUT)
    with RestApi(tx) as api, api.function_named("orders", runtime=PythonText()) as orders:
        orders.say("INFO", "order received")
