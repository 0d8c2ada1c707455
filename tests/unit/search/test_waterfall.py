"""The rows of a waterfall: what stands inside what, what X-Ray lacks, what folds, and the way to a failure."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.waterfall import closed, end_of, rows
from pipeline.search.waterfall_items import item_of
from tests.support.waterfalls import ONE, OTHER_TRACE, stored_line, stored_span

ANSWERING = "a" * 16


def drawn(*documents, **options):
    """The rows of these documents."""
    return rows([item_of(document) for document in documents], **options)


def outline(found):
    """Each row as its depth and its text."""
    return [(row.depth, row.text) for row in found]


def test_lines_stand_inside_their_spans():
    """Spans nest by their parents, lines stand in the span that wrote them; of one moment the span comes first."""
    found = drawn(
        stored_line("late", 9, "root"),
        stored_span("call", 2, 5, "root"),
        stored_line("inside", 3, "call"),
        stored_span("root"),
        stored_line("same", 2, "root"),
    )
    assert outline(found) == [(0, "root"), (1, "call"), (2, "inside"), (1, "same"), (1, "late")]
    assert [(row.offset, row.duration, row.size) for row in found] == [(0, 10, 4), (2, 3, 1), (3, 0, 0), (2, 0, 0), (9, 0, 0)]


@pytest.mark.parametrize(
    ("named", "above"),
    [("attempt", "attempt"), ("operation", "operation"), ("root", "function"), ("elsewhere", "function"), ("function", "function"),
     ("nosuch", "function"), ("ring", "function")],
)  # fmt: skip
def test_a_line_stands_in_the_innermost_span_that_it_names(named, above):
    """The span that a line names is it where that is inside the segment of its invocation; above it, elsewhere or unknown, it is not."""
    spans = [stored_span("root"), stored_span("function", 1, 9, "root"), stored_span("operation", 2, 8, "function"),
             stored_span("attempt", 3, 4, "operation"), stored_span("elsewhere", 2, 3, "root"), stored_span("ring", 2, 3, "ring")]  # fmt: skip
    found = drawn(*spans, stored_line("says", 3.5, "function", spanId=named))
    place = next(place for place, row in enumerate(found) if row.text == "says")
    assert next(row.text for row in reversed(found[:place]) if row.depth < found[place].depth) == above


def test_a_trace_stands_below_the_span_that_caused_it():
    """An X-Ray link and a tracing header in a line both name the span; what began earlier is no effect of it."""
    caller = stored_span(ANSWERING, 1, 9, name="sns")
    linked = stored_span("consumer", 20, 30, trace=OTHER_TRACE, links=[{"traceId": ONE, "spanId": ANSWERING}])
    assert outline(drawn(linked, caller)) == [(0, "sns"), (1, "consumer")]
    header = f"Root=1-{ONE[:8]}-{ONE[8:]};Parent={ANSWERING};Sampled=1"
    received = stored_line("received", 20, trace=OTHER_TRACE, body=f"X-Amzn-Trace-Id: {header}", propagatedTraceId=[ONE])
    assert [depth for depth, _ in outline(drawn(received, caller))] == [0, 1, 2]
    untraced = stored_line("no trace of its own", 20, trace="", body=f"X-Amzn-Trace-Id: {header}", propagatedTraceId=[ONE])
    assert outline(drawn(untraced, caller))[1][0] == 1
    early = linked | {"@timestamp": "2026-11-24T09:00:00.000Z"}
    assert [depth for depth, _ in outline(drawn(early, caller))] == [0, 0]


def test_what_xray_lacks_is_a_row():
    """A parent that is missing, a segment that lines name, a call without its answer, and a trace without any span."""
    found = drawn(
        stored_span("root"),
        stored_span("orphan", 2, 6, "gone"),
        stored_line("says", 3, "lost"),
        stored_span("call", 4, 5, "root", state={"subsegment": True, "traced": True}),
        stored_line("alone", 7, trace=OTHER_TRACE),
        reasons={OTHER_TRACE: "The trace was not sampled."},
    )
    xray = f"1-{OTHER_TRACE[:8]}-{OTHER_TRACE[8:]}"
    assert outline(found) == [
        (0, "root"),
        (1, "span gone is not in X-Ray"),
        (2, "orphan"),
        (1, "span lost is not in X-Ray"),
        (2, "says"),
        (1, "call"),
        (2, "the answer to this call is not in X-Ray"),
        (0, f"no span of this trace. The trace was not sampled. ({xray})"),
        (1, "alone"),
    ]
    gap = found[1]
    assert (gap.kind, gap.offset, gap.duration) == ("gap", 2, 4)


def test_a_call_with_an_answer_has_no_gap():
    """The segment of the callee answers it; a subsegment does not."""
    call = stored_span("call", 1, 9, state={"subsegment": True, "traced": True})
    assert len(drawn(call, stored_span("callee", 2, 8, "call", state={"origin": "AWS::Lambda"}))) == 2
    assert [row.kind for row in drawn(call, stored_span("part", 2, 8, "call"))] == ["span", "gap", "span"]


def test_the_beginning_of_each_trace_is_marked():
    """Where a transaction has several, the row by which each begins names it; of one trace none does."""
    caller = stored_span(ANSWERING, 1, 9, name="sns")
    linked = stored_span("consumer", 20, 30, trace=OTHER_TRACE, links=[{"traceId": ONE, "spanId": ANSWERING}])
    inside = [stored_line("received", 21, "consumer", trace=OTHER_TRACE), stored_span("part", 2, 3, ANSWERING)]
    assert [(row.text, row.begins) for row in drawn(caller, linked, *inside)] == [
        ("sns", ONE),
        ("part", ""),
        ("consumer", OTHER_TRACE),
        ("received", ""),
    ]
    assert {row.begins for row in drawn(caller, inside[1])} == {""}


def test_an_open_span_has_no_end():
    """Its bar has none either; the waterfall ends with what has one."""
    (row,) = drawn(stored_span("open", 0, None))
    assert (row.duration, end_of([row])) == (None, 1.0)


def test_spans_in_a_ring_are_drawn():
    """Odd documents that are each other's parents, or their own, all appear, once."""
    ring = [stored_span("a", 0, 5, "c"), stored_span("b", 1, 5, "a"), stored_span("c", 2, 5, "b"), stored_span("own", 3, 5, "own")]
    assert sorted(row.text for row in drawn(*ring)) == ["a", "b", "c", "own"]
    both = [stored_span("x", 0, 5, links=[{"spanId": "y"}]), stored_span("y", 0, 5, trace=OTHER_TRACE, links=[{"spanId": "x"}])]
    assert sorted(row.text for row in drawn(*both)) == ["x", "y"]


