"""What is decided about an issue is told to those who were told of it: alone, once, by the issue's own id, and past every window."""

import threading
from dataclasses import replace

import msgspec
import pytest

from pipeline.alert.dispatch import LEASE_MS
from pipeline.alert.grouping import WINDOW_MS
from pipeline.alert.issue_outbox import MOST_DECISIONS
from pipeline.alert.payload import AlertPayload
from pipeline.errors import UnavailableError
from pipeline.issues.issue import Change
from pipeline.issues.issue_records import IssueRecords
from pipeline.resolve import Resolver
from pipeline.traces.sources.source import LookupResult
from tests.support.counted_writes import Crash, crashing
from tests.support.issue_world import NO_PRICE, NO_STOCK, IssueWorld
from tests.support.stores import both_kinds

DAY = 86_400


@pytest.fixture
def world(store, settings):
    """A world without faults so far, in which growth is told at three traces."""
    return IssueWorld(store, replace(settings, alert_growth=(3,)))


def payloads(world):
    """What programs were told, since the last call."""
    found = [msgspec.json.decode(attributes["payload"], type=AlertPayload) for _, _, attributes in world.topic.sent]
    world.topic.sent.clear()
    return found


@both_kinds
@pytest.mark.parametrize(("verb", "state"), [("ack", "acknowledged"), ("resolve", "resolved")])
def test_a_decision_is_told_once_with_the_id_of_the_issue(world, verb, state):
    """By the next sweep: who, when, why, in which version; by the id that the issue's own message had."""
    world.fail()
    (first,) = payloads(world)
    world.wait(LEASE_MS / 1000)
    world.decide(verb, note="ticket 12", version="18" if verb == "resolve" else "")
    done = world.resolver().sweep()
    assert (done.alerts.sent, done.alerts.failures, done.alerts.latencies, done.new_faults) == (1, (), (), {})
    (subject, _, attributes), *_ = world.topic.sent
    assert subject == f"[tracejoin] orders: ValueError, {state} by ann"
    assert attributes["issues"] == state
    (told,) = payloads(world)
    assert (told.id, told.state, told.decided_by, told.note, told.count) == (first.id, state, "ann", "ticket 12", 1)
    assert told.resolved_in == ("18" if verb == "resolve" else "")
    world.wait(LEASE_MS / 1000)
    assert world.resolver().sweep(force=True).alerts.sent == 0
    assert (world.issue.due, world.issue.told_at > 0) == ("", True)


def test_of_acknowledged_and_then_resolved_the_last_is_told(world):
    """If no sweep came between them; else both."""
    world.fail()
    world.decide("ack")
    world.decide("resolve")
    world.resolver().sweep()
    assert world.topic.told() == ["new", "resolved"]
    world.wait(WINDOW_MS / 1000)
    world.fail(NO_PRICE)
    for verb in ("ack", "resolve"):
        world.decide(verb, issue=world.issues()["no price for order *"])
        world.resolver().sweep()
    assert world.topic.told() == ["new", "acknowledged", "resolved"]


def test_a_mute_and_reopening_tell_nothing(world):
    """Also if they follow a decision that was not told yet."""
    world.fail()
    world.topic.told()
    for verb in ("ack", "mute", "reopen", "resolve", "reopen"):
        world.decide(verb, **({"times": 3} if verb == "mute" else {}))
    world.resolver().sweep()
    assert world.topic.told() == []
    assert world.issue.state == "known"


def test_nobody_hears_of_an_issue_that_nobody_was_told_of(world):
    """A decision of an issue whose message had not gone out takes the message away, and tells nothing itself."""
    topic, world.topic = world.topic, None
    world.fail()
    world.decide("resolve")
    world.topic = topic
    world.resolver().sweep()
    assert (world.topic.told(), world.issue.due) == ([], "")


def test_what_went_quiet_is_told(world):
    """By the sweep after the one that finds it quiet, with the reason; and then that it came back, by the same id."""
    world.fail()
    (first,) = payloads(world)
    world.wait(15 * DAY)
    world.resolver().sweep()
    world.resolver().sweep()
    (told,) = payloads(world)
    assert (told.id, told.state, told.decided_by, told.note) == (first.id, "resolved", "tracejoin", "quiet for 14 days")
    world.fail()
    (back,) = payloads(world)
    assert (back.id, back.state) == (first.id, "regressed")


