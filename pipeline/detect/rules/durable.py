"""Durable: the execution of a durable function failed, while Lambda answered each of its invocations with success."""

from collections.abc import Iterator

from pipeline.detect.durable_outcomes import executions_in
from pipeline.detect.rule_context import RuleContext, in_short, what_happened
from pipeline.detect.verdict import Finding


def durable_execution_failed(context: RuleContext) -> Iterator[Finding]:
    """Finds a durable execution whose last word is that it failed or timed out, by its spans, or else by the SDK's line."""
    found = False
    for arn, execution in executions_in(context.view.tree).items():
        if fact := execution.failed:
            found = True
            happened = what_happened(fact, context.view)
            yield context.of_segment(fact, f"the durable execution {arn} failed: {happened}", seen=True)
    if not found:
        # the errors of the same invocations may say more, and are no failures of their own
        around = [signal for signal in context.lines_with("error", "exception")
                  if context.view.is_error(signal) and context.view.is_of_failed_execution(signal)]  # fmt: skip
        for service, signals in context.by_speaker(context.lines_with("durable-execution-failed")):
            of = {signal.request for signal in signals if signal.request_id}
            more = [signal for signal in around if signal.request in of and signal not in signals]
            yield context.of_lines([*signals, *more], f"a durable execution of {service} failed: {in_short(signals[0])}")
