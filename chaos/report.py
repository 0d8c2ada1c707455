"""Report: words what the rounds gave."""

from collections import Counter
from collections.abc import Iterator, Sequence

from chaos.experiment import Result


def table(results: Sequence[Result]) -> str:
    """The figures of all rounds together, and each broken promise with an example and its seed."""
    return "\n".join([*_figures(results), "", *_verdict(results)])


def _figures(results: Sequence[Result]) -> Iterator[str]:
    injected, disasters, jobs, raised, compared = (Counter[str]() for _ in range(5))
    for result in results:
        injected.update(result.injected)
        disasters.update(result.disturbed.disasters)
        jobs.update(result.disturbed.jobs)
        raised.update(result.disturbed.raised)
        compared.update(result.differences.compared)
    requests = sum(result.requests for result in results)
    yield _row("log events", sum(result.log_events for result in results))
    yield _row("requests", requests)
    yield _row("faults injected", injected.total())
    yield from (_row(f"  {fault}", number) for fault, number in injected.items())
    yield from (_row(disaster, number) for disaster, number in disasters.items())
    yield from (_row(f"invocations of {kind}", number) for kind, number in jobs.items())
    yield _row("workers killed", sum(result.disturbed.killed for result in results))
    yield _row("  at a call", sum(result.disturbed.fuses for result in results))
    yield _row("invocations that failed", raised.total())
    yield from (_row(f"  {what}", number) for what, number in raised.most_common())
    yield _row("messages of resolve that failed", sum(result.disturbed.failed_hints for result in results))
    yield _row("hints lost", sum(result.lost_hints for result in results))
    yield _row("hints doubled", sum(result.doubled_hints for result in results))
    yield _row("sweeps at the end", sum(result.disturbed.sweeps for result in results))
    yield _row("seconds, calm", sum(result.calm.seconds for result in results))
    yield _row("seconds, disturbed", sum(result.disturbed.seconds for result in results))
    yield _row("alerts told", sum(len(result.told.alerts) for result in results))
    yield _row(
        "  again, since their worker ended", sum((result.told.times - Counter(list(result.told.times))).total() for result in results)
    )
    yield _row("  of verdicts that later facts changed", sum(result.differences.early_alerts for result in results))
    yield _row("documents compared", compared.total())
    yield from (_row(f"  {pattern}", number) for pattern, number in compared.items())


def _verdict(results: Sequence[Result]) -> Iterator[str]:
    broken = [result for result in results if result.problems]
    if not broken:
        yield "no difference"
    for result in broken:
        yield f"broken at seed {result.plan.seed} ({result.plan.kind}, {result.plan.events} events):"
        for what, number in result.problems.most_common():
            yield _row(f"  {what}", number)
            yield f"      {result.examples[what]}"


def _row(name: str, number: float) -> str:
    return f"{name:<48} {number:>12,.0f}"
