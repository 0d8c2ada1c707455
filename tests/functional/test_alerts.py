"""Alerts through a real SNS client, against the embedded and a real OpenSearch: once for each trace and rule, whatever happens."""

import json
import threading
from collections import Counter
from dataclasses import replace

import pytest

from pipeline.alert.dispatch import LEASE_MS
from pipeline.alert.grouping import WINDOW_MS
from pipeline.alert.sns import Topic
from pipeline.errors import UnavailableError
from pipeline.local.inbox import Inbox
from pipeline.model.trace_ids import to_xray
from pipeline.resolve import Resolver
from tests.support.events import NOW, REQUEST, TRACE, Traces, function, lambda_event, powertools, report, service
from tests.support.shipping import shipped
from tests.support.stores import both_kinds

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
TIMED_OUT = f"2026-11-24T10:00:00.000Z {REQUEST} Task timed out after 3.00 seconds"


class Crash(BaseException):
    """The process is gone."""


@pytest.fixture
def settings(settings):
    """Settings by which each trace is told."""
    return replace(settings, alert_per="trace")


@pytest.fixture
def inbox(aws, settings):
    """A topic of the test's own, and who subscribed to it."""
    return Inbox(aws, settings.prefix)


class World:
    """A store, a clock, and workers that start anew each time."""

    def __init__(self, store, settings, topic, *documents):
        self.store, self.settings, self.topic, self.documents = store, settings, topic, documents
        self.now = NOW / 1000 + 60

    def resolver(self, topic=None):
        """A worker."""
        return Resolver(
            store=self.store, source=Traces(*self.documents), settings=self.settings, topic=topic or self.topic, clock=lambda: self.now
        )

    def notes(self):
        """The notes by id, with their state."""
        self.store.refresh()
        found = self.store.scan({"exists": {"field": "rule"}}, index=f"{self.store.prefix}-alerts")
        return {hit.id: hit.source["alert"]["state"] for hit in found}


@pytest.fixture
def world(store, settings, inbox):
    """A trace that fails behind a 200, shipped and not looked up yet."""
    shipped(lambda_event([powertools("a"), report()]), store, settings)
    return World(store, settings, Topic(inbox.client, inbox.arn), service(error=True), function(**FAILED))


class Dying:
    """A topic whose sender dies: before the message is out, or right after it."""

    def __init__(self, topic, *, sends):
        self.topic, self.sends = topic, sends

    def publish(self, subject, text, attributes):
        if self.sends:
            self.topic.publish(subject, text, attributes)
        raise Crash


@both_kinds
def test_a_fault_is_told_once(world, inbox):
    """One message with its evidence; a redelivered hint, a sweep and a redelivered log event tell nothing again."""
    first = world.resolver().resolve([TRACE])
    assert (first.alerts.sent, first.new_faults) == (1, {"orders": {"service-ok-function-failed": 1}})
    (message,) = inbox.receive()
    assert message.subject == "[tracejoin] orders: ValueError behind 200"
    assert f"tracejoin trace {to_xray(TRACE)}" in message.text
    assert message.attributes["rules"] == "service-ok-function-failed"
    shipped(lambda_event([powertools("a"), report()]), world.store, world.settings)
    for again in (world.resolver().resolve([TRACE], force=True), world.resolver().sweep(force=True)):
        assert (again.alerts.sent, again.new_faults) == (0, {})
    assert inbox.receive() == []
    assert world.notes() == {f"{TRACE}-service-ok-function-failed": "sent"}


def test_a_rule_that_fires_later_is_told_by_itself(world, inbox):
    """A late line brings a second rule: one more message, about that one."""
    world.resolver().resolve([TRACE])
    inbox.receive()
    late = shipped(lambda_event([TIMED_OUT, report()], at=NOW + 9, first=60), world.store, world.settings)
    world.now += WINDOW_MS / 1000
    world.resolver().resolve(late.unsettled)
    (message,) = inbox.receive()
    assert message.attributes["rules"] == "timeout"
    assert "/aws/lambda/orders in account 123456789012  “2026-11-24T10:00:00.000Z" in message.text
    assert set(world.notes().values()) == {"sent"}


def test_a_healthy_trace_costs_nothing(store, settings, inbox):
    """No note, no lease, no search."""
    shipped(lambda_event([powertools("a"), report()]), store, settings)
    world = World(store, settings, Topic(inbox.client, inbox.arn), service(), function())
    world.resolver().resolve([TRACE])
    store.refresh()
    assert list(store.scan({"match_all": {}}, index=f"{store.prefix}-alerts")) == []


def test_what_the_caller_saw_is_not_told(store, settings, inbox):
    """A notice is no alert."""
    shipped(lambda_event([powertools("a"), report()]), store, settings)
    seen = {
        "id": "a" * 16,
        "name": "api",
        "trace_id": to_xray(TRACE),
        "start_time": NOW / 1000,
        "end_time": NOW / 1000 + 1,
        "http": {"response": {"status": 502}},
        "fault": True,
    }
    world = World(store, settings, Topic(inbox.client, inbox.arn), seen, service(error=True, parent_id="a" * 16), function(**FAILED))
    assert world.resolver().resolve([TRACE]).hidden_faults == 0
    assert world.notes() == {}


