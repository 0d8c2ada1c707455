"""What a record leaves out: bounds keep the laws of convergence, and the shares of one origin are out of another's reach."""

import itertools
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import bounds
from pipeline.model.bounds import complete_since, fair_share
from pipeline.model.facts import InvocationMarks, KeyFact, RequestFact, SignalFact, request_key
from pipeline.model.trace_state import TraceState, holds, merge

# so small that a few facts are too many
few = patch.multiple(bounds, MOST_SIGNALS=1, MOST_REQUESTS=1, MOST_RECORDED=2, MOST_ELSEWHERE=2, MOST_KEYS=2, MOST_MARKS=1, MOST_STREAMS=2)
GROUPS = ("/a", "/b")
KINDS = (("error",), ("timeout",), ("error", "exception"), ("error",))


def line(number, text, retracted):
    """A line about a failure; what never changes about it follows from its number."""
    return SignalFact(line_id=f"{number:02}", signals=KINDS[number % 4], request_id=f"r{number % 5}", log_group=GROUPS[number % 2], at=1 + number // 2,
                      severity=number % 3, text=text, retracted=retracted)  # fmt: skip


positions = st.lists(st.integers(1, 6).map(str), max_size=2, unique=True).map(lambda found: tuple(sorted(found)))
marks = st.dictionaries(st.sampled_from("stu"), st.builds(InvocationMarks, starts=positions, ends=positions), max_size=2)
requests = st.builds(
    RequestFact, request_id=st.integers(0, 5).map(lambda number: f"r{number}"), log_group=st.sampled_from(GROUPS), platform=st.booleans(),
    segment_id=st.sampled_from(["", "1", "2"]), sampled=st.sampled_from([None, True, False]), claimed_sampled=st.sampled_from([None, True]),
    first_at=st.integers(1, 5), last_at=st.integers(6, 9), elsewhere=st.booleans(), runs=marks,
)  # fmt: skip
request_keys = st.builds(request_key, st.sampled_from(["", "r0", "r1", "r2"]), st.sampled_from(GROUPS), st.just(""))
shown = st.builds(KeyFact, method=st.just("correlation id"), line_id=st.sampled_from("ab"), at=st.integers(1, 5))
states = st.builds(
    TraceState,
    requests=st.lists(requests, max_size=5).map(lambda facts: {fact.key: fact for fact in facts}),
    signals=st.lists(st.builds(line, st.integers(0, 15), st.sampled_from("ab"), st.booleans()), max_size=8).map(
        lambda facts: {fact.line_id: fact for fact in facts}
    ),
    keys=st.dictionaries(st.sampled_from(["k1", "k2", "k3", "k4"]), st.dictionaries(request_keys, shown, min_size=1, max_size=3), max_size=4),
)  # fmt: skip


@few
@given(states, states, states)
def test_a_bounded_merge_is_a_join(one, two, three):
    """Where facts are left out, the merge is commutative, associative and idempotent all the same, and `holds` tells what it would change."""
    one, two, three = map(merge, (one, two, three))
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))
    assert merge(one, one) == merge(one, TraceState()) == one
    assert holds(merge(one, two), two)
    assert holds(one, two) == (merge(one, two) == one)


@few
@given(st.lists(states, min_size=2, max_size=4))
def test_facts_may_be_bounded_whenever(parts):
    """One fact at a time, in any order, ends like all at once."""
    together = merge(*parts)
    for order in itertools.islice(itertools.permutations(parts), 6):
        whole = TraceState()
        for part in order:
            for fact in part.requests.values():
                whole = merge(whole, TraceState(requests={fact.key: fact}))
            for signal in part.signals.values():
                whole = merge(whole, TraceState(signals={signal.line_id: signal}))
            whole = merge(whole, TraceState(keys=part.keys))
        assert whole == together


@few
@given(states, states)
def test_an_origin_pushes_out_no_other(own, strangers):
    """However much a stranger's log group says, what the record keeps of another one is the same."""
    both = merge(own, only(strangers, "/b"))
    assert kept(both, "/a") == kept(merge(own), "/a")


def only(state, group):
    """What one log group says."""
    return TraceState(
        requests={key: fact for key, fact in state.requests.items() if fact.log_group == group},
        signals={id_: fact for id_, fact in state.signals.items() if fact.log_group == group},
        keys={value: found for value, evidence in state.keys.items()
              if (found := {key: fact for key, fact in evidence.items() if key.endswith(group)})},
    )  # fmt: skip


def kept(state, group):
    """What a record keeps of what one log group says."""
    part = only(state, group)
    return part.requests, part.signals, part.keys


@given(st.sets(st.integers(0, 40), max_size=30))
def test_lines_are_known_to_be_complete(numbers):
    """After the time that `complete_since` gives for an origin no line of it is missing."""
    lines = [line(number, "a", retracted=False) for number in numbers]
    with patch.object(bounds, "MOST_SIGNALS", 3):
        left = bounds.bounded_signals({fact.line_id: fact for fact in lines})
        since = complete_since(left.values())
    missing = [fact for fact in lines if fact.line_id not in left]
    assert all(fact.at <= since[fact.log_group, ""] for fact in missing)


@given(st.lists(st.lists(st.integers(0, 50).map(str), max_size=20, unique=True), max_size=4), st.integers(1, 20))
def test_each_share_gets_its_part(shares, most):
    """Of n shares each one's first values are among those chosen, whatever the others hold."""
    chosen = fair_share(shares, most)
    assert chosen == sorted(set(chosen)) and len(chosen) <= most
    for share in shares:
        assert set(share[: most // len(shares)]) <= set(chosen)
