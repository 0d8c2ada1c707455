"""Unsampled: an error on a trace that X-Ray never recorded, so that only the log will ever show it."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, by_service, in_short
from pipeline.detect.verdict import Finding

_PLATFORM = ("crash", "timeout", "out-of-memory", "function-error")


def unsampled_error(case: RuleContext) -> Iterator[Finding]:
    """Lines tell of an error, and there is no trace; a finding for each service."""
    if case.scene.standing.state not in {"unsampled", "notFound"}:
        return
    errors = (
        signal for signal in case.lines_with("error", "exception", *_PLATFORM)
        if case.scene.is_error(signal) or set(_PLATFORM) & set(signal.signals)
    )  # fmt: skip
    recorded = "was not sampled" if case.scene.standing.state == "unsampled" else "is not in X-Ray"
    for of, signals in by_service(errors):
        yield case.of_lines(signals, f"an error of {of} on a trace that {recorded}: {in_short(signals[0])}")
