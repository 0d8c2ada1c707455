"""Order does not matter: hypothesis drives deliveries, look-ups, losses, crashes and races; the end is always the calm order's."""

import itertools
import json
import re
import secrets
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as limits_of
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from pipeline.resolve import Resolver
from pipeline.search.search import documents
from pipeline.store.trace_records import TraceRecords
from tests.functional.test_ship import shipped
from tests.functional.world import BEGAN, Visible, World

_EFFECTS = ("write", "bulk")
_CHAOS_SECONDS = 400
_serial = itertools.count()


class _Crash(Exception):
    pass


class Case:
    """One world, one store, and the workers between them."""

    def __init__(self, store, options, salt):
        self.store, self.options, self.world = store, options, World(salt)
        self.now = BEGAN / 1000 + 1
        self.xray = Visible()
        self.hidden = list(self.world.documents)
        self.messages = []
        self.undelivered = set(range(len(self.world.batches)))

    def reveal(self, number):
        """Makes a segment document visible at X-Ray."""
        self.xray.documents.append(self.hidden.pop(number))

    def deliver(self, number):
        """Ships a batch, as CloudWatch Logs hands it over; the hint goes to the queue."""
        unsettled = shipped(self.world.batches[number], self.store, self.options).unsettled
        self.undelivered.discard(number)
        if unsettled:
            self.messages.append(unsettled)

    def meanwhile(self):
        """What another worker may do in the middle of this one's work: it sees more, and is done first."""
        if self.hidden:
            self.reveal(0)
        if self.undelivered:
            self.deliver(min(self.undelivered))
        self.resolver().sweep(force=True)

    def resolver(self):
        """A worker that starts anew."""
        return Resolver(store=self.store, source=self.xray, settings=self.options, clock=lambda: self.now)

    def handle(self, *numbers):
        """Works off messages; what is unsettled becomes a new one."""
        unsettled = self.resolver().resolve([id_ for number in numbers for id_ in self.messages[number]]).unsettled
        if unsettled:
            self.messages.append(unsettled)

    def finish(self):
        """Everything is there, what failed comes again, and the sweep runs until nothing is open; returns the documents."""
        while self.hidden:
            self.reveal(0)
        for number in sorted(self.undelivered):
            self.deliver(number)
        for _ in range(8):
            self.now += 650
            if not self.resolver().sweep().unsettled:
                break
        return self.documents()

    def documents(self):
        """Every document of the world, but for what tells how often something was tried."""
        self.store.refresh()
        ours = [{"terms": {"traceId": self.world.traces}}, {"term": {"aws.logStream": self.world.salt}}]
        found = documents(self.store.search({"query": {"bool": {"should": ours}}, "size": 1000}))
        for document in found:
            document.get("trace", {}).pop("version", None)
            # of attributes in which this world's own ids stand
            document.pop("digest", None)
            if document["doc"]["kind"] == "trace":
                document["state"].pop("lookups", None)
        number = str(int(self.world.salt[:8], 16))
        text = json.dumps(sorted(found, key=lambda document: (document["doc"]["kind"], document["_id"])), sort_keys=True)
        salt = self.world.salt
        for own in (salt, f"{salt[:8]}-{salt[8:12]}", salt[8:], number):
            text = text.replace(own, "…")
        # the hash of account, log group and log stream, of which the last is this world's own
        text = re.sub(r"[0-9a-f]{20}-(?=0*…)", "", text)
        return sorted(json.loads(text), key=lambda document: json.dumps(document, sort_keys=True))


@contextmanager
def disturbed(case, at, how):
    """Something happens at the ``at``-th side effect: a crash before or after it, or another worker meanwhile."""
    count = itertools.count()
    originals = {name: getattr(case.store, name) for name in _EFFECTS}
    busy = [False]

    def wrapped(name):
        def effect(*arguments, **more):
            if busy[0] or (name == "bulk" and more.get("places")) or next(count) != at:
                return originals[name](*arguments, **more)
            if how == "crash before":
                raise _Crash
            if how == "meanwhile":
                busy[0] = True
                case.meanwhile()
                busy[0] = False
            answer = originals[name](*arguments, **more)
            if how == "crash after":
                raise _Crash
            return answer

        return effect

    for name in _EFFECTS:
        setattr(case.store, name, wrapped(name))
    try:
        yield
    except _Crash:
        pass
    finally:
        for name in _EFFECTS:
            setattr(case.store, name, originals[name])


effects = st.none() | st.tuples(st.integers(0, 6), st.sampled_from(["crash before", "crash after", "meanwhile"]))


