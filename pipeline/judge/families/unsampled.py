"""Unsampled: an error on a trace that X-Ray never recorded, so that only the log will ever show it."""

from collections.abc import Iterator

from pipeline.judge.case import Case, in_short
from pipeline.judge.verdict import Finding
from pipeline.state import SignalFact

_PLATFORM = ("crash", "timeout", "out-of-memory", "function-error")


def unsampled_error(case: Case) -> Iterator[Finding]:
    """Lines tell of an error, and there is no trace; a finding for each service."""
    if case.scene.standing.state not in {"unsampled", "notFound"}:
        return
    by_service: dict[str, list[SignalFact]] = {}
    for signal in case.lines_with("error", "exception", *_PLATFORM):
        if case.scene.is_error(signal) or set(_PLATFORM) & set(signal.signals):
            by_service.setdefault(signal.service_name, []).append(signal)
    recorded = "was not sampled" if case.scene.standing.state == "unsampled" else "is not in X-Ray"
    for service_name, signals in sorted(by_service.items()):
        yield case.of_lines(signals, f"an error of {service_name or 'the log'} on a trace that {recorded}: {in_short(signals[0])}")
