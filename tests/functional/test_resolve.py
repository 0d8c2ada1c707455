"""Resolving: a trace settles, and all its lines and spans show it."""

import json
from dataclasses import replace

import pytest

from pipeline.errors import UnavailableError
from pipeline.join.transactions import traces_naming
from pipeline.search.findings import hidden_faults
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from pipeline.store.span_writer import writing_spans
from pipeline.store.together import write_alone
from pipeline.traces.xray_segments import read_document
from tests.support.events import NOW, REQUEST, TRACE, end, function, lambda_event, powertools, report, service, start
from tests.support.shipping import lines_of, resolver, shipped
from tests.support.stores import both_kinds

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
LINES = [start(), powertools("paid", correlation_id="order-17"), "bare print", end(), report()]


@both_kinds
def test_a_trace_settles_and_every_line_shows_it(store, settings):
    """Lines and spans carry the verdict, each line its own segment, and the hidden fault is found by search."""
    unsettled = shipped(lambda_event(LINES), store, settings).unsettled
    worker, source = resolver(store, settings, service(error=True), function(**FAILED))
    resolution = worker.resolve(unsettled)
    assert (unsettled, resolution.settled, resolution.unsettled, resolution.hidden_faults, source.calls) == (
        (TRACE,),
        1,
        (),
        1,
        1,
    )
    found = lines_of(store)
    assert len(found) == 7
    assert {document["trace"]["state"] for document in found} == {"complete"}
    assert all(document["trace"]["hiddenFault"] for document in found)
    logs = [document for document in found if document["doc"]["kind"] == "log"]
    assert {document["segment"]["id"] for document in logs} == {"17e84e76450d1777"}
    assert hidden_faults(store)[0]["findings"][0]["rule"] == "service-ok-function-failed"
    assert [document["_id"] for document in search(SearchQuery(hidden_faults=True, text="paid"), store)] == [logs[1]["_id"]]
    assert traces_naming("order-17", store) == traces_naming(REQUEST, store) == [TRACE]


def test_a_settled_trace_is_not_looked_up_again(store, settings):
    """A final verdict costs no more calls, and a redelivered event wipes nothing."""
    shipped(lambda_event(LINES), store, settings)
    worker, source = resolver(store, settings, service(), function())
    worker.resolve([TRACE])
    before = lines_of(store)
    assert shipped(lambda_event(LINES), store, settings).unsettled == ()
    worker.resolve([TRACE], force=True)
    assert source.calls == 1
    assert lines_of(store) == before


def test_spans_that_a_crash_left_out_are_found_again(store, settings, monkeypatch):
    """The record knows of spans that were not written. A look-up that shows less does not settle the trace; one that shows them does."""
    shipped(lambda_event(LINES), store, settings)
    early = {name: value for name, value in function().items() if name != "end_time"} | {"in_progress": True}
    worker, source = resolver(store, settings, service(), function())
    other, _ = resolver(store, settings, service(), early)
    write = store.write

    def dying(lines):
        if any("-spans-" in line.get("create", {}).get("_index", "") for line in lines if isinstance(line, dict)):
            raise UnavailableError("the worker dies")
        return write(lines)

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", dying)
        with pytest.raises(UnavailableError):
            worker.resolve([TRACE])
    assert [document["doc"]["kind"] for document in lines_of(store)] == ["log"] * 5
    assert other.resolve([TRACE]).unsettled == (TRACE,)
    done = worker.resolve([TRACE])
    assert (done.settled, done.unsettled, source.calls) == (1, (), 2)
    ends = [document.get("endTime") for document in lines_of(store) if document["doc"]["kind"] == "span"]
    assert (len(ends), None in ends) == (2, False)
    assert worker.resolve([TRACE], force=True).unsettled == ()
    assert source.calls == 2, "it is settled"


def test_a_part_of_the_spans_is_no_whole_trace(store, settings):
    """Where only some spans of a look-up were stored, and they look whole, the trace is looked up again before it settles."""
    shipped(lambda_event(LINES), store, settings)
    inner = {"id": "3333333333333333", "name": "## work", "start_time": NOW / 1000 + 0.02, "end_time": NOW / 1000 + 0.03}
    documents = service(), function(subsegments=[inner])
    stored = [segment for document in (service(), function()) for segment in read_document(json.dumps(document))]
    write_alone(writing_spans(stored, store), store)
    worker, source = resolver(store, settings, *documents)
    assert worker.sweep(force=True).unsettled == ()
    assert source.calls == 1
    assert {document.get("spanId") for document in lines_of(store) if document["doc"]["kind"] == "span"} >= {inner["id"]}
    worker.resolve([TRACE], force=True)
    assert source.calls == 1


@both_kinds
def test_a_late_line_gets_the_verdict_that_is_there(store, settings):
    """A line that arrives after the verdict shows it, whether it brings something new or not."""
    shipped(lambda_event(LINES), store, settings)
    worker, _ = resolver(store, settings, service(), function())
    worker.resolve([TRACE])
    early = shipped(lambda_event([powertools("from before")], at=NOW - 5, first=50), store, settings)
    assert early.unsettled == ()
    assert shipped(lambda_event([powertools("from after")], at=NOW + 5, first=55), store, settings).unsettled == ()
    late = shipped(
        lambda_event(
            [f"{'2026-11-24T10:00:00.000Z'} {REQUEST} Task timed out after 3.00 seconds", report()],
            at=NOW + 9,
            first=60,
        ),
        store,
        settings,
    )
    assert late.unsettled == (TRACE,)
    worker.resolve(late.unsettled)
    found = lines_of(store)
    assert {document["trace"]["state"] for document in found} == {"complete"}
    assert {tuple(document["trace"]["rules"]) for document in found} == {("timeout",)}