class Schedule(RuleBasedStateMachine):
    """Any schedule of what can happen between CloudWatch Logs, SQS, X-Ray and OpenSearch."""

    store = options = calm = None

    @initialize()
    def begin(self):
        self.case = Case(self.store, self.options, new_salt())
        for number in (0, 2, 5, 22):
            self.case.deliver(number)

    def do(self, effect, action):
        if effect is None:
            action()
            return
        with disturbed(self.case, *effect):
            action()

    @rule(data=st.data(), effect=effects)
    def deliver(self, data, effect):
        number = data.draw(st.integers(0, len(self.case.world.batches) - 1))
        self.do(effect, lambda: self.case.deliver(number))

    @rule(data=st.data(), fate=st.sampled_from(["deleted", "delivered again", "lost"]), effect=effects)
    def message(self, data, fate, effect):
        case = self.case
        if not case.messages:
            case.messages.append(tuple(case.world.traces))
        number = data.draw(st.integers(0, len(case.messages) - 1))
        if fate != "lost":
            self.do(effect, lambda: case.handle(number))
        if fate != "delivered again":
            del case.messages[number]

    @rule(effect=effects, force=st.booleans())
    def sweep(self, effect, force):
        self.do(effect, lambda: self.case.resolver().sweep(force=force))

    @rule(data=st.data())
    def reveal(self, data):
        if self.case.hidden:
            self.case.reveal(data.draw(st.integers(0, len(self.case.hidden) - 1)))

    @rule(seconds=st.sampled_from([5, 12, 40]))
    def advance(self, seconds):
        if self.case.now - BEGAN / 1000 + seconds < _CHAOS_SECONDS:
            self.case.now += seconds

    def teardown(self):
        if hasattr(self, "case"):
            assert self.case.finish() == self.calm


def new_salt():
    """Sixteen hex digits that occur nowhere else; the first eight are also a decimal number of fixed length."""
    return f"{3_000_000_000 + next(_serial):08x}{secrets.token_hex(4)}"


def calm_order(store, options):
    """Each batch once, everything visible at once, one look-up when all is quiet."""
    case = Case(store, options, new_salt())
    while case.hidden:
        case.reveal(0)
    for number in range(len(case.world.batches)):
        case.deliver(number)
    case.now += 60
    case.handle(*range(len(case.messages)))
    return case.finish()


def test_the_calm_order_is_what_one_expects(store, settings):
    """The reference itself: each trace in the state that it ought to be in, each line where it ought to be."""
    found = calm_order(store, settings)
    kinds = [document["doc"]["kind"] for document in found]
    assert (kinds.count("log"), kinds.count("span"), kinds.count("trace")) == (29, 10, 9)
    states = {document["trace"]["state"] for document in found if document["doc"]["kind"] == "trace"}
    assert states == {"complete", "unsampled", "notFound"}
    stale = [document for document in found if document.get("staleTraceId")]
    assert {document["body"]: (document.get("segment") or {}).get("name") for document in stale} == {
        "about to fail": "stock",
        "stale": None,
    }
    homes = {document["body"]: (document.get("traceId"), document["idSource"]) for document in found if document["doc"]["kind"] == "log"}
    five, six, nine = (f"{BEGAN // 1000:08x}…{number:08x}" for number in (5, 6, 9))
    assert homes["Traceback (most recent call last): a bare line"] == (five, "stream")
    assert homes["stale"] == (five, "request")
    assert homes["GET /ship 200"] == (six, "request")
    assert homes["ERROR: whose am I?"] == (None, "none")
    assert homes["ERROR: a bare line in JSON"] == (nine, "stream")
    assert {document["transactionId"] for document in found if document.get("traceId") in {five, six}} == {five}


def test_any_schedule_ends_like_the_calm_one(request, store, settings):
    """After the last message every document equals the one that the calm order gives; shorter where a refresh takes its time."""
    real = "real" in request.node.name
    Schedule.store, Schedule.options, Schedule.calm = store, settings, calm_order(store, settings)
    run_state_machine_as_test(Schedule, settings=limits(6 if real else 60, 15 if real else 25))


def limits(examples, steps):
    """Hypothesis' settings: no time limit on an example, since servers are asked."""
    return limits_of(max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
                    phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))  # fmt: skip


WAYS = list(itertools.product(range(6), ["crash before", "crash after", "meanwhile"], [0, 1]))
# all of them where that is quick, a quarter of them where a refresh takes its time
ENDS = [("embedded", *way) for way in WAYS] + [pytest.param("real", *way, marks=pytest.mark.opensearch) for way in WAYS[::4]]


@pytest.mark.parametrize(("endpoint", "at", "how", "hidden"), ENDS, indirect=["endpoint"])
def test_a_worker_may_die_at_any_side_effect(store, settings, at, how, hidden):
    """Each write of a look-up that finds all, or all but one segment, is its worker's last, or the moment in which another is faster."""
    case = Case(store, settings, new_salt())
    case.now += 30
    while len(case.hidden) > hidden:
        case.reveal(0)
    for number in range(len(case.world.batches)):
        case.deliver(number)
    with disturbed(case, at, how):
        case.handle(*range(len(case.messages)))
    assert case.finish() == calm_order(store, settings)


def test_a_line_that_comes_between_the_verdict_and_its_end(store, settings):
    """The worker dies when everything is written but the note that it is; a line that says something new comes; nothing of it is lost."""
    case = Case(store, settings, new_salt())
    case.now += 30
    while case.hidden:
        case.reveal(0)
    for number in (0, 1, *range(3, len(case.world.batches))):
        case.deliver(number)
    settle = TraceRecords.settle
    TraceRecords.settle = lambda *_: None
    try:
        case.handle(*range(len(case.messages)))
    finally:
        TraceRecords.settle = settle
    case.deliver(2)
    case.messages.clear()
    assert case.finish() == calm_order(store, settings)
