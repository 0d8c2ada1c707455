"""`python -m bench --cost`: what a million log events and a million traces cost on AWS, out of measured CPU and counted calls."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opensearchpy import Transport

from bench.batches import subscription_event
from pipeline.configure import store_for, trace_source_for
from pipeline.local.environment import REGION, local_client
from pipeline.local.opensearch import EmbeddedOpenSearch
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.provision.install import install
from pipeline.resolve import Resolver
from pipeline.settings import Settings
from pipeline.ship import ship
from pipeline.store.client import Store

# AWS's list prices in US East, in dollars: Lambda on arm64 a GB-second and a request, SQS a request, X-Ray a trace retrieved, logs a GB
_GB_SECOND, _INVOCATION, _SQS, _RETRIEVED, _LOGGED = 0.0000133334, 0.20e-6, 0.40e-6, 0.50e-6, 0.50
# what an invocation writes into its own log group: START, END, REPORT, and a line of metrics
_OWN_LOG_GB = 1.5e-6
_GB = 0.5
# "1,769 MB of memory are one vCPU" (AWS Lambda developer guide); the functions have 512
_VCPU = 512 / 1769
# a call to an OpenSearch in the same region; an assumption, since there is none here
_ROUND_TRIP = 0.010
_MILLION = 1_000_000
_SIZES = (10, 100, 1000)
_TRACES = 200
_SUBSEGMENTS = 8
_LINES = 10
# five hints a trace at worst, one as a rule; a message carries those of a batch
_SQS_CALLS = 3
_PATIENCE = 60.0


@dataclass(slots=True)
class Measure:
    """What some work took: CPU seconds of this process, and calls to OpenSearch."""

    cpu: float = 0.0
    calls: int = 0

    def seconds(self) -> float:
        """How long Lambda bills for it."""
        return self.cpu / _VCPU + self.calls * _ROUND_TRIP


def reckon() -> int:
    """Measures and prints; returns 0."""
    print(f"per million log events, in dollars (a call to OpenSearch taken as {_ROUND_TRIP * 1000:.0f} ms)")
    print(f"{'events a batch':>15} {'CPU s':>8} {'calls':>10} {'Lambda':>8} {'requests':>9} {'SQS':>7} {'own log':>7} {'in all':>8}")
    for size in _SIZES:
        with _world() as (store, settings, _):
            rounds = max(2000 // size, 5)
            events = [_fresh(size, number) for number in range(rounds + 1)]
            ship(events.pop(), store=store, settings=settings, remaining=_patience)
            measure = _measure(lambda: [ship(event, store=store, settings=settings, remaining=_patience) for event in events])  # noqa: B023
        _row(f"{size:>15}", measure, _MILLION / (size * rounds), invocations=_MILLION / size, queue=_MILLION / size)
    print(f"\nper million traces of {_SUBSEGMENTS + 2} spans and {_LINES} log lines, in dollars")
    print(f"{'':>15} {'CPU s':>8} {'calls':>10} {'Lambda':>8} {'requests':>9} {'SQS':>7} {'own log':>7} {'X-Ray':>7} {'in all':>8}")
    with _world() as (store, settings, xray):
        hints = [id_ for event in _traced(xray) for id_ in ship(event, store=store, settings=settings, remaining=_patience).unsettled]
        resolver = Resolver(store=store, source=trace_source_for(settings, lambda: local_client("xray", xray.endpoint)), settings=settings)
        measure = _measure(lambda: [resolver.resolve(hints[start : start + 10]) for start in range(0, len(hints), 10)])
    _row(f"{'':>15}", measure, _MILLION / _TRACES, invocations=_MILLION / 10, queue=_MILLION / 10 * _SQS_CALLS, traces=_MILLION)
    return 0


def _row(label: str, measure: Measure, times: float, *, invocations: float, queue: float, traces: float = 0) -> None:
    dollars = [measure.seconds() * times * _GB * _GB_SECOND, invocations * _INVOCATION, queue * _SQS, invocations * _OWN_LOG_GB * _LOGGED]
    dollars += [traces * _RETRIEVED] if traces else []
    print(f"{label} {measure.cpu * times:>8.0f} {measure.calls * times:>10.0f} {dollars[0]:>8.2f} {dollars[1]:>9.2f} "
          + " ".join(f"{each:>7.2f}" for each in dollars[2:]) + f" {sum(dollars):>8.2f}")  # fmt: skip


@contextmanager
def _world() -> Iterator[tuple[Store, Settings, LocalXRay]]:
    """An embedded OpenSearch with everything installed, and a local X-Ray."""
    with EmbeddedOpenSearch() as server, LocalXRay() as xray:
        # the budget paces a worker over minutes; here the number of calls counts, not their pace
        settings = Settings(endpoint=server.endpoint, region=REGION, lookups_per_minute=_MILLION)
        store = store_for(settings)
        install(store, retention_days=settings.retention_days)
        yield store, settings, xray


def _measure(work: Callable[[], object]) -> Measure:
    calls: Counter[str] = Counter()
    send = Transport.perform_request

    def counted(transport: Transport, method: str, *arguments: Any, **more: Any) -> Any:
        calls[method] += 1
        return send(transport, method, *arguments, **more)

    Transport.perform_request = counted
    begun = time.process_time()
    try:
        work()
    finally:
        Transport.perform_request = send
    return Measure(time.process_time() - begun, calls.total())


def _fresh(size: int, number: int) -> dict[str, Any]:
    """A subscription event that no other equals: each is a new log stream."""
    return subscription_event(size, 1000 * size + number)


def _traced(xray: LocalXRay) -> Iterator[dict[str, Any]]:
    """Subscription documents of finished invocations, a trace each; their segments are put into ``xray``."""
    began = time.time() - 3600
    for number in range(_TRACES):
        trace, request = f"{int(began):08x}{number + 1:024x}", f"52fdfc07-2182-454f-963f-{number:012d}"
        xray.put(_segments(to_xray(trace), request, began))
        report = (f"REPORT RequestId: {request}\tDuration: 46.84 ms\tBilled Duration: 47 ms\tMemory Size: 192 MB\t\n"
                  f"XRAY TraceId: {to_xray(trace)}\tSegmentId: 0285bf1261be05ff\tSampled: true\t\n")  # fmt: skip
        lines = [f"2026-05-28T20:26:40.{line:03d}Z\t{request}\tINFO\tstep {line} of order {number}\n" for line in range(_LINES - 1)]
        events = [{"id": f"{number * _LINES + place:056d}", "timestamp": int(began * 1000) + place, "message": message}
                  for place, message in enumerate([*lines, report])]  # fmt: skip
        yield {
            "messageType": "DATA_MESSAGE",
            "owner": "1",
            "logGroup": "/aws/lambda/orders",
            "logStream": f"s{number}",
            "logEvents": events,
        }


def _segments(trace: str, request: str, began: float) -> list[dict[str, Any]]:
    common = {"name": "orders", "trace_id": trace, "start_time": began, "end_time": began + 0.1}
    service = {"id": "0285bf1261be05ff", "origin": "AWS::Lambda", "http": {"response": {"status": 200}}, "aws": {"request_id": request}}
    calls = [{"id": f"{number:016x}", "name": "DynamoDB", "namespace": "aws", "start_time": began, "end_time": began + 0.01,
              "http": {"response": {"status": 200}}} for number in range(1, _SUBSEGMENTS + 1)]  # fmt: skip
    function = {"id": "17e84e76450d1777", "origin": "AWS::Lambda::Function", "parent_id": service["id"], "subsegments": calls}
    return [common | service, common | function]


def _patience() -> float:
    return _PATIENCE
