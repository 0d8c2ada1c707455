"""`python -m bench --traces N`: N traces settle on the embedded OpenSearch and X-Ray, and the calls that each costs are counted."""

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
_SAMPLED_OF_FIVE = 4
_PATIENCE = 60.0
_BEGAN = time.time() - 3600


def settle(count: int) -> int:
    """Ships and settles ``count`` traces, one in five of them not sampled; prints what that took, and returns 1 above the target."""
    with local_world() as (store, settings, xray):
        worker = resolver(store, settings, xray)
        hints = [hint for event in _events(count, xray) for hint in hints_of(event, store, settings)]
        begun = time.monotonic()
        found = worker.resolve(hints)
        seconds = time.monotonic() - begun
        again = worker.resolve(hints, force=True)
    ratio = found.calls / max(found.settled, 1)
    print(f"{found.settled} of {count} traces settled in {seconds:.0f} s with {found.calls} calls of BatchGetTraces: {ratio:.2f} a trace "
          f"(target {_TARGET}); looked at once more: {again.calls} calls")  # fmt: skip
    return int(found.settled != count or ratio > _TARGET or again.calls > 0)


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


def subscription_document(stream: str, at: float, messages: dict[int, str]) -> dict[str, Any]:
    """Returns the subscription document of log events by their number, one a millisecond from ``at`` (seconds since the epoch, UTC)."""
    start = min(messages)
    events = [
        {"id": f"{number:056d}", "timestamp": int(at * 1000) + number - start, "message": message} for number, message in messages.items()
    ]
    return {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "/aws/lambda/orders", "logStream": stream, "logEvents": events}


def _events(count: int, xray: LocalXRay) -> Iterator[dict[str, Any]]:
    """Yields subscription documents of REPORT lines, a trace each."""
    for start in range(0, count, _LINES_A_BATCH):
        numbers = range(start, min(start + _LINES_A_BATCH, count))
        reports = {number: finished_invocation(number, xray, _BEGAN, sampled=number % 5 < _SAMPLED_OF_FIVE)[1] for number in numbers}
        yield subscription_document("s", _BEGAN + start / 1000, reports)
