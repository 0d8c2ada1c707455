"""Sampling out: healthy transactions go as a whole when nothing can be late any more; everything else stays, whatever comes when."""

import json

import pytest

from pipeline.model.trace_ids import to_xray
from tests.support.events import NOW, OTHER, OTHER_REQUEST, REQUEST, TRACE, end, function, lambda_event, powertools, report, service, start
from tests.support.policies import (
    FAILED,
    LATER,
    LINES,
    OTHER_LINES,
    OTHER_SEGMENTS,
    SEGMENTS,
    adds_up,
    counted,
    record,
    stored_lines,
    sweep,
    with_policy,
)
from tests.support.shipping import lines_of, shipped
from tests.support.stores import both_kinds


@pytest.fixture
def keep_none(settings, tmp_path):
    """Settings under which no healthy transaction is kept."""
    return with_policy(settings, tmp_path)


def test_a_healthy_transaction_goes_when_its_grace_period_is_over(store, keep_none):
    """Not before; then lines and spans go, the record counts them, and a further sweep has nothing to do."""
    shipped(lambda_event(LINES), store, keep_none)
    there = stored_lines(store)
    first = sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 60)
    early = sweep(store, keep_none, at=NOW / 1000 + 3500)
    assert (first.settled, first.sampled_out_lines, early.sampled_out_lines) == (1, 0, 0)
    assert len(lines_of(store)) == 7
    late = sweep(store, keep_none)
    assert (late.sampled_out_lines, late.sampled_out_spans, late.undeleted) == (5, 2, ())
    assert lines_of(store) == []
    said = record(store, TRACE)["sampledOut"]
    assert (said["lines"], said["spans"], said["bytes"], said["open"]) == (5, 2, late.sampled_out_bytes, False)
    assert said["reason"].startswith("it is not among the 0 % that policy-")
    assert adds_up(store, there)
    again = sweep(store, keep_none)
    assert (again.sampled_out_lines, again.settled, again.unsettled) == (0, 0, ())


@pytest.mark.parametrize(
    ("documents", "lines", "kept"),
    [
        ([service(), function(**FAILED)], LINES, "a hidden fault"),
        ([service(fault=True, http={"response": {"status": 500}}), function(**FAILED)], LINES, "failed plainly"),
        ([service(end_time=NOW / 1000 + 11), function()], LINES, "slow"),
        (SEGMENTS, [*LINES, powertools("sent", trace=OTHER)], "a stale id"),
        ([], [start(), powertools("broken", level="ERROR"), end(), report(sampled=False)], "unsampled with an error"),
        ([service()], LINES, "never complete"),
    ],
)  # fmt: skip
def test_what_is_not_healthy_stays_whole(store, keep_none, documents, lines, kept):
    """What failed, hides, is slow, stale, unsampled with an error or lacks something keeps every line and span."""
    shipped(lambda_event(lines), store, keep_none)
    for at in (NOW / 1000 + 60, NOW / 1000 + 1300, LATER, LATER + 86_400):
        sweep(store, keep_none, *documents, at=at)
    assert len(stored_lines(store)) == len(lines), kept
    assert counted(store) == []


@pytest.mark.parametrize(
    ("policy", "more"),
    [
        ("asked: {annotations: {path: /orders}}", {}),
        ("asked: {correlationIds: ['order-*']}", {}),
        ("asked: {headers: {X-Keep: '*'}}", {"event": {"headers": {"x-keep": "1"}}}),
        ("rules: [{level: warn, keep: 100%}]", {"level": "WARN"}),
        ("rules: [{services: [ord*], keep: 100%}, {logGroups: ['*'], keep: 1%}]", {}),
        ("rules: [{logGroups: [/aws/lambda/orders], keep: 100%}]", {}),
        ("slow: {percentile: 99}", {}),
    ],
)
def test_what_was_asked_for_stays(store, settings, tmp_path, policy, more):
    """An annotation, a correlation id, a header, a level, a service and a log group keep a transaction; so does an entry that is too rare to be slow."""
    options = with_policy(settings, tmp_path, f"keep: 0%\n{policy}\n" + ("" if "slow" in policy else "slow: {over: 10s}\n"))
    lines = [start(), powertools("paid", correlation_id="order-17", **more), end(), report()]
    shipped(lambda_event(lines), store, options)
    documents = [service(annotations={"path": "/orders"}), function()]
    sweep(store, options, *documents, at=NOW / 1000 + 60)
    sweep(store, options)
    assert len(lines_of(store)) == 6
    assert "expendable" not in record(store, TRACE)


