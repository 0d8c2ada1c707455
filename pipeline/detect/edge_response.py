"""Edge response: what the caller was answered. API Gateway's log outweighs the segments, since a function answers 200 to it alone."""

from collections.abc import Iterable

import msgspec

from pipeline.detect.segment_outcome import CLIENT_ERROR, OK, failed
from pipeline.detect.segment_tree import SegmentTree
from pipeline.detect.verdict import ClientSaw
from pipeline.model.facts import RequestFact, SegmentFact
from pipeline.model.trace_state import TraceState


class EdgeResponse(msgspec.Struct, frozen=True):
    """The answer to the caller of a transaction.

    Attributes:
        status: the HTTP status; None if there was none, or if it is unknown.
        saw: what the caller saw in it: a success or an error.
        by: the source: the entry's name, or API Gateway's log.
        contradicted_by: the status that another line of API Gateway's log gives for the same request.
    """

    status: int | None = None
    saw: ClientSaw = "unknown"
    by: str = ""
    contradicted_by: int | None = None

    def __str__(self) -> str:
        return f"{self.status or self.saw}" + (f" (another line says {self.contradicted_by})" if self.contradicted_by else "")


def edge_response_of(state: TraceState, tree: SegmentTree) -> EdgeResponse:
    """Gives what the caller of the trace's entry was answered."""
    entry = tree.entry
    if answered := _answers(state.requests.values(), entry):
        # of two that contradict each other, the success hides nothing: a failure behind it is a finding
        status = answered[0]
        by = entry.name if entry and entry.status == status else "API Gateway's log"
        return EdgeResponse(status, _saw(status), by, answered[-1] if answered[-1] != status else None)
    if entry is None or entry.in_progress:
        return EdgeResponse()
    returned = tree.returned_by(entry)
    if returned and entry.status in {None, OK}:
        # OpenTelemetry names the status of a request over HTTP alone, and whoever invoked the function passes it on
        return EdgeResponse(returned.status, _saw(returned.status), returned.name)
    if entry.status is None and entry.handler and failed(entry) and not is_http(entry):
        # a function without its Lambda service's segment: who gets its exception depends on what invoked it
        return EdgeResponse(None, "unknown", entry.name)
    if entry.status is not None:
        return EdgeResponse(entry.status, _saw(entry.status), entry.name)
    return EdgeResponse(None, "error" if entry.fault or entry.error or entry.throttle else "success", entry.name)


def is_http(fact: SegmentFact) -> bool:
    """Whether a span is of a request over HTTP."""
    return bool(fact.method or fact.url)


def without_foreign_answers(state: TraceState, account: str) -> TraceState:
    """Returns the state of a trace of ``account`` without what the APIs of other accounts say that they answered.

    They may name any trace and any request. A trace is of this account where X-Ray or a log group of the account knows it; the state of
    any other one is returned as it is.

    Args:
        state: the merged state of the trace.
        account: the id of the account that X-Ray answers for; empty if it is unknown, then nothing is left out.
    """
    foreign = {key: msgspec.structs.replace(request, status=None, lowest_status=None, integration_request_id="")
               for key, request in state.requests.items() if request.answered and request.account not in {"", account}}  # fmt: skip
    if not (account and foreign):
        return state
    accounts = {fact.account or account for fact in state.segments.values()} or {request.account for request in state.requests.values()}
    return msgspec.structs.replace(state, requests=state.requests | foreign) if account in accounts else state


def _answers(requests: Iterable[RequestFact], entry: SegmentFact | None) -> list[int]:
    """The statuses, sorted, that API Gateway's log gives for the entry's request; for the first request if no segment is known."""
    answered = [request for request in requests if request.answered and not request.elsewhere]
    if entry is None:
        first = min(answered, key=lambda request: (request.first_at, request.key), default=None)
        return list(first.answered) if first else []
    if not entry.request_id:
        return []
    own = (request for request in answered if entry.request_id in {request.request_id, request.integration_request_id})
    return sorted(status for request in own for status in request.answered)


def _saw(status: int | None) -> ClientSaw:
    return "error" if (status or 0) >= CLIENT_ERROR else "success"
