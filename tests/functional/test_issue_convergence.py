"""Issues converge: crashes between any two writes, workers and people at once, any order, and a storm that costs a few writes."""

import random
import threading
from dataclasses import replace

import pytest

from pipeline.alert.dispatch import LEASE_MS
from pipeline.alert.grouping import WINDOW_MS
from pipeline.configure import store_for
from pipeline.issues.decision import Decision, decided
from pipeline.issues.issue_records import IssueRecords
from pipeline.issues.sightings import read_examples
from pipeline.issues.watch import IssueWatch
from pipeline.model.timestamps import iso_millis
from pipeline.resolution import Resolution
from tests.support.counted_writes import Crash, counted_writes, crashing, requests_of
from tests.support.documents import put
from tests.support.issue_world import NO_PRICE, IssueWorld
from tests.support.stores import both_kinds

MOST_WRITES = 50
_LAST_WRITE = 12


@pytest.fixture
def world(store, settings):
    """A world without faults so far, in which growth is told at three traces."""
    return IssueWorld(store, replace(settings, alert_growth=(3,)))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, _LAST_WRITE + 1))
def test_a_crash_between_any_two_writes(world, number, after):
    """Wherever the worker dies, before or after any of its writes, the issue ends the same, and is told once, or in the one window twice."""
    world.fail()
    assert world.topic.told() == ["new"]
    ids = world.ship(times=2)
    worker = world.resolver()
    with crashing(world.store, number, after=after) as died:
        try:
            worker.resolve(ids)
        except Crash:
            assert died
    for _ in range(3):
        world.wait(LEASE_MS / 1000)
        world.resolver().sweep(force=True)
    assert (world.total(), world.issue.state, world.issue.mark, world.issue.due) == (3, "new", 3, "")
    told = world.topic.told()
    assert told in (["growing"], ["growing", "growing"])
    # the window: the message is out, and the write that marks it was not made
    assert len(told) == 1 or died


def test_the_crashes_above_reach_every_write(world):
    """A run without a crash makes no more bulk requests than are tried."""
    world.fail()
    ids = world.ship(times=2)
    with crashing(world.store, _LAST_WRITE + 1, after=False) as died:
        world.resolver().resolve(ids)
    assert not died


