"""Edge: what the caller was answered and what the log says do not agree."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, in_short
from pipeline.detect.segment_outcome import SERVER_ERROR, failed
from pipeline.detect.verdict import FINAL, SOURCE_UNAVAILABLE, Finding
from pipeline.model.bounds import MOST_SIGNALS
from pipeline.model.facts import SegmentFact

# the states in which every segment came that X-Ray has
_KNOWN = FINAL - {SOURCE_UNAVAILABLE}


def edge_ok_error_log(context: RuleContext) -> Iterator[Finding]:
    """Finds lines about an error, an exception or a crash while the entry answers below 400; a finding for each service."""
    response = context.view.response
    if response.saw != "success":
        return
    # API Gateway's log repeats a function's failure, which other rules find
    errors = (
        signal for signal in context.lines_with("error", "exception", "crash")
        if context.view.is_error(signal) and "function-error" not in signal.signals
    )  # fmt: skip
    by = f" by {response.by}" if response.by else ""
    for service, signals in context.by_speaker(errors):
        # an exception says most about the cause
        best = sorted(signals, key=lambda signal: "exception" not in signal.signals)
        # of very many lines not all are kept
        number = f"{len(signals)} or more" if len(signals) >= 2 * MOST_SIGNALS else f"{len(signals)}"
        lines = f"a line of {service} tells" if len(signals) == 1 else f"{number} lines of {service} tell"
        yield context.of_lines(best, f"the caller was told {response}{by}, but {lines} of an error: {in_short(best[0])}")


def edge_error_trace_ok(context: RuleContext) -> Iterator[Finding]:
    """Finds a 5xx in API Gateway's log that no segment of the trace shows."""
    view = context.view
    # a segment that is still missing may show it
    if not view.state.segments or view.completeness.state not in _KNOWN or any(_shows_failure(fact) for fact in view.tree):
        return
    by_request = {fact.request_id: fact for fact in reversed(list(view.tree)) if fact.request_id}
    for request in view.state.requests.values():
        if (request.status or 0) >= SERVER_ERROR and not request.elsewhere:
            ids = {request.request_id, request.integration_request_id} - {""}
            served = sorted((by_request[id_] for id_ in ids if id_ in by_request), key=lambda fact: fact.id)
            fact = served[0] if served else view.tree.entry
            other = f" (another line says {request.lowest_status})" if request.lowest_status else ""
            evidence = f"API Gateway's log says that it answered {request.status}{other}, while every segment of the trace says otherwise"
            yield context.of_segment(fact or SegmentFact(id=""), evidence, requests=sorted(ids), seen=True)


def _shows_failure(fact: SegmentFact) -> bool:
    return failed(fact) or fact.throttle
