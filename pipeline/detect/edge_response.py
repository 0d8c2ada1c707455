"""Edge response: what the caller was answered. API Gateway's log outweighs the segments, since a function answers 200 to it alone."""

from collections.abc import Iterable

import msgspec

from pipeline.detect.segment_outcome import CLIENT_ERROR
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
    """

    status: int | None = None
    saw: ClientSaw = "unknown"
    by: str = ""

    def __str__(self) -> str:
        return f"{self.status or self.saw}"


def edge_response_of(state: TraceState, tree: SegmentTree) -> EdgeResponse:
    """Gives what the caller of the trace's entry was answered."""
    entry = tree.entry
    if found := _gateway_request(state.requests.values(), entry):
        by = entry.name if entry and entry.status == found.status else "API Gateway's log"
        return EdgeResponse(found.status, _saw(found.status), by)
    if entry is None or entry.in_progress:
        return EdgeResponse()
    if entry.status is not None:
        return EdgeResponse(entry.status, _saw(entry.status), entry.name)
    return EdgeResponse(None, "error" if entry.fault or entry.error or entry.throttle else "success", entry.name)


def _gateway_request(requests: Iterable[RequestFact], entry: SegmentFact | None) -> RequestFact | None:
    """The request of API Gateway that the entry served; the first one if no segment is known."""
    answered = [request for request in requests if request.status and not request.elsewhere]
    if entry is None:
        return min(answered, key=lambda request: (request.first_at, request.key), default=None)
    if not entry.request_id:
        return None
    own = (request for request in answered if entry.request_id in {request.request_id, request.integration_request_id})
    return max(own, key=lambda request: (request.status or 0, request.key), default=None)


def _saw(status: int | None) -> ClientSaw:
    return "error" if (status or 0) >= CLIENT_ERROR else "success"
