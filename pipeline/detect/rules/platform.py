"""Platform: Lambda itself ended an invocation: out of time, out of memory, or its process died."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, in_short
from pipeline.detect.segment_outcome import FUNCTION, SERVICE
from pipeline.detect.verdict import Finding
from pipeline.model.facts import SignalFact


def timeout(case: RuleContext) -> Iterator[Finding]:
    """The platform says so, or time is up and a Lambda segment never closed."""
    for signals in _ended(case, "timeout", best="timed out"):
        yield case.of_lines(signals, f"timed out: {in_short(signals[0])}")
    if case.scene.standing.state == "incomplete":
        for fact in case.scene.tree:
            if fact.in_progress and fact.origin in {SERVICE, FUNCTION}:
                yield case.of_segment(fact, f"{fact.name} never closed its segment: it was stopped or is lost")


def out_of_memory(case: RuleContext) -> Iterator[Finding]:
    """The platform says that the function's process was killed for its memory, or the runtime says that it has none left."""
    for signals in _ended(case, "out-of-memory", best="killed"):
        yield case.of_lines(signals, f"out of memory: {in_short(signals[0])}")


def crash(case: RuleContext) -> Iterator[Finding]:
    """The function's process died, for none of the two reasons above."""
    for signals in _ended(case, "crash", best="exited"):
        # lines without a request have nothing to do with each other
        beside = case.scene.by_request[signals[0].request_id] if signals[0].request_id else signals
        if not any({"timeout", "out-of-memory"} & set(signal.signals) for signal in beside):
            yield case.of_lines(signals, f"the runtime exited: {in_short(signals[0])}")


def _ended(case: RuleContext, kind: str, *, best: str) -> Iterator[list[SignalFact]]:
    """The lines that say so, by request, with the one that has the ``best`` words first: the platform says it in two or three of them."""
    found: dict[str, list[SignalFact]] = {}
    for signal in case.lines_with(kind):
        found.setdefault(signal.request_id or signal.line_id, []).append(signal)
    for signals in found.values():
        yield sorted(signals, key=lambda signal: best not in signal.text)
