"""What the caller was answered, by whose log."""

import pytest

from pipeline.detect.edge_response import without_foreign_answers
from pipeline.model.facts import RequestFact, SegmentFact
from pipeline.model.trace_state import TraceState

OWN, OTHER = "111111111111", "222222222222"
LINE = RequestFact(request_id="r", log_group="/aws/lambda/orders", account=OWN, platform=True)


def answered(account):
    """What an API of this account says that it answered."""
    return RequestFact(request_id="g", log_group="/aws/apigateway/x", account=account, status=500, integration_request_id="r")


def state(*requests, segments=()):
    """A state of these requests and segments."""
    return TraceState(requests={fact.key: fact for fact in requests}, segments={fact.id: fact for fact in segments})


@pytest.mark.parametrize(
    ("given", "account", "counts"),
    [
        (state(LINE, answered(OTHER)), OWN, False),
        (state(answered(OTHER), segments=[SegmentFact(id="s")]), OWN, False),
        (state(LINE, answered(OWN)), OWN, True),
        (state(LINE, answered(OTHER)), "", True),
        (state(answered(OTHER)), OWN, True),
        (state(answered(OTHER), segments=[SegmentFact(id="s", account=OTHER)]), OWN, True),
    ],
    ids=["own line", "own segment", "own answer", "no account known", "another's trace", "another's segment"],
)
def test_answers_of_other_accounts(given, account, counts):
    """In a trace of this account only its own API Gateway says what the caller was answered."""
    found = without_foreign_answers(given, account)
    assert any(request.answered for request in found.requests.values()) == counts
    assert found.requests.keys() == given.requests.keys()
