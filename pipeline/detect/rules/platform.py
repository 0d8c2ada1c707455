"""Platform: an invocation ran out of time or memory, or its process died."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, in_short
from pipeline.detect.segment_outcome import FUNCTION, SERVICE
from pipeline.detect.verdict import Finding
from pipeline.model.facts import SignalFact


def timeout(context: RuleContext) -> Iterator[Finding]:
    """Finds a function that timed out, by the platform's log lines, or by a Lambda segment that never closed."""
    for signals in _ended(context, "timeout", best="timed out"):
        yield context.of_lines(signals, f"timed out: {in_short(signals[0])}")
    if context.view.completeness.state == "incomplete":
        for fact in context.view.tree:
            if fact.in_progress and fact.origin in {SERVICE, FUNCTION}:
                yield context.of_segment(fact, f"{fact.name} never closed its segment, so it was stopped or is lost")


def out_of_memory(context: RuleContext) -> Iterator[Finding]:
    """Finds a function whose process was killed for its memory, or whose runtime has no memory left."""
    for signals in _ended(context, "out-of-memory", best="killed"):
        yield context.of_lines(signals, f"out of memory: {in_short(signals[0])}")


def crash(context: RuleContext) -> Iterator[Finding]:
    """Finds a function whose process died without a timeout and without a lack of memory."""
    for signals in _ended(context, "crash", best="exited"):
        # lines without a request are unrelated
        same = context.view.by_request[signals[0].request_id] if signals[0].request_id else signals
        beside = [signal for signal in same if signal.request == signals[0].request]
        if not any({"timeout", "out-of-memory"} & set(signal.signals) for signal in beside):
            yield context.of_lines(signals, f"the runtime exited: {in_short(signals[0])}")


def _ended(context: RuleContext, kind: str, *, best: str) -> Iterator[list[SignalFact]]:
    """The lines with a signal, by request and log group, the one with the ``best`` words first: the platform writes two or three."""
    found: dict[str, list[SignalFact]] = {}
    for signal in context.lines_with(kind):
        found.setdefault(signal.request or signal.line_id, []).append(signal)
    for signals in found.values():
        yield sorted(signals, key=lambda signal: best not in signal.text)
