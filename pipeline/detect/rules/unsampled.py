"""Unsampled: an error on a trace that X-Ray never recorded, so that only the log shows it."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, in_short
from pipeline.detect.verdict import Finding

_PLATFORM = ("crash", "timeout", "out-of-memory", "function-error")


def unsampled_error(context: RuleContext) -> Iterator[Finding]:
    """Finds lines about an error on a trace that X-Ray does not have; a finding for each service."""
    if context.view.completeness.state not in {"unsampled", "notFound"}:
        return
    errors = (
        signal for signal in context.lines_with("error", "exception", *_PLATFORM)
        if set(_PLATFORM) & set(signal.signals) or (context.view.is_error(signal) and not context.view.is_of_failed_execution(signal))
    )  # fmt: skip
    recorded = "was not sampled" if context.view.completeness.state == "unsampled" else "is not in X-Ray"
    for service, signals in context.by_speaker(errors):
        yield context.of_lines(signals, f"an error of {service} on a trace that {recorded}: {in_short(signals[0])}")