def test_that_it_came_back_replaces_the_decision(world):
    """Resolved, and a later trace before the sweep: it is a regression, and nobody is told that it was resolved."""
    world.fail()
    world.wait(120)
    world.decide("resolve")
    world.wait(120)
    world.fail()
    world.resolver().sweep()
    assert world.topic.told() == ["new", "regressed"]


def test_growth_is_told_after_the_decision(world):
    """It passed its mark while somebody acknowledged it: both are told, by the same worker, in this order."""
    world.fail()
    worker = world.resolver()
    # with the hourly look at everything
    worker.sweep()
    topic, world.topic = world.topic, None
    world.fail(times=3)
    world.topic = topic
    world.decide("ack")
    worker.sweep()
    assert world.topic.told() == ["new", "acknowledged"]
    worker.sweep()
    assert world.topic.told() == ["growing"]


def test_one_whose_traces_are_deleted_is_told(world):
    """No example is needed; the number of traces is what was noted before."""
    world.fail(times=2)
    world.wait(15 * DAY)
    world.resolver().sweep()
    world.topic.sent.clear()
    world.store.request("POST", f"/{world.store.prefix}-traces/_delete_by_query", {"query": {"match_all": {}}})
    world.resolver().sweep()
    (told,) = payloads(world)
    assert (told.state, told.count, told.trace_id) == ("resolved", 2, "")


def test_decisions_wait_for_no_window_and_take_no_fault_s_place(world):
    """In a window in which the service had its three messages, decisions are told, one message each; a new fault still waits."""
    causes = [replace(NO_STOCK, name=word, message=f"no {word * 3} for order <number>") for word in "abcdef"]
    for cause in causes[:3]:
        world.fail(cause)
    assert world.topic.told() == ["new"] * 3
    for issue in world.issues().values():
        world.decide("ack", issue=issue)
    world.fail(causes[3])
    assert world.topic.told() == ["acknowledged"] * 3
    world.wait(WINDOW_MS / 1000)
    for cause in causes[4:]:
        world.ship(cause)
    for issue in world.issues().values():
        world.decide("resolve", issue=issue)
    world.resolver().sweep()
    assert sorted(world.topic.told()) == ["new"] * 2 + ["resolved"] * 3, "the fourth was resolved before anybody was told of it"


@pytest.mark.parametrize(("before", "times"), [(True, 1), (False, 2)])
def test_a_crash_around_the_message(world, before, times):
    """Before it is out, it is told later; between sending and marking, the one window, it is told again; never before the lease is over."""
    world.fail()
    world.topic.told()
    world.decide("resolve")

    def crash():
        raise Crash

    setattr(world.topic, "before" if before else "after", crash)
    with pytest.raises(Crash):
        world.resolver().sweep()
    world.topic.before = world.topic.after = lambda: None
    assert world.resolver().sweep().alerts.sent == 0, "the lease is still the dead one's"
    for _ in range(2):
        world.wait(LEASE_MS / 1000)
        world.resolver().sweep()
    assert world.topic.told() == ["resolved"] * times


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, 5))
def test_a_crash_at_any_write_of_a_sweep_that_tells(world, number, after):
    """Wherever it dies, the decision is told once, or in the one window twice."""
    world.fail()
    world.topic.told()
    world.decide("resolve")
    with crashing(world.store, number, after=after) as died:
        try:
            world.resolver().sweep()
        except Crash:
            assert died
    for _ in range(3):
        world.wait(LEASE_MS / 1000)
        world.resolver().sweep()
    told = world.topic.told()
    assert told in (["resolved"], ["resolved", "resolved"])
    assert len(told) == 1 or died
    assert world.issue.due == ""


