"""Whether a trace was sampled, by who says so."""

import pytest

from pipeline.model.facts import RequestFact
from pipeline.model.sampling import due_at, provable_at, sampling_of
from pipeline.model.trace_state import TraceState
from tests.support.events import REQUEST

OURS, STRANGER = "/aws/lambda/orders", "/ecs/stranger"


def requests(*facts):
    """A state of these requests."""
    return TraceState(requests={fact.key: fact for fact in facts})


def report(group, sampled, **more):
    """A request of which the platform's record in this log group says whether it was sampled."""
    return RequestFact(request_id=more.pop("id_", REQUEST), log_group=group, platform=True, sampled=sampled, **more)


CLAIM = RequestFact(request_id="x", log_group=STRANGER, claimed_sampled=False)
BARE = RequestFact(first_at=1, last_at=1)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ([report(OURS, False)], "unsampled"),
        ([report(OURS, False), report("/aws/lambda/stock", False, id_="r2")], "unsampled"),
        ([report(OURS, False), CLAIM], "said to be unsampled"),
        ([report(OURS, False), BARE], "said to be unsampled"),
        ([report(OURS, False, account="1"), RequestFact(request_id="x", log_group=OURS, account="2")], "said to be unsampled"),
        ([CLAIM], "said to be unsampled"),
        ([CLAIM, report(OURS, True)], "sampled"),
        ([report(STRANGER, False), report(OURS, True)], "sampled"),
        ([BARE], "unknown"),
        ([RequestFact(request_id="x", log_group=STRANGER, elsewhere=True), report(OURS, False)], "unsampled"),
        ([], "unknown"),
    ],
)  # fmt: skip
def test_who_says_it(facts, said):
    """Only the platform's records in every log group that speaks of a trace make it unsampled; a sampled request outweighs all."""
    assert sampling_of(requests(*facts)) == said


GIVE_UP = 600_000


@pytest.mark.parametrize("last_at", [1_000_000, 8_000_000, 7_258_118_400_000], ids=["now", "two hours ahead", "in 2200"])
def test_no_line_puts_the_first_look_up_off(last_at):
    """X-Ray is asked when its answer proves something, and at the latest ten minutes after the first line, whatever comes afterwards."""
    state = requests(RequestFact(first_at=1_000_000, last_at=1_000_000), RequestFact(request_id="x", log_group=STRANGER, first_at=1_000_000,
                     last_at=last_at, claimed_sampled=False))  # fmt: skip
    assert due_at(state, GIVE_UP) == min(last_at + 120_000, 1_600_000)
    assert provable_at(state, GIVE_UP) == last_at + 120_000
