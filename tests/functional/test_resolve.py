"""Resolving, against the embedded and a real OpenSearch: traces settle, in any order, whatever crashes."""

import itertools
import json
import random
from dataclasses import replace

import pytest

from pipeline.errors import BadInputError, UnavailableError
from pipeline.join.transactions import traces_naming
from pipeline.local.aws_spans import spans_of
from pipeline.local.environment import local_client
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.search.findings import hidden_faults
from pipeline.search.query import SearchQuery
from pipeline.search.search import search, transaction
from pipeline.store.results import ItemResult
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.budget import CallBudget
from pipeline.traces.sources.source import LookupResult
from tests.events import (
    NOW,
    OTHER,
    OTHER_REQUEST,
    REQUEST,
    TRACE,
    Traces,
    call,
    end,
    function,
    lambda_event,
    powertools,
    report,
    service,
    start,
)
from tests.functional.test_ship import shipped

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
LINES = [start(), powertools("paid", correlation_id="order-17"), "bare print", end(), report()]


def resolver(store, settings, *documents, clock=None):
    """A resolver whose X-Ray has these documents."""
    source = Traces(*documents)
    return Resolver(store=store, source=source, settings=settings, clock=clock or (lambda: NOW / 1000 + 60)), source


def lines_of(store, trace_id=TRACE):
    """Every line and span of a trace, refreshed."""
    store.refresh()
    return transaction(trace_id, store)


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


def test_the_sweep_finds_what_no_message_told_of(store, settings):
    """With every hint lost, pending lines and unfinished traces are found in the index."""
    shipped(lambda_event(LINES), store, settings)
    worker, source = resolver(store, settings, service(), function())
    assert worker.sweep().settled == 1
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
    assert worker.sweep(force=True).settled == 0
    assert source.calls == 1


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


def test_unreadable_documents_do_not_stop_the_others(store, settings):
    """One document that is no JSON is counted; the trace is made of the rest."""
    shipped(lambda_event([powertools("a")]), store, settings)
    worker, source = resolver(store, settings, service(), function())
    look_up = source.look_up
    source.look_up = lambda ids: {id_: LookupResult("found", (*answer.documents, "no json")) for id_, answer in look_up(ids).items()}
    resolution = worker.resolve([TRACE])
    assert (resolution.bad_documents, resolution.settled) == (1, 1)


def test_metadata_that_opensearch_refuses_costs_a_span_its_attributes_only(store, settings):
    """X-Ray allows 64 kB of metadata, flat_object no string above 32,766 bytes: the span is written without it, and the trace settles."""
    shipped(lambda_event([powertools("a")]), store, settings)
    worker, _ = resolver(store, settings, service(metadata={"default": {"body": "x" * 40_000}}), function())
    assert worker.resolve([TRACE]).settled == 1
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
    assert len([document for document in lines_of(store) if document["doc"]["kind"] == "span"]) == 2


def test_a_trace_that_opensearch_refuses_does_not_stop_the_others(store, settings):
    """One refused record is counted and left; its neighbour in the same sweep settles."""
    shipped(lambda_event([powertools("a"), powertools("b", request=OTHER_REQUEST, trace=OTHER)]), store, settings)
    worker, _ = resolver(store, settings, service(), function(), service(trace_id=to_xray(OTHER), aws={"request_id": OTHER_REQUEST}),
                         function(trace_id=to_xray(OTHER)))  # fmt: skip
    write = store.write

    def refusing_write(lines):
        if any(OTHER in str(line) for line in lines):
            raise BadInputError("refused")
        return write(lines)

    store.write = refusing_write
    resolution = worker.sweep()
    store.write = write
    assert (resolution.settled, resolution.unsettled, resolution.bad_documents) == (1, (OTHER,), 1)
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}


class _Crash(Exception):
    pass


