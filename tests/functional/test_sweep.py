"""The sweep: it finds and ends what no message told of, whatever crashed or came in which order."""

import itertools
import random

import pytest

from pipeline.local.environment import local_client
from pipeline.local.xray import LocalXRay
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from pipeline.store.results import ItemResult
from pipeline.traces.sources.batch_get_traces import BatchGetTraces
from pipeline.traces.sources.budget import CallBudget
from tests.support.events import NOW, OTHER, OTHER_REQUEST, TRACE, call, end, function, lambda_event, powertools, report, service, start
from tests.support.shipping import lines_of, resolver, shipped

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
LINES = [start(), powertools("paid", correlation_id="order-17"), "bare print", end(), report()]


def test_the_sweep_finds_what_no_message_told_of(store, settings):
    """With every hint lost, pending lines and unfinished traces are found in the index."""
    shipped(lambda_event(LINES), store, settings)
    worker, source = resolver(store, settings, service(), function())
    assert worker.sweep().settled == 1
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
    assert worker.sweep(force=True).settled == 0
    assert source.calls == 1


class _Crash(Exception):
    pass


@pytest.mark.parametrize(("endpoint", "seed"), [*(("embedded", seed) for seed in range(5)), pytest.param("real", 5, marks=pytest.mark.opensearch)],
                         indirect=["endpoint"])  # fmt: skip
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


@pytest.mark.opensearch
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


@pytest.mark.opensearch
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
        if not lines or "index" not in lines[0]:
            return write(lines)
        items = [lines[start : start + 2] for start in range(0, len(lines), 2)]
        return [ItemResult(409) if "-logs-" in item[0]["index"]["_index"] else write(item)[0] for item in items]

    store.write = losing_write
    assert worker.resolve([TRACE], force=True).unsettled == (TRACE,)
    store.write = write
    assert {document["trace"]["state"] for document in lines_of(store) if document["doc"]["kind"] == "log"} == {"partial"}
    worker.sweep()
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}
