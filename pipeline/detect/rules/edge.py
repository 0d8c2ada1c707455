"""Edge: what the caller was answered and what the log says do not agree."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, in_short
from pipeline.detect.segment_outcome import SERVER_ERROR, failed
from pipeline.detect.trace_view import TraceView
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
    # API Gateway's log repeats a function's failure, which other rules find, as they do that of a durable execution
    errors = (
        signal for signal in context.lines_with("error", "exception", "crash")
        if context.view.is_error(signal) and "function-error" not in signal.signals and not context.view.is_of_failed_execution(signal)
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
    """Finds a 5xx that no segment shows, by API Gateway's log, or that only an unmarked status shows, by the span that answered it."""
    view = context.view
    # a segment that is still missing may show it
    if not view.state.segments or view.completeness.state not in _KNOWN or any(_shows_failure(fact) for fact in view.tree):
        return
    told = False
    by_request = {fact.request_id: fact for fact in reversed(list(view.tree)) if fact.request_id}
    for request in view.state.requests.values():
        if (request.status or 0) >= SERVER_ERROR and not request.elsewhere:
            told = True
            ids = {request.request_id, request.integration_request_id} - {""}
            served = sorted((by_request[id_] for id_ in ids if id_ in by_request), key=lambda fact: fact.id)
            fact = served[0] if served else view.tree.entry
            other = f" (another line says {request.lowest_status})" if request.lowest_status else ""
            shown = "no segment of the trace is marked as failed" if _unmarked(view) else "every segment of the trace says otherwise"
            evidence = f"API Gateway's log says that it answered {request.status}{other}, while {shown}"
            yield context.of_segment(fact or SegmentFact(id=""), evidence, requests=sorted(ids), seen=True)
    if not told:
        yield from _unmarked_answer(context)


def _unmarked_answer(context: RuleContext) -> Iterator[Finding]:
    """A finding of an entry that answered 5xx by a span that stays UNSET; none where a caller above it may have answered otherwise."""
    view = context.view
    entry = view.tree.entry
    answering = (view.tree.returned_by(entry) or entry) if entry else None
    if answering and answering.unmarked and view.response.status == answering.status and view.completeness.state == "complete":
        evidence = f"{answering.name} answered {answering.status}, but neither it nor any other segment of the trace is marked as failed"
        yield context.of_segment(answering, evidence, seen=True)


def _shows_failure(fact: SegmentFact) -> bool:
    return fact.throttle or (failed(fact) and not fact.unmarked)


def _unmarked(view: TraceView) -> bool:
    return any(fact.unmarked for fact in view.tree)