@pytest.mark.parametrize("seed", range(6))
def test_crashes_redeliveries_and_order_do_not_change_the_end(store, settings, seed):
    """Batches in any order and twice, workers that die between any two writes: after the last sweep all say what calm order says."""
    choice = random.Random(seed)
    lines = [powertools("one"), powertools("two", level="ERROR"), powertools("three"), report()]
    batches = [lambda_event([line], at=NOW + number, first=10 * number) for number, line in enumerate(lines)]
    batches.append(lambda_event([powertools("other", request=OTHER_REQUEST, trace=OTHER)], first=900))
    documents = [service(error=True), function(**FAILED)]
    deliveries = batches * 2
    choice.shuffle(deliveries)
    workers = [resolver(store, settings, *documents)[0], resolver(store, settings, *documents[:1])[0]]
    write = store.write
    calls = itertools.count()
    crash_at = {choice.randrange(12) for _ in range(4)}

    def dying_write(lines):
        if next(calls) in crash_at:
            raise _Crash
        return write(lines)

    for event in deliveries:
        shipped(event, store, settings)
        store.write = dying_write
        try:
            choice.choice(workers).resolve([TRACE], force=True)
        except _Crash:
            pass
        store.write = write
    for _ in range(3):
        workers[0].sweep(force=True)
    found = lines_of(store)
    assert len([document for document in found if document["doc"]["kind"] == "log"]) == 4
    assert len(found) == 6
    assert {(document["trace"]["state"], tuple(document["trace"]["rules"])) for document in found} == {
        ("complete", ("edge-ok-error-log", "service-ok-function-failed"))
    }
    assert len({document["trace"]["version"] for document in found}) == 1


def test_a_dead_source_is_unavailable_and_nothing_is_lost(store, settings):
    """Where X-Ray does not answer, the same call works later."""
    shipped(lambda_event(LINES), store, settings)
    worker, source = resolver(store, settings, service(), function())
    look_up = source.look_up

    def dead(_ids):
        raise UnavailableError("X-Ray does not answer")

    source.look_up = dead
    with pytest.raises(UnavailableError):
        worker.resolve([TRACE])
    source.look_up = look_up
    assert worker.resolve([TRACE]).settled == 1


def test_hostile_documents_end_well(store, settings):
    """No JSON, another trace's segment, two documents with one id, a ring, absurd times: counted, settled, and nothing loops."""
    shipped(lambda_event([powertools("a")]), store, settings)
    foreign = service(id_="f" * 16, trace_id=to_xray(OTHER))
    twins = [service(), service(start_time=NOW / 1000 - 90_000, end_time=NOW / 1000 + 0.2)]
    ring = [function("1" * 16, "2" * 16), function("2" * 16, "1" * 16, start_time=-5, end_time=1e300)]
    worker, source = resolver(store, settings, *twins, function(), *ring)
    look_up = source.look_up
    source.look_up = lambda ids: {
        id_: LookupResult("found", (*answer.documents, "no json", json.dumps(foreign))) for id_, answer in look_up(ids).items()
    }
    resolution = worker.resolve([TRACE])
    assert (resolution.bad_documents, resolution.settled, source.calls) == (2, 1, 1)
    spans = [document for document in lines_of(store) if document["doc"]["kind"] == "span"]
    assert sorted(span["spanId"] for span in spans) == sorted([service()["id"], function()["id"], "1" * 16, "2" * 16])
    assert transaction(OTHER, store) == []


def test_of_two_documents_with_one_id_one_stays(store, settings):
    """They begin on different days and come one after the other, in either order: the later end wins, and the other's span is gone."""
    twins = [service(), service(start_time=NOW / 1000 - 90_000, end_time=NOW / 1000 + 0.2)]
    found = []
    for trace, request, order in ((TRACE, REQUEST, twins), (OTHER, OTHER_REQUEST, twins[::-1])):
        shipped(lambda_event([powertools("a", request=request, trace=trace)], first=int(trace[0])), store, settings)
        for document in order:
            worker, _ = resolver(store, settings, document | {"trace_id": to_xray(trace), "aws": {"request_id": request}})
            worker.resolve([trace], force=True)
        found.append([document["startTime"] for document in lines_of(store, trace) if document["doc"]["kind"] == "span"])
    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_a_broken_clock_does_not_cost_a_live_trace_its_record(store, settings):
    """A device thinks that it is 1970; the sweep deletes only what is settled and has been silent, and the lines come to their end."""
    shipped(lambda_event(LINES), store, settings)
    device = call("device", "c" * 16, type="subsegment", trace_id=to_xray(TRACE), parent_id=function()["id"], start_time=5, end_time=6)
    worker, source = resolver(store, settings, service(), device)
    worker.sweep(force=True)
    source.documents.append(function())
    worker.sweep(force=True)
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
    assert store.get_many([(f"{store.prefix}-traces", TRACE)])[0] is not None


def test_dotted_annotations(store, settings):
    """A dot in a key is a key all the same, on the span, on the trace and on its lines."""
    shipped(lambda_event(LINES), store, settings)
    worker, _ = resolver(store, settings, service(annotations={"b.c": "x"}), function())
    assert worker.resolve([TRACE]).settled == 1
    store.refresh()
    assert {document["doc"]["kind"] for document in search(SearchQuery(annotations=("b.c=x",)), store)} == {"log", "span"}


