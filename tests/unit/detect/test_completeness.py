"""Completeness: when a trace is pending, partial, complete, or at its end without an answer."""

import pytest

from pipeline.detect.evaluate import evaluate
from pipeline.model.facts import LookupFact, RequestFact
from pipeline.model.trace_state import EMPTY, TraceState
from tests.support.events import NOW, REQUEST, call, edge, function, service
from tests.support.verdicts import GIVE_UP, behind_edge, lines_at, state_of, verdict_of


def test_a_healthy_trace_is_complete_and_silent():
    """Every parent is there, everything closed, nothing failed."""
    verdict = verdict_of(*behind_edge())
    assert (verdict.state, verdict.edge_status, verdict.client_saw, verdict.findings) == (
        "complete",
        200,
        "success",
        (),
    )


def test_pending_then_not_found():
    """Nothing found is pending until a look-up was made long enough after the last line."""
    early = TraceState(requests=lines_at(NOW), lookups={"1": LookupFact(at=NOW + 1000, outcome="absent")})
    late = TraceState(requests=lines_at(NOW), lookups={"1": LookupFact(at=NOW + GIVE_UP, outcome="absent")})
    assert evaluate(early, rules={}, give_up_after_ms=GIVE_UP).state == "pending"
    assert evaluate(late, rules={}, give_up_after_ms=GIVE_UP).state == "notFound"
    assert evaluate(EMPTY, rules={}, give_up_after_ms=GIVE_UP).state == "pending"


@pytest.mark.parametrize(
    "documents",
    [(edge(), function(parent="cccccccccccccccc")), (service(end_time=None, in_progress=True),),
     (service(), function(subsegments=[call("api", "c" * 16, traced=True)])), (service(),)],
)  # fmt: skip
def test_partial_then_incomplete(documents):
    """A missing parent, an open segment, a propagated call without an answer, or a service without its function keeps a trace partial, and then incomplete."""
    assert verdict_of(*documents).state == "partial"
    assert verdict_of(*documents, asked=NOW + 2 * GIVE_UP).state == "incomplete"


def test_unsampled_unless_something_was_found():
    """A request that was not sampled makes a trace unsampled, unless X-Ray has it all the same."""
    requests = {REQUEST: RequestFact(request_id=REQUEST, log_group="/aws/lambda/orders", platform=True, sampled=False)}
    assert evaluate(TraceState(requests=requests), rules={}, give_up_after_ms=GIVE_UP).state == "unsampled"
    assert verdict_of(service(), function(), requests=requests).state == "complete"


@pytest.mark.parametrize("outcome", ["limitExceeded", "sourceDisabled"])
def test_what_the_source_says(outcome):
    """What a look-up says of the source itself is the state where nothing is found."""
    assert verdict_of(outcome=outcome).state == outcome


def test_a_request_that_the_platform_calls_sampled_must_have_its_segment():
    """A trace that looks whole is not, while the segment that a REPORT line names has not come: by its id or by its request."""
    sampled = {REQUEST: RequestFact(request_id=REQUEST, segment_id="5" * 16, sampled=True)}
    assert verdict_of(edge(subsegments=[]), requests=sampled).state == "partial"
    assert verdict_of(edge(subsegments=[]), requests=sampled).missing == (f"the segment of the request {REQUEST} is missing",)
    for segments in ((service(parent_id=""), function()), (service("5" * 16, aws={}), function(parent="5" * 16))):
        assert verdict_of(*segments, requests=sampled).state == "complete"


def test_the_platform_outweighs_a_header():
    """A line whose header says Sampled=0 is no word on a trace in which a request was sampled."""
    header, platform = (
        RequestFact(request_id="a", claimed_sampled=False),
        RequestFact(request_id="b", segment_id="5" * 16, sampled=True),
    )
    assert verdict_of(asked=NOW + 60_000, outcome="absent", requests={"a": header}).state == "unsampled"
    assert verdict_of(asked=NOW + 60_000, outcome="absent", requests={"a": header, "b": platform}).state == "notFound"


