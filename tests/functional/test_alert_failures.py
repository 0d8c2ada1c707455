"""Alerts where something refuses, is away, or changes its mind: at least once always, and one bad trace stops no other."""

import shlex
from collections import Counter
from dataclasses import replace

import msgspec
import pytest

from pipeline.alert import dispatch as dispatch_module
from pipeline.alert.dispatch import LEASE_MS, Dispatcher
from pipeline.alert.grouping import WINDOW_MS
from pipeline.alert.outbox import Outbox
from pipeline.alert.sns import Topic
from pipeline.configure import console_links_for
from pipeline.errors import BadInputError, UnavailableError
from pipeline.local.inbox import Inbox
from pipeline.resolve import Resolver
from pipeline.store.results import ItemResult
from tests.support.events import NOW, TRACE, Traces, function, lambda_event, powertools, report, service
from tests.support.shipping import shipped
from tests.support.stores import both_kinds

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
AT = "2026-11-24T10:00:00.000Z"
LONG = "漢" * 1000


class Recorder:
    """A topic that keeps what it is told; refuses or runs what a test wants first."""

    def __init__(self):
        self.sent = []
        self.before = lambda subject: None

    def publish(self, subject, text, attributes):
        self.before(subject)
        self.sent.append((subject, text, attributes))


class World:
    """A store with notes that are due, a clock, and a dispatcher."""

    def __init__(self, store, settings):
        self.store, self.settings, self.topic, self.now = store, settings, Recorder(), NOW / 1000

    def dispatch(self, topic=None):
        """One run of a new worker."""
        outbox = Outbox(self.store)
        return Dispatcher(self.store, outbox, topic or self.topic, console_links_for(self.settings), lambda: self.now).dispatch(["waiting"])

    def resolver(self, *documents):
        """A worker whose X-Ray has these documents."""
        return Resolver(store=self.store, source=Traces(*documents), settings=self.settings, topic=self.topic, clock=lambda: self.now + 60)

    def note(self, *services, findings=None):
        """A settled trace with a note that is due, for each service."""
        lines = []
        for number, name in enumerate(services):
            id_, prefix = f"{NOW // 1000:08x}{number:024x}", self.store.prefix
            found = [finding(name)] if findings is None else findings
            trace = {"@timestamp": AT, "lastSeenAt": AT, "traceId": id_, "settled": True, "findings": found, "state": {},
                     "trace": {"state": "complete", "edgeStatus": 200, "clientSaw": "success", "version": 1}}  # fmt: skip
            note = {"@timestamp": AT, "traceId": id_, "rule": "timeout", "serviceName": name, "alert": {"state": "due", "group": name}}
            lines += [{"index": {"_index": f"{prefix}-traces", "_id": id_}}, trace]
            lines += [{"index": {"_index": f"{prefix}-alerts", "_id": f"{id_}-timeout"}}, note]
        assert all(result.ok for result in self.store.write(lines))

    def notes(self):
        """How many notes are in which state."""
        self.store.refresh()
        found = self.store.scan({"exists": {"field": "rule"}}, index=f"{self.store.prefix}-alerts")
        return dict(Counter(hit.source["alert"]["state"] for hit in found))


def finding(name, number=0, text="it took too long"):
    """A finding as a trace document holds it."""
    return {"rule": "timeout", "severity": "alert", "serviceName": name, "spanId": f"{number:016x}", "path": ["a", text], "reported": "200",
            "evidence": f"{text} {number}", "clientSaw": "success", "exceptionType": text, "exceptionMessage": f"{text} {number}"}  # fmt: skip


@pytest.fixture
def settings(settings):
    """Settings by which each trace is told."""
    return replace(settings, alert_per="trace")


@pytest.fixture
def world(store, settings):
    """Notes, clock and topic of the test's own."""
    return World(store, settings)


def failing(store, settings):
    """Ships a trace that fails behind a 200, and returns the documents that X-Ray has of it."""
    shipped(lambda_event([powertools("a"), report()]), store, settings)
    return service(error=True), function(**FAILED)


def is_mark(lines):
    """Whether a write marks alerts as sent."""
    return any("sent" in str(line.get("doc", {}).get("alert")) for line in lines)


def change(store, **content):
    """Changes the trace's document as another worker would."""
    store.write([{"update": {"_index": f"{store.prefix}-traces", "_id": TRACE}}, {"doc": content}])