def test_a_transaction_goes_whole_or_stays_whole(store, keep_none):
    """Where one of two traces that a correlation id joins fails, both stay; where the later one does not settle, both wait; else both go."""
    shipped(lambda_event(LINES), store, keep_none)
    shipped(lambda_event(OTHER_LINES, first=100), store, keep_none)
    sweep(store, keep_none, *SEGMENTS, OTHER_SEGMENTS[0], at=NOW / 1000 + 60)
    assert sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 500).sampled_out_lines == 0
    sweep(store, keep_none, *SEGMENTS, OTHER_SEGMENTS[0], OTHER_SEGMENTS[1] | FAILED, at=NOW / 1000 + 600)
    assert {record(store, id_)["settled"] for id_ in (TRACE, OTHER)} == {True}
    assert record(store, TRACE)["expendable"] is True
    assert sweep(store, keep_none).sampled_out_lines == 0
    assert len(stored_lines(store)) == 10
    assert "expendable" not in record(store, TRACE), "it is not looked at again"


def test_two_healthy_traces_of_a_transaction_go_together(store, keep_none):
    """Whichever trace is found first, the lines and spans of both go."""
    shipped(lambda_event(LINES), store, keep_none)
    shipped(lambda_event(OTHER_LINES, first=100), store, keep_none)
    there = stored_lines(store)
    sweep(store, keep_none, *SEGMENTS, *OTHER_SEGMENTS, at=NOW / 1000 + 60)
    assert sweep(store, keep_none).sampled_out_lines == 10
    assert adds_up(store, there)


def test_a_fault_that_becomes_known_after_the_lines_went(store, keep_none):
    """The record says what went and that it was before; what comes later stays, and the fault is told like any other."""
    shipped(lambda_event(LINES), store, keep_none)
    sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 60)
    sweep(store, keep_none)
    shipped(lambda_event([powertools("it broke", level="ERROR")], first=50), store, keep_none)
    found = sweep(store, keep_none, *SEGMENTS, at=LATER + 60)
    assert found.faulty == (TRACE,)
    for hours in (1, 5, 30):
        sweep(store, keep_none, at=LATER + 3600 * hours)
    assert [document.get("body") for document in lines_of(store) if document["doc"]["kind"] == "log"] == ["it broke"]
    said = record(store, TRACE)
    assert (said["trace"]["hiddenFault"], said["sampledOut"]["lines"], said["sampledOut"]["open"]) == (True, 5, False)


def test_another_trace_of_the_transaction_fails_after_the_lines_went(store, keep_none):
    """The trace that joins later and fails keeps its lines, and so does what comes late of the first one."""
    shipped(lambda_event(LINES), store, keep_none)
    sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 60)
    sweep(store, keep_none)
    shipped(lambda_event(OTHER_LINES, first=100), store, keep_none)
    failed = [OTHER_SEGMENTS[0], OTHER_SEGMENTS[1] | FAILED]
    sweep(store, keep_none, *SEGMENTS, *failed, at=LATER + 60)
    shipped(lambda_event([powertools("late")], first=50), store, keep_none)
    for hours in (1, 5, 30):
        sweep(store, keep_none, at=LATER + 3600 * hours)
    assert len(stored_lines(store)) == 6
    assert record(store, TRACE)["transactionId"] == record(store, OTHER)["transactionId"]


def test_what_comes_once_more_goes_once_more(store, keep_none):
    """A redelivered event and a late healthy line go with the next sweep, and no line is counted twice."""
    shipped(lambda_event(LINES), store, keep_none)
    there = stored_lines(store)
    sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 60)
    sweep(store, keep_none)
    size = record(store, TRACE)["sampledOut"]["bytes"]
    shipped(lambda_event(LINES), store, keep_none)
    assert len(stored_lines(store)) == 5
    for _ in range(2):
        sweep(store, keep_none, *SEGMENTS, at=LATER + 60)
    assert stored_lines(store) == []
    assert adds_up(store, there)
    assert record(store, TRACE)["sampledOut"]["bytes"] == size
    shipped(lambda_event([powertools("late")], first=50), store, keep_none)
    there += stored_lines(store)
    for _ in range(2):
        sweep(store, keep_none, *SEGMENTS, at=LATER + 120)
    assert stored_lines(store) == []
    assert adds_up(store, there)


def test_a_backfill_has_as_long_to_bring_a_fault(store, keep_none):
    """Of old events one log group comes after the other: nothing goes until the grace period is over since the verdict, too."""
    old = NOW - 3 * 86_400_000
    shipped(lambda_event([*LINES[:-1], report(sampled=False)], at=old), store, keep_none)
    for seconds in (60, 600, 3000):
        assert sweep(store, keep_none, at=NOW / 1000 + seconds).sampled_out_lines == 0
    shipped(lambda_event([powertools("it broke", level="ERROR")], at=old, group="/aws/lambda/stock", first=50), store, keep_none)
    for hours in (1, 2, 30):
        sweep(store, keep_none, at=NOW / 1000 + 3600 * hours)
    assert len(stored_lines(store)) == 6


def test_without_a_policy_nothing_goes_and_no_document_changes(store, settings):
    """The record says that it is healthy, and nothing else is new."""
    shipped(lambda_event(LINES), store, settings)
    sweep(store, settings, *SEGMENTS, at=NOW / 1000 + 60)
    sweep(store, settings)
    assert len(lines_of(store)) == 7
    assert record(store, TRACE)["healthy"] is True
    assert not {"expendable", "sampledOut", "held"} & record(store, TRACE).keys()


