"""Attribution, measured: made-up log streams of every runtime, cut, shuffled and resolved at any time, are held against their truth."""

import time
import uuid
from dataclasses import replace

import pytest

from bench.attribution import documents_of, lines_of, settle
from bench.comparison import Comparison, compare
from bench.streams import before_midnight, log_streams
from bench.truth import NOBODY
from pipeline.settings import Settings
from tests.support.stores import KINDS, installed

LINES = 500
OTHER = "68a1b2c3bd862e3fe1be46a994272794"


def made_up(seed):
    """Streams of every runtime."""
    return log_streams(seed, LINES, before_midnight(int(time.time() * 1000)))


@pytest.fixture(scope="module", params=KINDS)
def settled(request):
    """On an OpenSearch of each kind: a store with made-up streams that are shipped and settled, the streams, and what is unsettled."""
    endpoint, seed = request.getfixturevalue(f"{request.param}_endpoint"), {"embedded": 1, "real": 3}[request.param]
    settings = Settings(endpoint=endpoint, prefix=f"t{uuid.uuid4().hex[:10]}", region="eu-west-1")
    with installed(settings) as store:
        streams = made_up(seed)
        yield store, streams, settle(streams, store, settings, seed)


def test_every_line_finds_its_trace_whatever_the_order(settled):
    """Shuffled batches, lost hints and early look-ups end with 99.9 % of the lines right, none at a wrong trace, nothing unsettled."""
    store, streams, unsettled = settled
    comparison = Comparison(lines_of(streams), documents_of(store))
    assert unsettled == 0
    assert comparison.passed, comparison.table()


def test_the_comparison_sees_a_swapped_truth(settled):
    """Two right lines of different traces whose truths are swapped are two more wrong lines, and the gate closes."""
    store, streams, _ = settled
    lines, documents = lines_of(streams), documents_of(store)
    before = Comparison(lines, documents)
    right = [place for place, (stream, line) in enumerate(lines)
             if line.truth.trace_id and compare(line.truth, documents[stream, line.event_id])[0] == "right"]  # fmt: skip
    one = right[0]
    other = next(place for place in right if lines[place][1].truth.trace_id != lines[one][1].truth.trace_id)
    swapped = list(lines)
    for here, there in ((one, other), (other, one)):
        stream, line = lines[here]
        swapped[here] = (stream, replace(line, truth=lines[there][1].truth))
    after = Comparison(swapped, documents)
    assert after.wrong == before.wrong + 2
    assert not after.passed
    assert "traceId wrong" in after.table()


def test_every_line_is_there_once(settled):
    """Batches that come twice, and lines of two days, make one document a line."""
    store, streams, _ = settled
    assert set(documents_of(store)) == {(stream, line.event_id) for stream, line in lines_of(streams)}
    found = store.search({"size": 0, "track_total_hits": True}, index=f"{store.prefix}-logs-*")["hits"]["total"]["value"]
    assert found == len(lines_of(streams))


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, ("right", "")), ({"traceId": OTHER}, ("wrong", "traceId")), ({"traceId": None}, ("missing", "traceId")),
     ({"requestId": OTHER}, ("wrong", "requestId")), ({"requestId": None}, ("missing", "requestId")),
     ({"sampled": False}, ("wrong", "sampled")), ({"sampled": None}, ("missing", "sampled")),
     ({"staleTraceId": OTHER}, ("wrong", "staleTraceId"))],
)  # fmt: skip
def test_what_counts_as_wrong_and_as_missing(change, expected):
    """Each field that says otherwise makes a line wrong, each that says nothing makes it incomplete."""
    truth = next(line.truth for _, line in lines_of(made_up(6)) if line.truth.sampled)
    document = {"traceId": truth.trace_id, "requestId": truth.request_id, "sampled": True}
    assert compare(truth, document | change) == expected


def test_a_line_of_nobody_must_have_nothing():
    """A line outside any invocation is wrong with a trace or a request, right without, and missing where it was lost."""
    assert compare(NOBODY, {"traceId": OTHER}) == ("wrong", "traceId")
    assert compare(NOBODY, {"requestId": OTHER}) == ("wrong", "requestId")
    assert compare(NOBODY, {}) == ("right", "")
    assert compare(NOBODY, None) == ("missing", "document")
