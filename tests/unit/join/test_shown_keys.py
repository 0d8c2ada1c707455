"""Shown keys: which keys a trace shows, and which of several traces names their transaction."""

import pytest

from pipeline.join.shown_keys import keys_of, shown_by
from pipeline.model.facts import KeyFact, RequestFact, SegmentFact
from pipeline.model.trace_state import TraceState, merge

BEGAN = 1_790_000_000
SHOWN = KeyFact(method="correlation id", at=BEGAN * 1000)


def trace_id(second, number=1):
    """An X-Ray id of a second."""
    return f"{second:08x}{number:024x}"


def in_xray(began=BEGAN):
    """A trace that X-Ray has."""
    return TraceState(segments={"a": SegmentFact(id="a", start=began * 10**9, end=(began + 1) * 10**9)})


def by_platform(began=BEGAN, group="/aws/lambda/orders"):
    """A trace of which Lambda's log has the record of a request."""
    request = RequestFact(request_id="r", log_group=group, platform=True, first_at=began * 1000, last_at=began * 1000)
    return TraceState(requests={request.key: request})


def by_line(began=BEGAN):
    """A trace that a line names."""
    return TraceState(requests={"": RequestFact(first_at=began * 1000, last_at=began * 1000)})


@pytest.mark.parametrize("mine", [in_xray(), by_platform()])
@pytest.mark.parametrize(
    ("theirs", "state"),
    [
        (trace_id(1), by_line()),
        (trace_id(1), by_line(BEGAN - 86_400)),
        (trace_id(BEGAN - 60), by_line(BEGAN - 60)),
        (trace_id(1), in_xray(BEGAN + 60)),
        (trace_id(1), by_platform(BEGAN + 60)),
        (trace_id(BEGAN + 60, 0), in_xray(BEGAN + 60)),
        ("0" * 31 + "1", by_platform(BEGAN + 5)),
    ],
)
def test_no_other_trace_takes_the_name(mine, theirs, state):
    """Neither an invented trace, nor a later one with a small id, comes before one that X-Ray or the platform knows."""
    assert shown_by(trace_id(BEGAN, 7), mine).rank < shown_by(theirs, state).rank


def test_a_w3c_id_counts_by_when_its_trace_began():
    """An id without a time, however small or large, is ranked by what is known of its trace."""
    first, later = shown_by("f" * 32, in_xray(BEGAN)), shown_by("0" * 31 + "1", in_xray(BEGAN + 10))
    assert first.rank < later.rank


def test_a_strange_record_does_not_move_a_trace():
    """A REPORT line that somebody dates back leaves the rank of a trace whose id says when it began."""
    own = shown_by(trace_id(BEGAN), by_platform())
    assert shown_by(trace_id(BEGAN), merge(by_platform(), by_platform(BEGAN - 86_400, "/aws/lambda/stranger"))).rank == own.rank


@pytest.mark.parametrize("number", [50, 3000])
def test_each_log_group_keeps_its_keys(number):
    """However many ids one log group shows, those of another one, of the segments and of requests are among the keys."""
    own = merge(in_xray(), by_platform(), TraceState(keys={"order-77": {"r /aws/lambda/orders": SHOWN}}),
                TraceState(segments={"b": SegmentFact(id="b", request_id="q", links=("c" * 32,))}))  # fmt: skip
    flood = TraceState(keys={f"!{place}": {f"{place} /ecs/stranger": SHOWN, " /ecs/stranger": SHOWN} for place in range(number)})
    kept = keys_of(merge(own, flood))
    assert {"order-77", "r", "q", "c" * 32} <= kept.keys()
    assert len(kept) <= 104
