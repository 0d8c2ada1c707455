"""Told requests: of which requests of a trace it is known in which segment they ran, and whether they were sampled."""

import msgspec

from pipeline.detect.segment_outcome import SERVICE
from pipeline.model.facts import RequestFact
from pipeline.model.log_groups import LAMBDA_LOG_GROUPS
from pipeline.model.trace_state import TraceState


def told_requests(state: TraceState) -> dict[str, RequestFact]:
    """Returns these requests by `RequestFact.key`: those that the platform's own record tells of, and those whose segment X-Ray has.

    Lambda's record names the segment of Lambda's service, which X-Ray shows with the request's id. So a record that comes late says nothing
    new of a request that X-Ray knows, and its lines are not written again. What X-Ray says counts in the function's own log group alone.
    """
    segments = {fact.request_id: fact for fact in sorted(state.segments.values(), key=lambda fact: fact.id)
                if fact.origin == SERVICE and fact.request_id and not fact.subsegment}  # fmt: skip
    found = {key: request for key, request in state.requests.items() if request.platform}
    for key, request in state.requests.items():
        fact = segments.get(request.request_id)
        if fact and key not in found and not request.elsewhere and request.log_group == f"{LAMBDA_LOG_GROUPS}{fact.name}":
            found[key] = msgspec.structs.replace(request, segment_id=fact.id, sampled=True)
    return found
