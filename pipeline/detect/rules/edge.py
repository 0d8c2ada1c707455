"""Edge: what the caller was told, and what the log says, do not agree."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, by_service, in_short
from pipeline.detect.segment_outcome import SERVER_ERROR, failed
from pipeline.detect.verdict import FINAL, Finding
from pipeline.model.facts import SegmentFact


def edge_ok_error_log(case: RuleContext) -> Iterator[Finding]:
    """The entry answers below 400 while lines of the trace tell of an error, an exception or a crash; a finding for each service."""
    told = case.scene.told
    if told.saw != "success":
        return
    # API Gateway tells again what went wrong in a function, which other rules are about
    errors = (
        signal for signal in case.lines_with("error", "exception", "crash")
        if case.scene.is_error(signal) and "function-error" not in signal.signals
    )  # fmt: skip
    by = f" by {told.by}" if told.by else ""
    for of, signals in by_service(errors):
        # an exception says most
        best = sorted(signals, key=lambda signal: "exception" not in signal.signals)
        lines = f"a line of {of} tells" if len(signals) == 1 else f"{len(signals)} lines of {of} tell"
        yield case.of_lines(best, f"the caller was told {told}{by}, but {lines} of an error: {in_short(best[0])}")


def edge_error_trace_ok(case: RuleContext) -> Iterator[Finding]:
    """API Gateway's log says 5xx while every segment of the trace says otherwise."""
    scene = case.scene
    # what has not come yet may show it
    if not scene.state.segments or scene.standing.state not in FINAL or any(_shows_failure(fact) for fact in scene.tree):
        return
    by_request = {fact.request_id: fact for fact in reversed(list(scene.tree)) if fact.request_id}
    for request in scene.state.requests.values():
        if (request.status or 0) >= SERVER_ERROR and not request.elsewhere:
            ids = {request.request_id, request.integration_request_id} - {""}
            served = sorted((by_request[id_] for id_ in ids if id_ in by_request), key=lambda fact: fact.id)
            fact = served[0] if served else scene.tree.entry
            evidence = f"API Gateway's log says that it answered {request.status}, while every segment of the trace says otherwise"
            yield case.of_segment(fact or SegmentFact(id=""), evidence, requests=sorted(ids), seen=True)


def _shows_failure(fact: SegmentFact) -> bool:
    return failed(fact) or fact.throttle