def test_an_unsampled_trace_is_never_looked_up(store, settings):
    """Sampled: false in the REPORT line settles the trace, and costs X-Ray nothing."""
    shipped(lambda_event([start(), powertools("a"), end(), report(sampled=False)]), store, settings)
    worker, source = resolver(store, settings)
    assert worker.resolve([TRACE]).settled == 1
    assert source.calls == 0
    assert {document["trace"]["state"] for document in lines_of(store)} == {"unsampled"}


def test_segments_that_come_one_by_one(store, settings):
    """A trace goes from pending over partial to complete; the root's group reaches the span that was there before it."""
    shipped(lambda_event(LINES), store, settings)
    worker, source = resolver(store, settings)
    assert worker.resolve([TRACE], force=True).unsettled == (TRACE,)
    states = [{document["trace"]["state"] for document in lines_of(store)}]
    for document in (function(), service()):
        source.documents.append(document)
        worker.resolve([TRACE], force=True)
        states.append({document["trace"]["state"] for document in lines_of(store)})
    assert states == [{"pending"}, {"partial"}, {"complete"}]
    groups = {document["traceGroup"] for document in lines_of(store) if document["doc"]["kind"] == "span"}
    assert groups == {"orders"}


def test_a_finished_segment_replaces_the_one_in_progress_and_never_the_other_way(store, settings):
    """Whichever of two workers comes last, the finished span stays."""
    shipped(lambda_event(LINES), store, settings)
    open_one = service(in_progress=True)
    del open_one["end_time"]
    for documents in ((open_one,), (service(), function()), (open_one,)):
        worker, _ = resolver(store, settings, *documents)
        worker.resolve([TRACE], force=True)
    spans = {document["spanId"]: document for document in lines_of(store) if document["doc"]["kind"] == "span"}
    assert "endTime" in spans["0285bf1261be05ff"]
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}


def test_time_runs_out_in_words(store, settings):
    """A trace that X-Ray never had ends as notFound with a reason, and is not asked for again."""
    shipped(lambda_event([powertools("a")]), store, settings)
    worker, source = resolver(store, settings, clock=lambda: NOW / 1000 + 700)
    assert worker.resolve([TRACE]).settled == 1
    worker.resolve([TRACE], force=True)
    found = lines_of(store)[0]["trace"]
    assert (found["state"], source.calls) == ("notFound", 1)
    assert "X-Ray has no trace of this id" in found["stateReason"]


def test_growing_delays_between_look_ups(store, settings):
    """A look-up that is not due is not made."""
    shipped(lambda_event([powertools("a")]), store, settings)
    now = [NOW / 1000 + 1]
    worker, source = resolver(store, settings, clock=lambda: now[0])
    for seconds, calls in ((0, 1), (5, 1), (31, 2), (100, 2), (160, 3)):
        now[0] = NOW / 1000 + 1 + seconds
        worker.resolve([TRACE])
        assert source.calls == calls, seconds


def test_what_a_throttle_put_off_is_counted_and_not_lost(store, settings):
    """A source that answers nothing leaves the trace to be asked for again, at once when it is next due."""
    shipped(lambda_event([powertools("a")]), store, settings)
    worker, source = resolver(store, settings, service(), function())
    answer, source.look_up = source.look_up, lambda _ids: {}
    resolution = worker.resolve([TRACE])
    assert (resolution.put_off, resolution.unsettled) == (1, (TRACE,))
    source.look_up = answer
    assert worker.resolve([TRACE]).settled == 1


def test_a_source_that_raises_puts_look_ups_off_and_nothing_is_lost(store, settings):
    """Where X-Ray does not answer, the trace is left with the reason, and the same call works later."""
    shipped(lambda_event(LINES), store, settings)
    worker, source = resolver(store, settings, service(), function())
    look_up = source.look_up

    def dead(_ids):
        raise UnavailableError("X-Ray does not answer")

    source.look_up = dead
    done = worker.resolve([TRACE])
    assert (done.unsettled, done.put_off, done.lookup_failures) == ((TRACE,), 1, ("X-Ray does not answer",))
    source.look_up = look_up
    assert worker.resolve([TRACE]).settled == 1


def test_other_settings_give_another_verdict_everywhere(store, settings):
    """After a change of settings, a trace that is touched is judged anew: its record and all its lines say the same."""
    shipped(lambda_event(LINES), store, settings)
    resolver(store, settings, service(), clock=lambda: NOW / 1000 + 700)[0].resolve([TRACE])
    assert {document["trace"]["state"] for document in lines_of(store)} == {"incomplete"}
    patient = replace(settings, lookup_delays=(900,))
    assert shipped(lambda_event([powertools("late")], first=70), store, patient).unsettled == (TRACE,)
    resolver(store, patient, service(), clock=lambda: NOW / 1000 + 710)[0].resolve([TRACE])
    record = store.get_many([(f"{store.prefix}-traces", TRACE)])[0].source["trace"]
    assert record["state"] == "partial"
    assert [document["trace"] for document in lines_of(store)] == [record] * 7
