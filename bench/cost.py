"""`python -m bench --cost`: what a million log events and a million traces cost on AWS, from measured CPU and counted calls."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opensearchpy import Transport

from bench.batches import subscription_event
from bench.traces import finished_invocation, hints_of, local_world, resolver, subscription_document
from pipeline.local.runtime_lines import LineContext, NodeText
from pipeline.local.xray import LocalXRay

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


@dataclass(slots=True)
class Measure:
    """The cost of some work: CPU seconds of this process, and calls to OpenSearch."""

    cpu: float = 0.0
    calls: int = 0

    def seconds(self) -> float:
        """Returns how many seconds Lambda bills for it."""
        return self.cpu / _VCPU + self.calls * _ROUND_TRIP


def reckon() -> int:
    """Measures and prints; returns 0."""
    print(f"per million log events, in dollars (a call to OpenSearch taken as {_ROUND_TRIP * 1000:.0f} ms)")
    print(f"{'events a batch':>15} {'CPU s':>8} {'calls':>10} {'Lambda':>8} {'requests':>9} {'SQS':>7} {'own log':>7} {'in all':>8}")
    for size in _SIZES:
        with local_world() as (store, settings, _):
            rounds = max(2000 // size, 5)
            events = [_fresh(size, number) for number in range(rounds + 1)]
            hints_of(events.pop(), store, settings)
            measure = _measure(lambda: [hints_of(event, store, settings) for event in events])  # noqa: B023
        _row(f"{size:>15}", measure, _MILLION / (size * rounds), invocations=_MILLION / size, queue=_MILLION / size)
    print(f"\nper million traces of {_SUBSEGMENTS + 2} spans and {_LINES} log lines, in dollars")
    print(f"{'':>15} {'CPU s':>8} {'calls':>10} {'Lambda':>8} {'requests':>9} {'SQS':>7} {'own log':>7} {'X-Ray':>7} {'in all':>8}")
    with local_world() as (store, settings, xray):
        hints = [hint for event in _traced(xray) for hint in hints_of(event, store, settings)]
        worker = resolver(store, settings, xray)
        measure = _measure(lambda: [worker.resolve(hints[start : start + 10]) for start in range(0, len(hints), 10)])
    _row(f"{'':>15}", measure, _MILLION / _TRACES, invocations=_MILLION / 10, queue=_MILLION / 10 * _SQS_CALLS, traces=_MILLION)
    return 0


def _row(label: str, measure: Measure, times: float, *, invocations: float, queue: float, traces: float = 0) -> None:
    dollars = [measure.seconds() * times * _GB * _GB_SECOND, invocations * _INVOCATION, queue * _SQS, invocations * _OWN_LOG_GB * _LOGGED]
    dollars += [traces * _RETRIEVED] if traces else []
    print(f"{label} {measure.cpu * times:>8.0f} {measure.calls * times:>10.0f} {dollars[0]:>8.2f} {dollars[1]:>9.2f} "
          + " ".join(f"{each:>7.2f}" for each in dollars[2:]) + f" {sum(dollars):>8.2f}")  # fmt: skip


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
    """Returns a subscription event that differs from all others: each is a new log stream."""
    return subscription_event(size, 1000 * size + number)


def _traced(xray: LocalXRay) -> Iterator[dict[str, Any]]:
    """Yields subscription documents of finished invocations, a trace each; their segments are put into ``xray``."""
    began = time.time() - 3600
    for number in range(_TRACES):
        request_id, report = finished_invocation(number, xray, began, subsegments=_SUBSEGMENTS)
        contexts = [LineContext(iso=f"2026-05-28T20:26:40.{line:03d}Z", request_id=request_id, trace_id=None, function="orders")
                    for line in range(_LINES - 1)]  # fmt: skip
        lines = [NodeText().line(at, "INFO", f"step {line} of order {number}") for line, at in enumerate(contexts)]
        yield subscription_document(f"s{number}", began, dict(enumerate([*lines, report], number * _LINES)))