def json_lines(request=REQUEST, trace=TRACE):
    """The lines of Lambda's own in its JSON format around an invocation: its start, its end and its report."""
    tracing = {"type": "X-Amzn-Trace-Id", "value": f"Root={to_xray(trace)};Parent=0285bf1261be05ff;Sampled=0"}
    return [json.dumps({"type": f"platform.{what}", "record": {"requestId": request, "tracing": tracing, **more}})
            for what, more in (("start", {}), ("runtimeDone", {"status": "success"}), ("report", {"status": "success", "metrics": {}}))]  # fmt: skip


@both_kinds
@pytest.mark.parametrize(
    ("whole", "rules"),
    [([start(), powertools("work"), "ERROR it broke", end(), report(sampled=False)], ["unsampled-error"]),
     # in JSON streams invocations may overlap, so that a place alone is no evidence of a fault
     ([json_lines()[0], powertools("work"), '{"level": "ERROR", "message": "it broke"}', *json_lines()[1:]], [])],
    ids=["text", "JSON"],
)  # fmt: skip
@pytest.mark.parametrize("hours", [0, 5, 48])
def test_a_line_without_ids_finds_its_invocation_after_this_went(store, keep_none, whole, rules, hours):
    """An error that nothing but its place tells of, such as one of a parked event: the trace has it as if it had come in time."""
    early = [(number, line) for number, line in enumerate(whole) if number != 2]
    for number, line in early:
        shipped(lambda_event([line], at=NOW + number, first=1 + number), store, keep_none)
    sweep(store, keep_none, at=NOW / 1000 + 1300)
    if hours:
        sweep(store, keep_none, at=NOW / 1000 + hours * 3600)
        assert stored_lines(store) == []
    shipped(lambda_event([whole[2]], at=NOW + 2, first=3), store, keep_none)
    sweep(store, keep_none, at=NOW / 1000 + (hours + 1) * 3600)
    sweep(store, keep_none, at=NOW / 1000 + (hours + 9) * 3600)
    (line,) = [line for line in lines_of(store) if "it broke" in line["body"]]
    assert (line["traceId"], line["requestId"], line["idSource"]) == (TRACE, REQUEST, "stream")
    said = record(store, TRACE)
    assert (said["trace"]["hiddenFault"], said["trace"]["rules"]) == (bool(rules), rules)
    assert len(stored_lines(store)) == (1 if hours else 5)
    assert (said["sampledOut"]["lines"] if hours else "sampledOut" not in said) == (4 if hours else True)


def test_a_start_waits_for_the_end_of_its_invocation(store, keep_none):
    """It came alone, and names no trace: what comes hours later finds its invocation by it, and a fault is known. One that ended goes."""
    lines = [start(), "ERROR it broke", end(), report(sampled=False)]
    shipped(lambda_event(lines[:1]), store, keep_none)
    shipped(lambda_event([start(OTHER_REQUEST), end(OTHER_REQUEST)], stream="other", first=50), store, keep_none)
    for hours in (1.5, 2.5, 3.5):
        sweep(store, keep_none, at=NOW / 1000 + hours * 3600)
    (left,) = stored_lines(store)
    for number, line in enumerate(lines[1:], 1):
        shipped(lambda_event([line], at=NOW + number, first=1 + number), store, keep_none)
    for hours in (5, 9):
        sweep(store, keep_none, at=NOW / 1000 + hours * 3600)
    assert record(store, TRACE)["trace"]["rules"] == ["unsampled-error"]
    assert len(lines_of(store)) == 4
    assert left in stored_lines(store)


def test_a_line_between_two_invocations_that_went_is_nobody_s(store, keep_none):
    """In a JSON stream two invocations overlapped, and both went: their records say so, and nobody guesses."""
    lines = [json_lines()[0], json_lines(OTHER_REQUEST, OTHER)[0], *json_lines()[1:], *json_lines(OTHER_REQUEST, OTHER)[1:]]
    for number, line in zip((0, 1, 3, 4, 5, 6), lines, strict=True):
        shipped(lambda_event([line], at=NOW + number, first=1 + number), store, keep_none)
    sweep(store, keep_none, at=NOW / 1000 + 1300)
    sweep(store, keep_none, at=NOW / 1000 + 5 * 3600)
    assert stored_lines(store) == []
    shipped(lambda_event(['{"level": "ERROR", "message": "it broke"}'], at=NOW + 2, first=3), store, keep_none)
    sweep(store, keep_none, at=NOW / 1000 + 6 * 3600)
    store.refresh()
    (line,) = store.scan({"term": {"doc.kind": "log"}}, index=store.lines_and_spans)
    assert (line.source.get("traceId"), line.source["idSource"]) == (None, "none")
    assert not any(record(store, each)["trace"]["hiddenFault"] for each in (TRACE, OTHER))
