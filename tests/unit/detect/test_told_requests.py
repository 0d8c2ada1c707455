"""Told requests: X-Ray's segment of a request says as much as the platform's own record, in the function's own log group."""

import pytest

from pipeline.detect.told_requests import told_requests
from pipeline.model.facts import RequestFact, SegmentFact
from pipeline.model.trace_state import TraceState

GROUP = "/aws/lambda/orders"
SEGMENT = SegmentFact(id="1" * 16, name="orders", origin="AWS::Lambda", request_id="r")


def told(request, segment=SEGMENT):
    """What is told of one request, with one segment: the segment, and whether it was sampled."""
    found = told_requests(TraceState(requests={request.key: request}, segments={segment.id: segment}))
    return [(each.segment_id, each.is_sampled) for each in found.values()]


def test_a_request_whose_segment_x_ray_has():
    """It ran in that segment, and was sampled: no segment is there else."""
    assert told(RequestFact(request_id="r", log_group=GROUP)) == [(SEGMENT.id, True)]


def test_the_platform_s_own_record_counts():
    """Whatever X-Ray shows, the record's segment and decision stay."""
    record = RequestFact(request_id="r", log_group=GROUP, platform=True, segment_id="2" * 16, sampled=False)
    assert told(record) == [("2" * 16, False)]


@pytest.mark.parametrize(
    "request_",
    [
        RequestFact(request_id="r", log_group="/aws/lambda/stranger"),
        RequestFact(request_id="r", log_group="/ecs/orders"),
        RequestFact(request_id="other", log_group=GROUP),
        RequestFact(request_id="r", log_group=GROUP, elsewhere=True),
    ],
    ids=["another function's log group", "no function's log group", "another request", "a request that ran elsewhere"],
)
def test_of_others_nothing_is_told(request_):
    """A line that names somebody else's request learns nothing of it."""
    assert told(request_) == []


@pytest.mark.parametrize("change", [{"origin": "AWS::Lambda::Function"}, {"subsegment": True}, {"request_id": ""}])
def test_only_the_segment_of_lambda_s_service_tells(change):
    """It is the one that Lambda's record names."""
    assert told(RequestFact(request_id="r", log_group=GROUP), SegmentFact(**{"id": "1" * 16, "name": "orders", "origin": "AWS::Lambda", "request_id": "r"} | change)) == []  # fmt: skip