def test_a_trace_of_any_depth_is_drawn():
    """Thousands of spans, each inside the one before."""
    chain = [stored_span(str(number), number / 1000, 10, str(number - 1) if number else "") for number in range(5000)]
    found = drawn(*random.Random(1).sample(chain, len(chain)))
    assert [row.depth for row in found] == list(range(5000))
    assert found[0].size == 4999


def test_lines_of_api_gateway_fold():
    """Several of them in one place become one row, with them inside; one that failed, one alone and those of others stay."""
    group = {"logGroup": "API-Gateway-Execution-Logs_abc/prod", "logStream": "s"}
    noise = [stored_line(f"({number}) step", number, "root", aws=group) for number in range(1, 5)]
    failed = stored_line("Execution failed", 5, "root", aws=group, signals=["error"])
    access = stored_line("GET /x 200", 6, "root", eventName="apigateway.access")
    documents = [stored_span("root"), stored_line("ours", 2, "root"), *noise, failed, access]
    found = drawn(*documents)
    assert outline(closed(found)) == [(0, "root"), (1, "5 lines of API Gateway's logs"), (1, "ours"), (1, "Execution failed")]
    assert (found[1].kind, found[1].size, found[1].offset, found[1].duration) == ("fold", 5, 1, 5)
    assert len(drawn(*documents, fold=False)) == 8
    assert [row.kind for row in drawn(stored_span("root"), access)] == ["span", "log"]


