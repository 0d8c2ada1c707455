"""`python -m bench --traces N`: N traces settle on the embedded OpenSearch and X-Ray, and the calls that each costs are counted."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.configure import store_for, trace_source_for
from pipeline.local.environment import REGION, local_client
from pipeline.local.lambda_lines import Invocation, report
from pipeline.local.opensearch import EmbeddedOpenSearch
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.provision.install import install
from pipeline.resolve import Resolver
from pipeline.settings import Settings
from pipeline.ship import ship
from pipeline.store.client import Store

_TARGET = 0.25
_LINES_A_BATCH = 500
_SHARES = (0.05, 0.5, 1.0)
_PATIENCE = 60.0
_BEGAN = time.time() - 3600


def settle(count: int) -> int:
    """Ships and settles ``count`` traces for each share of sampled ones; prints the calls that took, and returns 1 above the target.

    A function's own log says whether its trace was sampled. Where API Gateway's log names the trace as well, that alone does not settle it.
    """
    print(f"{'sampled':>8} {'logs':<25} {'settled':>8} {'seconds':>8} {'calls':>6} {'a trace':>8} {'target':>7} {'once more':>10}")
    missed = 0
    for sampled in _SHARES:
        for behind_gateway in (False, True):
            missed += _settle(count, sampled, behind_gateway=behind_gateway)
    return int(missed > 0)


def _settle(count: int, sampled: float, *, behind_gateway: bool) -> bool:
    with local_world() as (store, settings, xray):
        worker = resolver(store, settings, xray)
        events = _events(count, sampled, xray, behind_gateway=behind_gateway)
        hints = list(dict.fromkeys(hint for event in events for hint in hints_of(event, store, settings)))
        begun = time.monotonic()
        found = worker.resolve(hints)
        seconds = time.monotonic() - begun
        again = worker.resolve(hints, force=True)
    # what a function's own log settles at once needs no hint's look-up, and is a trace all the same
    ratio = found.calls / count
    logs = "Lambda's, API Gateway's" if behind_gateway else "Lambda's"
    print(f"{sampled:>8.0%} {logs:<25} {found.settled:>8} {seconds:>8.1f} {found.calls:>6} {ratio:>8.2f} {_TARGET:>7} {again.calls:>10}")
    return found.settled != count or ratio > _TARGET or again.calls > 0


@contextmanager
def local_world() -> Iterator[tuple[Store, Settings, LocalXRay]]:
    """Runs an embedded OpenSearch, with everything installed, and a local X-Ray."""
    with EmbeddedOpenSearch() as server, LocalXRay() as xray:
        # the budget paces a worker over minutes; here the number of calls counts, not their pace
        settings = Settings(endpoint=server.endpoint, region=REGION, lookups_per_minute=1_000_000)
        store = store_for(settings)
        install(store, retention_days=settings.retention_days)
        yield store, settings, xray


def resolver(store: Store, settings: Settings, xray: LocalXRay) -> Resolver:
    """Returns a resolver that looks traces up in ``xray``."""
    return Resolver(store=store, source=trace_source_for(settings, lambda: local_client("xray", xray.endpoint)), settings=settings)


def hints_of(event: dict[str, Any], store: Store, settings: Settings) -> tuple[str, ...]:
    """Ships a subscription event; returns the ids of its traces that have not settled."""
    return ship(event, store=store, settings=settings, remaining=lambda: _PATIENCE).unsettled


def finished_invocation(number: int, xray: LocalXRay, began: float, *, sampled: bool = True, subsegments: int = 0) -> tuple[str, str]:
    """Puts the segments of an invocation with a trace of its own into ``xray``, unless it is not sampled.

    Args:
        number: which one: its ids follow from it.
        began: seconds since the epoch, UTC.
        subsegments: how many calls its function makes.

    Returns:
        Its request id and its REPORT line.
    """
    trace_id, request_id = f"{int(began):08x}{number + 1:024x}", f"52fdfc07-2182-454f-963f-{number:012d}"
    invocation = Invocation(request_id=request_id, trace_id=trace_id, segment_id="0285bf1261be05ff", sampled=sampled)
    if sampled:
        answered = {"http": {"response": {"status": 200}}}
        common = {"name": "orders", "trace_id": to_xray(trace_id), "start_time": began, "end_time": began + 0.1}
        calls = [{"id": f"{call:016x}", "name": "DynamoDB", "namespace": "aws", "start_time": began, "end_time": began + 0.01} | answered
                 for call in range(1, subsegments + 1)]  # fmt: skip
        service = common | answered | {"id": invocation.segment_id, "origin": "AWS::Lambda", "aws": {"request_id": request_id}}
        function = common | {"id": "17e84e76450d1777", "origin": "AWS::Lambda::Function", "parent_id": invocation.segment_id}
        xray.put([service, function | ({"subsegments": calls} if calls else {})])
    return request_id, report(invocation)


def subscription_document(stream: str, at: float, messages: dict[int, str], log_group: str = "/aws/lambda/orders") -> dict[str, Any]:
    """Returns the subscription document of log events by their number, one a millisecond from ``at`` (seconds since the epoch, UTC)."""
    start = min(messages)
    events = [
        {"id": f"{number:056d}", "timestamp": int(at * 1000) + number - start, "message": message} for number, message in messages.items()
    ]
    return {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": log_group, "logStream": stream, "logEvents": events}


def _events(count: int, sampled: float, xray: LocalXRay, *, behind_gateway: bool) -> Iterator[dict[str, Any]]:
    """Yields subscription documents of REPORT lines, a trace each, and of the access log's lines that name the same traces."""
    for start in range(0, count, _LINES_A_BATCH):
        numbers = range(start, min(start + _LINES_A_BATCH, count))
        reports: dict[int, str] = {}
        answers: dict[int, str] = {}
        for number in numbers:
            # spread evenly
            is_sampled = int((number + 1) * sampled) > int(number * sampled)
            request_id, reports[number] = finished_invocation(number, xray, _BEGAN, sampled=is_sampled)
            answers[number] = json.dumps({"requestId": f"gateway-{number}", "httpMethod": "GET", "resourcePath": "/orders", "status": "200",
                                          "xrayTraceId": to_xray(f"{int(_BEGAN):08x}{number + 1:024x}"),
                                          "integrationRequestId": request_id})  # fmt: skip
        yield subscription_document("s", _BEGAN + start / 1000, reports)
        if behind_gateway:
            yield subscription_document("a", _BEGAN + start / 1000, answers, "/aws/apigateway/orders")