@both_kinds
def test_workers_at_once_note_and_tell_once(world):
    """Six workers resolve traces of one issue at the same time: one document, one message, no trace left out."""
    ids = world.ship(times=6)
    threads = [threading.Thread(target=lambda own=ids[start : start + 2]: world.resolver().resolve(own)) for start in (0, 2, 4, 0, 2, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.wait(LEASE_MS / 1000 + WINDOW_MS / 1000)
    world.resolver().sweep()
    told = world.topic.told()
    assert told[0] == "new"
    assert set(told[1:]) <= {"growing"}
    assert len(told) <= 2
    assert (world.total(), world.issue.state, world.issue.due, world.issue.mark) == (6, "new", "", 3)


@both_kinds
def test_two_terminals_acknowledge_at_once(world):
    """One is first; the other finds it known, and keeps no second change, unless it has a note: then both are kept, in order."""
    world.fail()
    id_ = world.issue.id
    barrier = threading.Barrier(8)

    def decide(name, note):
        records = IssueRecords(store_for(world.settings))
        barrier.wait()
        wanted = Decision(verb="ack", by=name, at=int(world.now * 1000), note=note)
        records.change({id_: wanted}, lambda issue, decision: decided(issue, decision, 1))

    threads = [threading.Thread(target=decide, args=(f"p{number}", "mine" if number % 2 else "")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes = world.issue.changes
    assert world.issue.state == "known"
    assert {change.by for change in changes if change.note} == {"p1", "p3", "p5", "p7"}
    assert sum(not change.note for change in changes) <= 1
    assert [change.at for change in changes] == sorted(change.at for change in changes)


def test_any_order_ends_the_same(store, settings):
    """The same traces, shuffled, some resolved twice and in other portions, end as the same issues."""
    world = IssueWorld(store, replace(settings, alert_growth=(3,)))
    ids = [*world.ship(times=4), *world.ship(NO_PRICE, times=3)]
    rng = random.Random(3)
    twice = [*ids, *rng.sample(ids, 3)]
    rng.shuffle(twice)
    while twice:
        size = rng.randint(1, 3)
        world.resolver().resolve(twice[:size])
        del twice[:size]
        world.wait(WINDOW_MS / 1000)
    world.resolver().sweep(force=True)
    found = {issue.fingerprint.message: (issue.state, issue.mark, issue.due) for issue in world.issues().values()}
    assert found == {"no stock for order *": ("new", 3, ""), "no price for order *": ("new", 3, "")}
    told = world.topic.told()
    assert told.count("new") == 2
    assert told.count("growing") <= 2


@pytest.mark.parametrize(("runs", "each"), [(100, 10), pytest.param(100, 100, marks=pytest.mark.opensearch)])
def test_a_storm_of_one_issue_costs_a_few_writes(store, settings, runs, each):
    """Ten thousand traces in a hundred runs, or a thousand: its document, the marks, the leases, and what notes that it was told."""
    world = IssueWorld(store, settings)
    world.fail()
    (stored,) = store.search({"query": {"match_all": {}}, "size": 1}, index=f"{store.prefix}-traces")["hits"]["hits"]
    fault = {name: stored["_source"][name] for name in ("@timestamp", "doc", "name", "trace", "issues", "settled")}
    # without text: what the embedded OpenSearch makes of a word takes the longer, the more documents have it
    fault["findings"] = [
        finding | {"evidence": "", "exceptionMessage": "", "lines": [], "unknown": []} for finding in stored["_source"]["findings"]
    ]
    with counted_writes(store) as counts:
        for run in range(runs):
            ids = [f"{run * each + number:032x}" for number in range(each)]
            at = iso_millis(int(world.now * 1000))
            put(store, *([{"create": {"_index": "@-traces", "_id": id_}}, fault | {"traceId": id_, "lastSeenAt": at}] for id_ in ids))
            worker = world.resolver()
            shown = [example for id_ in ids for example in read_examples(fault | {"traceId": id_, "lastSeenAt": at})]
            if worker._notice(total := Resolution(), lambda worker=worker, shown=shown: worker._issues.observe(shown)):
                worker._alert(total, ids)
            world.wait(1)
    world.wait(WINDOW_MS / 1000)
    world.resolver().sweep()
    assert counts["traces"] == runs * each
    assert counts["issues"] + counts["alerts"] <= MOST_WRITES
    assert (world.total(), world.issue.mark, world.issue.due) == (runs * each + 1, 1000, "")
    told = world.topic.told()
    assert told[0] == "new"
    assert set(told[1:]) == {"growing"}
    assert len(told) <= 4


def test_a_survey_finds_what_nobody_noted(world):
    """Settled traces whose issues were never noted, such as after a restore: the survey notes each, with its first trace."""
    ids = world.ship(times=2)
    worker = world.resolver()
    worker._issues.observe = lambda *_: []
    worker.resolve(ids)
    assert world.issues() == {}
    watch = IssueWatch(world.store, growth=(3,), clock=lambda: world.now)
    assert [noticed.service for noticed in watch.survey()] == ["orders"]
    assert watch.survey() == []
    assert world.issue.first_trace_id == ids[0]


def test_a_known_issue_costs_a_get(world):
    """A run that finds one more trace of it reads its document; a sweep reads once what the trace changed, and then only asks whether anything did."""
    ids = world.ship(times=2)
    worker = world.resolver()
    with requests_of(world.store) as first:
        worker.resolve(ids[:1])
    worker.sweep()
    with requests_of(world.store) as second:
        worker.resolve(ids[1:])
    assert [path for path in second if "issues" in path or "alerts" in path] == []
    assert second[-1] == "/_mget"
    assert len(first) - len(second) >= 8
    worker.sweep()
    with requests_of(world.store) as idle:
        worker.sweep()
    assert idle == [f"/{world.store.prefix}-*/_refresh", f"/{world.store.prefix}-traces/_msearch"]