def test_what_was_withdrawn_is_due_again_when_its_rule_fires_again(world):
    """The trace turned out to be sound, and then to be faulty after all: somebody is told, once."""
    documents = failing(world.store, world.settings)

    def away(subject):
        raise UnavailableError("SNS is away")

    world.topic.before = away
    world.resolver(*documents).resolve([TRACE])
    world.topic.before = lambda subject: None
    change(world.store, findings=[])
    assert world.resolver(*documents).sweep().alerts.withdrawn == 1
    change(world.store, settled=False, trace={"version": 1, "state": "partial"})
    again = world.resolver(*documents).sweep()
    world.resolver(*documents).sweep()
    assert (len(world.topic.sent), again.new_faults, world.notes()) == (1, {}, {"sent": 1})


@both_kinds
def test_a_note_that_is_renewed_meanwhile_is_not_withdrawn(world):
    """One worker saw the rule fire no more; before it says so, another one notes that it fires: the note stays due."""
    documents = failing(world.store, world.settings)
    silent = Outbox(world.store)
    worker = Resolver(store=world.store, source=Traces(*documents), settings=world.settings, clock=lambda: world.now + 60)
    worker._outbox = silent
    worker.resolve([TRACE])
    world.store.refresh()
    slow = Outbox(world.store)
    (due,) = slow.pending()
    change(world.store, settled=False, trace={"version": 1, "state": "partial"})
    worker.resolve([TRACE])
    assert slow.withdraw([due], int(world.now * 1000)) == 0
    assert world.notes() == {"due": 1}


def test_a_message_that_sns_never_takes_stops_no_other(world):
    """Its trace stays due and the failure is told; the others are told of."""
    world.note("a-first", "b-bad", "c-last")

    def refuse(subject):
        if "bad" in subject:
            raise BadInputError("SNS does not take an alert: InvalidParameter")

    world.topic.before = refuse
    done = world.dispatch()
    assert (done.sent, len(done.failures), world.notes()) == (2, 1, {"sent": 2, "due": 1})
    world.topic.before = lambda subject: None
    world.now += WINDOW_MS / 1000
    assert (world.dispatch().sent, world.notes()) == (1, {"sent": 3})


def test_sns_says_which_messages_it_never_takes(aws, settings):
    """The real client's errors: too long is bad input, a topic that is not there may come."""
    inbox = Inbox(aws, settings.prefix)
    with pytest.raises(BadInputError):
        Topic(inbox.client, inbox.arn).publish("s", "x" * 300_000, {})
    with pytest.raises(UnavailableError):
        Topic(inbox.client, f"{inbox.arn}-gone").publish("s", "x", {})


@pytest.mark.opensearch
def test_the_largest_findings_fit_into_a_message(world, aws, settings):
    """A dozen traces with a hundred long failures each: SNS takes it, and each example still says where to look."""
    inbox = Inbox(aws, settings.prefix)
    world.note(*["orders"] * 12, findings=[finding("orders", number, LONG) for number in range(100)])
    assert world.dispatch(Topic(inbox.client, inbox.arn)).failures == ()
    (message,) = inbox.receive()
    assert message.text.count("tracejoin why 1-") == 10
    world.note("orders", findings=[finding("orders", number, LONG) for number in range(100)])
    world.now += WINDOW_MS / 1000
    world.dispatch(Topic(inbox.client, inbox.arn))
    (message,) = inbox.receive()
    assert message.text.count("tracejoin why 1-") == 1
    assert "95 further failures" in message.text


def test_nobody_writes_lines_into_a_message(world):
    """What steers a terminal, and a name that would begin a line of its own, stay within their value."""
    world.note("pay\x00\x1b[2J", findings=[finding("pay\x00\x1b[2J\nX-Ray  https://evil.example", text="a\x07b\nrules  none\x85\u2028c")])
    world.dispatch()
    ((subject, text, attributes),) = world.topic.sent
    assert all(letter.isprintable() for letter in subject + text.replace("\n", "") + "".join(attributes.values()))
    assert [line for line in text.splitlines() if line.startswith(("X-Ray  https://evil", "rules  none"))] == []


