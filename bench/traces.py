"""`python -m bench --traces N`: N traces settle on the embedded OpenSearch and X-Ray, and the calls that each costs are counted."""

import time
from collections.abc import Iterator
from typing import Any

from pipeline.configure import store_for, trace_source_for
from pipeline.local.environment import REGION, local_client
from pipeline.local.opensearch import EmbeddedOpenSearch
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.provision.install import install
from pipeline.resolve import Resolver
from pipeline.settings import Settings
from pipeline.ship import ship

_TARGET = 0.25
_LINES_A_BATCH = 500
_SAMPLED_OF_FIVE = 4
_PATIENCE = 60.0
_BEGAN = time.time() - 3600


def settle(count: int) -> int:
    """Ships and settles ``count`` traces, one in five of them not sampled; prints what that took, and returns 1 above the target."""
    with EmbeddedOpenSearch() as server, LocalXRay() as xray:
        # the budget paces a worker over minutes; here the number of calls counts, not their pace
        settings = Settings(endpoint=server.endpoint, region=REGION, lookups_per_minute=1_000_000)
        store = store_for(settings)
        install(store, retention_days=settings.retention_days)
        hints = [
            id_ for event in _events(count, xray) for id_ in ship(event, store=store, settings=settings, remaining=_patience).unsettled
        ]
        source = trace_source_for(settings, lambda: local_client("xray", xray.endpoint))
        worker = Resolver(store=store, source=source, settings=settings)
        begun = time.monotonic()
        found = worker.resolve(hints)
        seconds = time.monotonic() - begun
        again = worker.resolve(hints, force=True)
    ratio = found.calls / max(found.settled, 1)
    print(f"{found.settled} of {count} traces settled in {seconds:.0f} s with {found.calls} calls of {source.name}: {ratio:.2f} a trace "
          f"(target {_TARGET}); looked at once more: {again.calls} calls")  # fmt: skip
    return int(found.settled != count or ratio > _TARGET or again.calls > 0)


def _events(count: int, xray: LocalXRay) -> Iterator[dict[str, Any]]:
    """Subscription documents of REPORT lines, a trace each; their segments are put into ``xray``."""
    for start in range(0, count, _LINES_A_BATCH):
        events = []
        for number in range(start, min(start + _LINES_A_BATCH, count)):
            trace_id, request_id = f"{int(_BEGAN):08x}{number + 1:024x}", f"52fdfc07-2182-454f-963f-{number:012d}"
            sampled = number % 5 < _SAMPLED_OF_FIVE
            if sampled:
                xray.put(_segments(trace_id, request_id))
            message = (f"REPORT RequestId: {request_id}\tDuration: 46.84 ms\tBilled Duration: 47 ms\tMemory Size: 192 MB\t\n"
                       f"XRAY TraceId: {to_xray(trace_id)}\tSegmentId: 0285bf1261be05ff\tSampled: {str(sampled).lower()}\t\n")  # fmt: skip
            events.append({"id": f"{number:056d}", "timestamp": int(_BEGAN * 1000) + number, "message": message})
        yield {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "/aws/lambda/orders", "logStream": "s", "logEvents": events}


def _segments(trace_id: str, request_id: str) -> list[dict[str, Any]]:
    common = {"name": "orders", "trace_id": to_xray(trace_id), "start_time": _BEGAN, "end_time": _BEGAN + 0.1}
    service = {"id": "0285bf1261be05ff", "origin": "AWS::Lambda", "http": {"response": {"status": 200}}, "aws": {"request_id": request_id}}
    function = {"id": "17e84e76450d1777", "origin": "AWS::Lambda::Function", "parent_id": service["id"]}
    return [common | service, common | function]


def _patience() -> float:
    return _PATIENCE