def test_absurd_times_do_not_keep_a_trace_open():
    """A segment that ends in two hundred years is passed over, and a trace is not asked for without end."""
    later = service(end_time=NOW / 1000 + 200 * 365 * 86_400)
    assert verdict_of(later, function(), asked=NOW + 60_000).state == "complete"
    many = {str(at): LookupFact(at=at, outcome="absent") for at in range(NOW, NOW + 20)}
    assert evaluate(TraceState(requests=lines_at(NOW), lookups=many), rules={}, give_up_after_ms=GIVE_UP).state == "notFound"


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("absent", "has no trace"), ("subscribed", "No span"), ("refused", "does not take this"), ("sourceDisabled", "Transaction Search is on"),
     ("limitExceeded", "larger than X-Ray keeps")],
)  # fmt: skip
def test_each_end_without_a_trace_has_its_sentence(outcome, said):
    """Why there is nothing, in words."""
    verdict = verdict_of(asked=NOW + GIVE_UP, outcome=outcome, requests=lines_at(NOW))
    assert verdict.final
    assert said in verdict.state_reason


def test_a_trace_beyond_the_limit_is_never_complete():
    """What X-Ray cut off may look whole: it says so."""
    assert verdict_of(*behind_edge(), outcome="limitExceeded").state == "limitExceeded"


def lookups(*made):
    """Look-ups by minute and outcome."""
    facts = [LookupFact(at=NOW + int(minute * 60_000), outcome=outcome) for minute, outcome in made]
    return {str(fact.at): fact for fact in facts}


def judged(state):
    """The state and reason of a trace with ten minutes' patience."""
    verdict = evaluate(state, rules={}, give_up_after_ms=600_000)
    return verdict.state, verdict.state_reason


@pytest.mark.parametrize(("made", "state", "said"), [
    (((1, "denied"),), "pending", "refused the credentials of tracejoin so far"),
    (((1, "absent"), (2, "unreachable")), "pending", "did not answer so far"),
    (((2, "unreachable"), (3, "absent")), "pending", "nothing on this trace yet"),
    (((1, "unreachable"), (11, "unreachable")), "sourceUnavailable", "did not answer until long after"),
    (((1, "absent"), (11, "denied")), "sourceUnavailable", "refused the credentials"),
    (tuple((second / 60, "unreachable") for second in range(1, 21)), "sourceUnavailable", "did not answer"),
    (((11, "unreachable"), (500, "absent")), "notFound", "has no trace"),
    (((11, "absent"), (12, "unreachable")), "notFound", "has no trace"),
    (((11, "unprocessed"),), "pending", "nothing on this trace yet"),
    (((11, "denied"), (12, "unprocessed")), "pending", "nothing on this trace yet"),
    (tuple((minute, "unprocessed") for minute in (1, 2, 3, 11)), "notFound", "unprocessed each time"),
    (((1, "absent"), (11, "unprocessed")), "pending", "nothing on this trace yet"),
    (((11, "denied"), (12, "limitExceeded")), "limitExceeded", "larger"),
])  # fmt: skip
def test_a_source_that_is_away_is_no_absence(made, state, said):
    """Only what was answered says that there is nothing; what failed until time was up ends in a state of its own, until an answer comes."""
    found, reason = judged(TraceState(requests=lines_at(NOW), lookups=lookups(*made)))
    assert found == state
    assert said in reason


def test_a_partial_trace_whose_source_went_away():
    """What is missing may be there: it is not incomplete before X-Ray was asked."""
    segments = state_of(service()).segments
    assert judged(TraceState(segments=segments, requests=lines_at(NOW), lookups=lookups((1, "found"), (2, "denied"))))[0] == "partial"
    state, reason = judged(TraceState(segments=segments, requests=lines_at(NOW), lookups=lookups((1, "found"), (60, "denied"))))
    assert state == "sourceUnavailable"
    assert "the function segment of orders is missing" in reason
    assert (
        judged(TraceState(segments=segments, requests=lines_at(NOW), lookups=lookups((1, "found"), (60, "denied"), (90, "found"))))[0]
        == "incomplete"
    )


def test_unsampled_needs_no_source():
    """The platform's own record settles a trace, however the look-ups of others end."""
    requests = {REQUEST: RequestFact(request_id=REQUEST, log_group="/aws/lambda/orders", platform=True, sampled=False)}
    assert judged(TraceState(requests=requests, lookups=lookups((1, "denied"))))[0] == "unsampled"