def test_the_command_in_a_message_is_safe_to_paste(world):
    """A service name that would be a command of its own stays one word of the shell."""
    evil = "pay'; touch /tmp/x; '"
    world.note(*[evil] * 5)
    world.dispatch()
    ((_, text, _),) = world.topic.sent
    command = next(line for line in text.splitlines() if line.startswith("all of them: ")).removeprefix("all of them: ")
    assert shlex.split(command)[:2] + shlex.split(command)[4:6] == ["tracejoin", "faults", "--service", evil]


def test_a_trace_that_is_judged_anew_while_it_is_told_of_breaks_nothing(world):
    """Its findings are gone between the check and the message: the message says less, and the others go out."""
    world.note("a", "b")
    get_many, calls = world.store.get_many, []

    def emptied(addresses, *, source=()):
        calls.append(source)
        hits = get_many(addresses, source=source)
        return [msgspec.structs.replace(hit, source=hit.source | {"findings": []}) for hit in hits] if "state" in source else hits

    world.store.get_many = emptied
    assert (world.dispatch().sent, len(world.topic.sent)) == (2, 2)
    world.store.get_many = get_many


def test_a_later_rule_s_message_is_about_that_rule(world):
    """What the trace was told of before is not what the new message begins with."""
    first = finding("deep", 1, "FirstError") | {"rule": "crash", "depth": 9}
    world.note("orders", findings=[first, finding("orders", 2, "SecondError")])
    world.dispatch()
    ((subject, text, _),) = world.topic.sent
    assert ("SecondError" in subject, "FirstError" in text) == (True, False)


@pytest.mark.parametrize("call", ["get_many", "scan", "refresh"])
def test_opensearch_that_is_away_while_sending_fails_no_run(world, monkeypatch, call):
    """The traces that wait are held, the failure is told, and the next run sends: it need not wait for the lease to run out."""
    world.note("orders")
    with monkeypatch.context() as patched:
        calls = []
        real = getattr(world.store, call)

        def dying(*arguments, **more):
            calls.append(call)
            # the lease is read before the traces are
            if call == "get_many" and len(calls) == 1:
                return real(*arguments, **more)
            raise UnavailableError("OpenSearch is away")

        patched.setattr(world.store, call, dying)
        done = world.dispatch()
    assert (done.sent, done.held, done.failures) == (0, ("waiting",), ("OpenSearch is away",))
    assert (world.dispatch().sent, world.notes()) == (1, {"sent": 1})


def test_a_mark_that_fails_for_a_moment_is_made_again(world, monkeypatch):
    """A blip of OpenSearch between sending and marking makes no second message."""
    monkeypatch.setattr(dispatch_module, "_PAUSES", (0, 0, 0))
    world.note("orders")
    write, blips = world.store.write, iter([True, True])

    def blinking(lines):
        if is_mark(lines) and next(blips, False):
            raise UnavailableError("for a moment")
        return write(lines)

    monkeypatch.setattr(world.store, "write", blinking)
    assert world.dispatch().failures == ()
    world.now += LEASE_MS / 1000 + 1
    world.dispatch()
    assert (len(world.topic.sent), world.notes()) == (1, {"sent": 1})


def test_nothing_is_sent_when_the_lease_may_be_another_s(world):
    """A slow SNS on a laptop, where nothing ends the run in time: what does not fit into the lease is left to the next."""
    world.note(*(f"s{number}" for number in range(8)))

    def slow(subject):
        world.now += 25

    world.topic.before = slow
    first = world.dispatch()
    assert (first.sent, len(first.held), first.failures) == (3, 5, ())
    world.topic.before = lambda subject: None
    world.now += WINDOW_MS / 1000
    world.dispatch()
    assert (Counter(subject for subject, _, _ in world.topic.sent).most_common(1)[0][1], world.notes()) == (1, {"sent": 8})


def test_a_mark_that_meets_another_writer_is_made_again(world, monkeypatch):
    """Another worker notes the same fault while the message goes out: OpenSearch refuses one mark (409), and nobody is told twice."""
    world.note("orders")
    write, meetings = world.store.write, iter([True])

    def meeting(lines):
        if is_mark(lines) and next(meetings, False):
            return [ItemResult(409) for _ in range(len(lines) // 2)]
        return write(lines)

    monkeypatch.setattr(world.store, "write", meeting)
    assert world.dispatch().failures == ()
    world.now += LEASE_MS / 1000 + 1
    world.dispatch()
    assert (len(world.topic.sent), world.notes()) == (1, {"sent": 1})