@both_kinds
def test_sweeps_at_once_tell_once(world):
    """Six of them, of four issues that were resolved: a message for each."""
    for word in ("a", "b", "c", "d"):
        world.fail(replace(NO_STOCK, name=word, message=f"no {word * 3} for order <number>"))
        world.wait(WINDOW_MS / 1000)
    world.wait(LEASE_MS / 1000)
    assert len(world.topic.told()) == 4
    for issue in world.issues().values():
        world.decide("resolve", issue=issue)
    threads = [threading.Thread(target=lambda: world.resolver().sweep()) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.wait(LEASE_MS / 1000)
    world.resolver().sweep()
    assert world.topic.told() == ["resolved"] * 4


def test_what_is_decided_while_a_message_goes_out_is_told(world):
    """The person read the first message before it was marked, and resolves the issue: that is told, with the next sweep."""

    def resolve():
        world.topic.after = lambda: None
        world.decide("resolve")

    world.topic.after = resolve
    world.fail()
    world.resolver().sweep()
    assert world.topic.told() == ["new", "resolved"]


def test_a_hundred_quiet_issues_hold_no_person_up(world):
    """A hundred messages a sweep, what a person decided before what went quiet; the others with the next sweeps."""
    world.fail()
    world.topic.told()
    (issue,) = world.issues().values()
    quiet = Change(at=1, by="tracejoin", state="resolved", note="quiet for 14 days")
    made = [
        msgspec.structs.replace(issue, id=f"{number:016x}", seq_no=-1, primary_term=-1).decided(quiet)
        for number in range(MOST_DECISIONS + 5)
    ]
    IssueRecords(world.store).change({each.id: each for each in made}, lambda _, wanted: wanted)
    world.decide("resolve", issue=issue)
    assert world.resolver().sweep().alerts.sent == MOST_DECISIONS
    assert {told.decided_by for told in payloads(world)[:MOST_DECISIONS]} == {"ann", "tracejoin"}
    assert world.resolver().sweep().alerts.sent == 6
    assert {told.decided_by for told in payloads(world)} == {"tracejoin"}


def test_a_topic_that_is_away_loses_no_decision(world):
    """SNS does not take it: it stays due, and the next sweep tells it."""
    world.fail()
    world.topic.told()
    world.decide("ack")

    world.topic.before = lambda: (_ for _ in ()).throw(UnavailableError("SNS is away"))
    done = world.resolver().sweep()
    assert (done.alerts.sent, done.alerts.failures, done.alerts.held) == (0, ("SNS is away",), ())
    world.topic.before = lambda: None
    world.resolver().sweep()
    assert world.topic.told() == ["acknowledged"]


def test_an_issue_that_turns_out_to_be_another_one_is_told_as_before(world):
    """While X-Ray was away its lines told it, without an entry; who resolves what it is now ends what was told then."""
    ids = world.ship()
    Resolver(store=world.store, source=Refuses(), settings=world.settings, topic=world.topic, clock=lambda: world.now).resolve(ids)
    (first,) = payloads(world)
    (former,) = IssueRecords(world.store).scan({"match_all": {}})
    world.wait(3600)
    world.resolver().sweep(force=True)
    assert payloads(world) == []
    world.store.refresh()
    (issue,) = (each for each in IssueRecords(world.store).scan({"match_all": {}}) if each.id != former.id)
    world.decide("resolve", issue=issue)
    world.resolver().sweep()
    (told,) = payloads(world)
    assert (told.id, told.state) == (first.id, "resolved")
    assert told.next_steps[0] == f"tracejoin issue {issue.id}"


class Refuses:
    """X-Ray refuses the role."""

    name, calls = "BatchGetTraces", 0

    def look_up(self, wanted):
        """Nothing is found of any trace."""
        return dict.fromkeys(wanted, LookupResult("denied", reason="no"))


def test_each_trace_told_by_itself_tells_no_decision(store, settings):
    """With AlertPer=trace; what was decided meanwhile about an issue that was told before is told after a switch back."""
    world = IssueWorld(store, settings)
    world.fail()
    world.topic.told()
    world.settings = replace(settings, alert_per="trace")
    world.decide("resolve")
    world.resolver().sweep(force=True)
    assert world.topic.sent == []
    world.settings = settings
    world.resolver().sweep()
    assert world.topic.told() == ["resolved"]
