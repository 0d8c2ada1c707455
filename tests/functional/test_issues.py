"""Issues: faults of one cause are one, told when they are new, come back or grow, against the embedded and a real OpenSearch."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipeline.alert.dispatch import LEASE_MS
from pipeline.alert.grouping import WINDOW_MS
from pipeline.errors import UnavailableError
from pipeline.issues.sightings import arn_of_function
from tests.support.documents import put, span
from tests.support.issue_world import NO_PRICE, NO_STOCK, IssueWorld
from tests.support.stores import both_kinds

DAY = 86_400


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture
def world(store, settings):
    """A world without faults so far, in which growth is told at three and at six traces."""
    return IssueWorld(store, replace(settings, alert_growth=(3, 6)))


@both_kinds
def test_one_cause_is_one_issue_and_told_once(world):
    """Three faults that differ in their numbers are one issue, another message is another one; each is told once, with an example."""
    first = world.fail(times=2)
    assert (first.alerts.sent, first.new_faults) == (
        1,
        {"orders": {"edge-ok-downstream-fault": 1, "service-ok-function-failed": 1, "edge-ok-error-log": 1}},
    )
    assert world.fail(NO_PRICE).alerts.sent == 1
    assert world.fail().new_faults == {}
    world.resolver().sweep()
    issues = world.issues()
    assert sorted(issues) == ["no price for order *", "no stock for order *"]
    assert {issue.state for issue in issues.values()} == {"new"}
    (subject, text, attributes), *_ = world.topic.sent
    assert subject == "[tracejoin] orders: ValueError behind 200, new"
    assert f"Issue {issues['no stock for order *'].id} is new: 2 traces so far." in text
    assert "in version $LATEST of the function" in text
    assert (attributes["issues"], attributes["traces"]) == ("new", "2")
    assert world.topic.told() == ["new", "new", "growing"]
    for _ in range(3):
        assert world.resolver().sweep(force=True).alerts.sent == 0


def test_what_is_known_of_an_issue(world):
    """When it was seen first, in which version and ARN, and by which trace."""
    (trace_id,) = world.ship()
    world.resolver().resolve([trace_id])
    issue = world.issue
    assert (issue.first_trace_id, issue.first_version) == (trace_id, "$LATEST")
    assert issue.first_arn == "arn:aws:lambda:eu-west-1:123456789012:function:orders"
    assert abs(issue.first_seen_at / 1000 - world.now + 60) < 5


def test_growth_is_told_at_the_marks(world):
    """At three and at six traces, not between, with the next sweep; a jump over both marks is told once."""
    for _ in range(7):
        world.fail()
        world.resolver().sweep()
        world.wait(WINDOW_MS / 1000)
    assert world.topic.told() == ["new", "growing", "growing"]
    world.fail(NO_PRICE, times=7)
    world.resolver().sweep()
    assert world.topic.told() == ["new"]


def test_a_known_issue_is_told_only_when_it_grows(world):
    """Who acknowledged it knows it, and the others are told so; that it grows is news."""
    world.fail()
    world.decide("ack", note="it is being mended")
    world.fail()
    world.resolver().sweep()
    assert world.topic.told() == ["new", "acknowledged"]
    world.fail()
    world.resolver().sweep()
    assert world.topic.told() == ["growing"]
    assert [(change.by, change.state, change.note) for change in world.issue.changes] == [("ann", "known", "it is being mended")]


def test_a_muted_issue_is_not_told(world):
    """Not at its marks, and not when it was due: until its end, and then with the next trace."""
    world.fail()
    world.decide("mute", until=int(world.now * 1000) + 3_600_000)
    world.topic.told()
    world.fail(times=6)
    world.resolver().sweep()
    assert world.topic.told() == []
    world.wait(3600 + 120)
    world.resolver().sweep()
    assert (world.topic.told(), world.issue.state) == ([], "muted"), "no trace came since"
    world.fail()
    assert (world.topic.told(), world.issue.state) == (["mute over"], "known")


def test_a_mute_that_ends_after_so_many_more_traces(world):
    """Three more than there were, in however many runs they come."""
    world.fail()
    world.decide("mute", times=3)
    world.topic.told()
    world.fail(times=2)
    assert world.topic.told() == []
    world.fail()
    assert (world.topic.told(), world.issue.state) == (["mute over"], "known")


def test_what_comes_after_it_was_resolved_is_a_regression(world):
    """Told at once, with the version in which it had been resolved; traces from before are none, though they are looked at later."""
    world.fail()
    late = world.ship()
    world.wait(120)
    world.decide("resolve", version="17", note="retries")
    world.topic.told()
    world.resolver().resolve(late)
    assert (world.topic.told(), world.issue.state) == (["resolved"], "resolved")
    world.wait(120)
    world.fail()
    (_, text, _) = world.topic.sent[-1]
    assert "came back: it had been resolved in version 17 by ann at " in text
    assert "“retries”" in text
    assert world.topic.told() == ["regressed"]
    assert [change.state for change in world.issue.changes] == ["resolved", "regressed"]
    world.fail()
    assert world.topic.told() == []


def test_a_quiet_issue_is_resolved_and_comes_back(world):
    """After so many days without a trace, by itself; the next trace is a regression."""
    world.fail()
    world.wait(13 * DAY)
    world.resolver().sweep()
    assert world.issue.state == "new"
    world.wait(2 * DAY)
    world.resolver().sweep()
    assert [(change.by, change.state, change.note) for change in world.issue.changes] == [("tracejoin", "resolved", "quiet for 14 days")]
    world.topic.told()
    world.fail()
    assert (world.topic.told(), world.issue.state) == (["regressed"], "regressed")


def test_numbers_outlive_their_traces(world):
    """When the traces are deleted, neither the number of traces nor the first time shrinks, however often the sweep runs."""
    world.fail(times=5)
    first = world.issue.first_seen_at
    world.wait(15 * DAY)
    # the embedded OpenSearch deletes by its own clock: so they are deleted here
    for _ in range(2):
        world.resolver().sweep()
    assert sum(world.issue.counted.values()) == 5
    world.store.request("POST", f"/{world.store.prefix}-traces/_delete_by_query", {"query": {"match_all": {}}})
    world.fail(times=2)
    assert (world.total(), world.issue.first_seen_at) == (7, first)


def test_numbers_that_cannot_be_noted_keep_their_traces(world, monkeypatch):
    """Nothing is deleted before it is counted."""
    world.fail()
    worker = world.resolver()
    monkeypatch.setattr(worker._upkeep, "count_before_purge", lambda **_: (_ for _ in ()).throw(unavailable()))
    purged = []
    monkeypatch.setattr(worker._records, "purge", lambda **more: purged.append(more))
    assert world.resolver().sweep().undeleted == ()
    assert worker.sweep().undeleted == ("issues can't be written",)
    assert purged == []


def unavailable():
    """An answer of OpenSearch about one index."""
    error = UnavailableError("issues can't be written")
    error.status = 503
    return error


def test_each_trace_is_told_by_a_switch(store, settings):
    """With AlertPer=trace each fault is told, and issues are kept without anybody being told of them, also later."""
    world = IssueWorld(store, replace(settings, alert_per="trace"))
    world.fail()
    world.wait(WINDOW_MS / 1000)
    assert world.fail().alerts.sent == 1
    assert [attributes.get("issues") for _, _, attributes in world.topic.sent] == [None, None]
    assert (world.issue.state, world.issue.due, world.total()) == ("new", "", 2)
    world.settings = settings
    world.topic.sent.clear()
    world.fail()
    world.resolver().sweep()
    assert world.topic.told() == []


def test_without_a_topic_what_is_due_waits(world):
    """A laptop that resolves takes nothing away from the stack: it notes the issue, and the stack tells it."""
    topic, world.topic = world.topic, None
    world.fail()
    assert world.issue.due == "new"
    world.topic = topic
    world.resolver().sweep()
    assert (world.topic.told(), world.issue.due) == (["new"], "")


def test_a_verdict_that_changed_before_anybody_was_told(world):
    """An issue that no trace shows any more is not told, and goes away by itself a day later."""
    topic, world.topic = world.topic, None
    (trace_id,) = world.ship()
    world.resolver().resolve([trace_id])
    world.topic = topic
    world.store.request("POST", f"/{world.store.prefix}-traces/_delete_by_query", {"query": {"match_all": {}}})
    assert world.resolver().sweep().alerts.sent == 0
    assert len(world.issues()) == 1
    world.wait(2 * DAY)
    world.resolver().sweep()
    assert world.issues() == {}


@pytest.mark.parametrize("survivor", ["hint", "sweep"])
def test_a_crash_before_any_write_of_an_issue(world, monkeypatch, survivor):
    """The trace is settled and nobody noted its issue: the next trace of it, or the sweep, does."""
    dead = world.resolver()
    ids = world.ship()
    dead = world.resolver()
    monkeypatch.setattr(dead._issues, "observe", lambda *_: (_ for _ in ()).throw(Crash))
    with pytest.raises(Crash):
        dead.resolve(ids)
    assert world.issues() == {}
    if survivor == "sweep":
        world.resolver().sweep()
    else:
        world.fail()
    assert world.topic.told() == ["new"]
    assert world.total() == 1 + (survivor == "hint")


@pytest.mark.parametrize(("before", "times"), [(True, 1), (False, 2)])
def test_a_crash_around_the_message(world, before, times):
    """Before it is out, it is told later; between sending and marking, the one window, it is told again; never before the lease is over."""

    def crash():
        raise Crash

    setattr(world.topic, "before" if before else "after", crash)
    with pytest.raises(Crash):
        world.fail()
    world.topic.before = world.topic.after = lambda: None
    assert world.resolver().sweep().alerts.sent == 0, "the lease is still the dead one's"
    world.wait(LEASE_MS / 1000)
    world.resolver().sweep()
    assert world.topic.told() == ["new"] * times
    world.wait(LEASE_MS / 1000)
    world.resolver().sweep()
    assert world.topic.told() == []


def test_opensearch_that_refuses_issues_stops_no_trace(world, monkeypatch):
    """The traces settle, the failure is said, and the sweep tells later."""
    worker_ids = world.ship()
    worker = world.resolver()
    monkeypatch.setattr(worker._issues, "observe", lambda *_: (_ for _ in ()).throw(unavailable()))
    done = worker.resolve(worker_ids)
    assert (done.settled, done.alerts.failures) == (1, ("issues can't be written",))
    world.resolver().sweep()
    assert world.topic.told() == ["new"]


def test_several_issues_of_a_service_share_a_message(world):
    """Four new ones that wait when a window begins: one message that lists them, with an example each."""
    topic, world.topic = world.topic, None
    for word in ("a", "b", "c", "d"):
        world.fail(replace(NO_STOCK, name=word, message=f"no {word * 3} for order <number>"))
    world.topic = topic
    world.resolver().sweep()
    ((subject, text, attributes),) = world.topic.sent
    assert subject == "[tracejoin] orders: 4 issues, 4 new"
    assert all(f"  {issue.id}  new" in text for issue in world.issues().values())
    assert (attributes["issues"], attributes["traces"]) == ("new", "4")
    assert {issue.due for issue in world.issues().values()} == {""}


@both_kinds
def test_the_function_of_a_held_trace_is_known(store):
    """Its spans are in the index of what is held, and name the ARN of the function."""
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
    _, source = span("1", traceId="a" * 32, serviceName="orders", attributes={"aws": {"function_arn": arn}})
    put(store, [{"create": {"_index": "@-kept-spans", "_id": "1"}}, source])
    sighting = SimpleNamespace(fingerprint=SimpleNamespace(service="orders"))
    assert arn_of_function(store, SimpleNamespace(trace_id="a" * 32, sighting=sighting)) == arn