@both_kinds
def test_workers_at_once_tell_once(world, inbox):
    """Eight workers take the same hint at the same time; whoever does not get to send leaves it to the others."""
    threads = [threading.Thread(target=lambda: world.resolver().resolve([TRACE])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.now += LEASE_MS / 1000
    world.resolver().sweep()
    assert len(inbox.receive()) == 1
    assert set(world.notes().values()) == {"sent"}


@pytest.mark.parametrize(("sends", "messages"), [(False, 1), (True, 2)])
def test_a_crash_around_the_message(world, inbox, sends, messages):
    """Before it is out: it is told later. Between sending and marking, the one window: it is told again. Never before the lease is over."""
    with pytest.raises(Crash):
        world.resolver(Dying(world.topic, sends=sends)).resolve([TRACE])
    assert world.resolver().sweep().alerts.sent == 0, "the lease is still the dead one's"
    world.now += LEASE_MS / 1000
    assert world.resolver().sweep().alerts.sent == 1
    assert len(inbox.receive()) == messages
    world.now += LEASE_MS / 1000
    world.resolver().sweep()
    assert inbox.receive() == []


def test_a_crash_before_the_note_settles_nothing(world, inbox, monkeypatch):
    """The note is made before the trace counts as settled: whoever comes next makes it."""
    dead = world.resolver()
    monkeypatch.setattr(dead._outbox, "enqueue", lambda *_: (_ for _ in ()).throw(Crash))
    with pytest.raises(Crash):
        dead.resolve([TRACE])
    world.resolver().sweep()
    assert len(inbox.receive()) == 1


def test_a_crash_after_the_note_loses_nothing(world, inbox, monkeypatch):
    """The note is there and due: the sweep tells it."""
    dead = world.resolver()
    monkeypatch.setattr(dead._dispatcher, "dispatch", lambda *_: (_ for _ in ()).throw(Crash))
    with pytest.raises(Crash):
        dead.resolve([TRACE])
    assert set(world.notes().values()) == {"due"}
    world.resolver().sweep()
    assert len(inbox.receive()) == 1


def test_sns_that_is_away_holds_nothing_up(world, inbox):
    """The trace settles, the failure is said, the note stays due, and the next run tells it."""

    class Away:
        def publish(self, *_):
            raise UnavailableError("SNS does not take an alert: away")

    done = world.resolver(Away()).resolve([TRACE])
    assert (done.settled, done.alerts.sent, done.alerts.failures) == (1, 0, ("SNS does not take an alert: away",))
    assert done.unsettled == (TRACE,), "so that it is tried again before the sweep"
    assert world.resolver().resolve(done.unsettled).alerts.sent == 1
    assert len(inbox.receive()) == 1


def test_a_topic_that_is_not_there_is_such_a_failure(world, inbox):
    """The real client's error, in one line."""
    gone = Topic(inbox.client, inbox.arn + "-gone")
    (reason,) = world.resolver(gone).resolve([TRACE]).alerts.failures
    assert reason.startswith("SNS does not take an alert:")
    assert "\n" not in reason


def test_what_is_no_fault_any_more_is_withdrawn(world, inbox):
    """Between the note and the message the trace turns out to be one that its caller saw fail."""
    dead = world.resolver()
    dead._dispatcher.dispatch = lambda *_: (_ for _ in ()).throw(Crash)
    with pytest.raises(Crash):
        dead.resolve([TRACE])
    access = json.dumps(
        {"requestId": "5" * 8, "xrayTraceId": to_xray(TRACE), "httpMethod": "GET", "status": "502", "integrationRequestId": REQUEST}
    )
    late = shipped(lambda_event([access], group="/aws/apigateway/x", first=90), world.store, world.settings)
    done = world.resolver().resolve(late.unsettled or [TRACE])
    world.resolver().sweep()
    assert inbox.receive() == []
    assert done.alerts.sent == 0
    assert set(world.notes().values()) == {"withdrawn"}


def test_a_worker_without_a_topic_leaves_it_to_one_that_has_one(world, inbox):
    """A laptop settles the trace and tells nobody; the stack's next sweep does."""
    topic, world.topic = world.topic, None
    assert world.resolver().resolve([TRACE]).new_faults == {"orders": {"service-ok-function-failed": 1}}
    assert world.notes() == {f"{TRACE}-service-ok-function-failed": "due"}
    world.resolver(topic).sweep()
    assert len(inbox.receive()) == 1


@pytest.mark.opensearch
def test_a_storm_comes_to_a_few_messages(store, settings, inbox):
    """Ten thousand faulty traces in a minute, noted in a hundred runs: a handful of messages, every trace told of once, the counts add up."""
    world = World(store, settings, Topic(inbox.client, inbox.arn))
    for run in range(100):
        world.now += 0.6
        lines = []
        for number in range(100):
            trace_id = f"{NOW // 1000:08x}{run * 100 + number:024x}"
            findings = [
                {
                    "rule": "timeout",
                    "severity": "alert",
                    "serviceName": "orders",
                    "spanId": "",
                    "path": [],
                    "reported": "",
                    "evidence": "timed out",
                    "clientSaw": "success",
                }
            ]
            at = f"2026-11-24T10:00:{run * 6 // 10:02d}.{number:03d}Z"
            lines += [{"index": {"_index": f"{store.prefix}-traces", "_id": trace_id}},
                      {"traceId": trace_id, "@timestamp": at, "findings": findings, "trace": {"clientSaw": "success", "edgeStatus": 200}},
                      {"create": {"_index": f"{store.prefix}-alerts", "_id": f"{trace_id}-timeout"}},
                      {"traceId": trace_id, "@timestamp": at, "rule": "timeout", "alert": {"state": "due", "group": "orders"}}]  # fmt: skip
        assert all(result.ok for result in store.write(lines))
        if run % 10 == 0:
            world.resolver()._dispatcher.dispatch()
    world.now += WINDOW_MS / 1000
    world.resolver().sweep()
    messages = inbox.receive()
    assert len(messages) <= 4
    assert sum(int(message.attributes["traces"]) for message in messages) == 10_000
    assert Counter(world.notes().values()) == {"sent": 10_000}