def test_whatever_opensearch_refuses_of_a_span_is_left_out(store, settings):
    """Too many links, a resource and names that are too long: the spans are there, and the trace settles."""
    shipped(lambda_event([powertools("a")]), store, settings)
    links = [{"trace_id": to_xray(OTHER), "id": f"{number:016x}"} for number in range(1, 10_050)]
    span = next(iter(spans_of(function("d" * 16, service()["id"])))) | {"name": "n" * 40_000}
    span["resource"]["attributes"] |= {"service.name": "s" * 40_000, "process.command_line": "x" * 40_000}
    worker, source = resolver(store, settings, service(links=links), function())
    look_up = source.look_up
    source.look_up = lambda ids: {id_: LookupResult("found", (*answer.documents, json.dumps(span))) for id_, answer in look_up(ids).items()}
    assert worker.resolve([TRACE]).settled == 1
    assert len([document for document in lines_of(store) if document["doc"]["kind"] == "span"]) == 3


def test_ten_thousand_subsegments_in_one_trace(store, settings):
    """They are indexed, and the trace settles."""
    shipped(lambda_event([powertools("a")]), store, settings)
    inside = [call("x", f"{number:016x}") for number in range(1, 10_001)]
    worker, _ = resolver(store, settings, service(), function(subsegments=inside))
    resolution = worker.resolve([TRACE])
    assert (resolution.settled, resolution.unsettled) == (1, ())
    store.refresh()
    query = {"bool": {"filter": [{"term": {"doc.kind": "span"}}, {"term": {"trace.state": "complete"}}]}}
    assert sum(1 for _ in store.scan(query, index=f"{store.prefix}-spans-*", source=False)) == 10_002


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


def test_a_sweep_goes_through_everything(store, settings):
    """More traces than a page of the index holds are settled in one sweep, at a quarter of a call each or less; a second one asks nothing."""
    ids = [f"{NOW // 1000:08x}{number:024x}" for number in range(1, 1301)]
    lines = [report(f"52fdfc07-2182-454f-963f-{number:012d}", id_, sampled=bool(number % 5)) for number, id_ in enumerate(ids)]
    shipped(lambda_event(lines), store, settings)
    with LocalXRay() as xray:
        xray.put(service(trace_id=to_xray(id_), aws={"request_id": f"52fdfc07-2182-454f-963f-{number:012d}"})
                 for number, id_ in enumerate(ids))  # fmt: skip
        xray.put(function(trace_id=to_xray(id_)) for id_ in ids)
        source = BatchGetTraces(local_client("xray", xray.endpoint), CallBudget(10_000))
        worker = Resolver(store=store, source=source, settings=settings, clock=lambda: NOW / 1000 + 60)
        first, second = worker.sweep(), worker.sweep()
    assert (first.settled, first.unsettled, second.settled, second.calls) == (1300, (), 0, 0)
    assert first.calls / first.settled <= 0.25
    assert not any(xray.asked[id_] for number, id_ in enumerate(ids) if number % 5 == 0), "unsampled traces cost nothing"


def test_a_sweep_that_runs_out_of_time_leaves_the_rest(store, settings):
    """It stops between two groups of traces, and says what is left."""
    ids = [f"{number:032x}" for number in range(1, 151)]
    shipped(lambda_event([powertools("a", trace=id_) for id_ in ids]), store, settings)
    worker, _ = resolver(store, settings, clock=lambda: NOW / 1000 + 700)
    turns = iter([True, False])
    first = worker.sweep(go_on=lambda: next(turns))
    assert (first.settled, len(first.unsettled)) == (100, 50)
    assert worker.sweep().settled == 50


def test_a_trace_is_not_settled_while_a_line_is_behind(store, settings):
    """Where others keep changing its lines, a worker gives up for now and leaves the trace to be found; the sweep ends it."""
    shipped(lambda_event(LINES), store, settings)
    worker, source = resolver(store, settings, service())
    worker.resolve([TRACE], force=True)
    source.documents.append(function())
    write = store.write

    def losing_write(lines):
        if not lines or "update" not in lines[0]:
            return write(lines)
        items = [lines[start : start + 2] for start in range(0, len(lines), 2)]
        return [ItemResult(409) if "-logs-" in item[0]["update"]["_index"] else write(item)[0] for item in items]

    store.write = losing_write
    assert worker.resolve([TRACE], force=True).unsettled == (TRACE,)
    store.write = write
    assert {document["trace"]["state"] for document in lines_of(store) if document["doc"]["kind"] == "log"} == {"partial"}
    worker.sweep()
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