def test_the_way_to_a_failure_is_marked():
    """From the entry down to what findings name: a span by its id, a line by that of its document."""
    tree = [stored_span("root"), stored_span("well", 1, 2, "root"), stored_span("call", 3, 8, "root"), stored_span("callee", 4, 7, "call", failed=True),
            stored_line("boom", 5, "callee", signals=["error"]), stored_line("noise", 6, "root", signals=["error"])]  # fmt: skip
    assert [row.text for row in drawn(*tree, named={"callee"}) if row.on_way] == ["root", "call", "callee"]
    assert [row.text for row in drawn(*tree, named={"boom"}) if row.on_way] == ["root", "call", "callee", "boom"]
    assert [row.text for row in drawn(*tree) if row.on_way] == [], "the caller saw no failure, and no finding names one"
    tree[0]["status"] = {"code": 2}
    assert [row.text for row in drawn(*tree) if row.on_way] == ["root", "call", "callee"]


@pytest.mark.parametrize("text", ["a\n b\t c", " \n" * 5000 + "end"])
def test_a_text_is_one_line(text):
    """However many breaks and blanks it has."""
    (row,) = drawn(stored_line("l", body=text))[1:]
    assert "\n" not in row.text
    assert len(row.text) <= 400


def test_a_long_text_is_cut():
    """The row says that there is more."""
    whole, cut = (drawn(stored_line("l", body="x" * length))[1] for length in (400, 401))
    assert (whole.is_cut, cut.is_cut, len(cut.text)) == (False, True, 400)


def test_what_has_no_time_is_drawn_last():
    """A document without a time has no place on the axis, and moves no other one."""
    undated = stored_span("undated", parent="root")
    del undated["@timestamp"]
    found = drawn(undated, stored_span("root", 5, 9), stored_line("line", 6, "root"))
    assert [(row.text, row.offset) for row in found] == [("root", 0), ("line", 1), ("undated", None)]
    assert drawn() == []


IDS = st.sampled_from("abcdef")
SPANS = st.builds(
    lambda id_, parent, start, took, trace: stored_span(id_, start, start + took, parent, trace=trace),
    IDS, st.sampled_from(["", *"abcdefxy"]), st.integers(0, 20), st.integers(0, 9), st.sampled_from([ONE, OTHER_TRACE]),
)  # fmt: skip
LINES = st.builds(
    lambda id_, when, span, trace, failed: stored_line(f"line {id_}", when, span, trace=trace, signals=["error"] if failed else []),
    st.integers(0, 30), st.integers(0, 20), st.sampled_from(["", *"abcz"]), st.sampled_from(["", ONE, OTHER_TRACE]), st.booleans(),
)  # fmt: skip


@given(st.lists(SPANS | LINES, max_size=25, unique_by=lambda document: document["_id"]), st.randoms(use_true_random=False))
def test_any_documents_are_drawn_once_and_in_any_order_alike(documents, order):
    """Whatever refers to whatever: each document is one row, sizes and depths agree, and a way never begins in the middle."""
    found = drawn(*documents)
    keys = [row.key for row in found]
    assert len(keys) == len(set(keys))
    assert {document["_id"] for document in documents} <= set(keys)
    for place, row in enumerate(found):
        inside = found[place + 1 : place + 1 + row.size]
        assert all(below.depth > row.depth for below in inside)
        after = found[place + 1 + row.size :]
        assert not after or after[0].depth <= row.depth
        assert row.on_way or not any(below.on_way for below in inside)
    assert drawn(*order.sample(documents, len(documents))) == found
