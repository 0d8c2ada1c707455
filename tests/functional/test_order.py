"""Order does not matter: hypothesis drives deliveries, look-ups, losses, crashes and races; the end is always the calm order's."""

import itertools
import uuid
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as limits_of
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from pipeline.hint_queue import Hint
from pipeline.settings import Settings
from pipeline.store.client import Store
from pipeline.store.trace_records import TraceRecords
from tests.support.disturbances import disturbed
from tests.support.stores import KINDS, installed
from tests.support.world import BEGAN, Case, calm_order, new_salt

_CHAOS_SECONDS = 400


effects = st.none() | st.tuples(st.integers(0, 6), st.sampled_from(["crash before", "crash after", "meanwhile"]))


class Schedule(RuleBasedStateMachine):
    """Any schedule of what can happen between CloudWatch Logs, SQS, X-Ray and OpenSearch."""

    store = options = calm = None

    @initialize()
    def begin(self):
        self.case = Case(self.store, self.options, new_salt())
        for number in (0, 2, 5, 21, len(self.case.world.batches) - 1):
            self.case.deliver(number)

    def do(self, effect, action):
        if effect is None:
            action()
            return
        with disturbed(self.case.store, *effect, self.case.meanwhile):
            action()

    @rule(data=st.data(), effect=effects)
    def deliver(self, data, effect):
        number = data.draw(st.integers(0, len(self.case.world.batches) - 1))
        self.do(effect, lambda: self.case.deliver(number))

    @rule(data=st.data(), fate=st.sampled_from(["deleted", "delivered again", "lost"]), effect=effects)
    def message(self, data, fate, effect):
        case = self.case
        if not case.messages:
            case.messages.append(Hint(tuple(case.world.traces)))
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


@dataclass(frozen=True)
class Calm:
    """A store for many worlds, and the documents of one that was shipped and looked up in the calm order."""

    store: Store
    settings: Settings
    documents: list


@pytest.fixture(scope="module", params=KINDS)
def calm(request):
    """The calm order's end on an OpenSearch of each kind."""
    settings = Settings(
        endpoint=request.getfixturevalue(f"{request.param}_endpoint"), prefix=f"t{uuid.uuid4().hex[:10]}", region="eu-west-1"
    )
    with installed(settings) as store:
        yield Calm(store, settings, calm_order(store, settings))


def test_the_calm_order_is_what_one_expects(calm):
    """The reference itself: each trace in the state that it ought to be in, each line where it ought to be."""
    found = calm.documents
    kinds = [document["doc"]["kind"] for document in found]
    assert (kinds.count("log"), kinds.count("span"), kinds.count("trace")) == (77, 16, 13)
    states = {document["trace"]["state"] for document in found if document["doc"]["kind"] == "trace"}
    assert states == {"complete", "unsampled", "notFound"}
    stale = [document for document in found if document.get("staleTraceId")]
    assert {document["body"]: (document.get("segment") or {}).get("name") for document in stale} == {
        "about to fail": "stock",
        "stale": None,
    }
    assigned = {document["body"]: (document.get("traceId"), document["idSource"]) for document in found if document["doc"]["kind"] == "log"}
    five, six, nine, ten, eleven = (f"{BEGAN // 1000:08x}…{number:08x}" for number in (5, 6, 9, 10, 11))
    assert assigned["Traceback (most recent call last): a bare line"] == (five, "stream")
    assert assigned["stale"] == (five, "request")
    assert assigned["GET /ship 200"] == (six, "request")
    assert assigned["ERROR: whose am I?"] == (None, "none")
    assert assigned["ERROR: a bare line in JSON"] == (nine, "stream")
    assert {document["transactionId"] for document in found if document.get("traceId") in {five, six}} == {five}
    assert {document["transactionId"] for document in found if document.get("traceId") in {ten, eleven}} == {ten}
    # an attempt that failed is no finding; an error in one that went well is
    twelve, thirteen = (f"{BEGAN // 1000:08x}…{number:08x}" for number in (12, 13))
    durable = [document for document in found if document.get("traceId") in {twelve, thirteen}]
    assert {(document["traceId"], document["transactionId"], document["trace"]["hiddenFault"]) for document in durable} == {
        (twelve, twelve, False),
        (thirteen, twelve, True),
    }
    # an HTTP API's access line has its trace, its span and its segment from its integration's request
    (access,) = (document for document in found if document.get("body") == "GET /cart 200")
    assert (access["traceId"], access["idSource"], access["spanId"], access["segment"]["name"]) == (
        ten,
        "request",
        "1010101010101010",
        "cart",
    )
    (access,) = (document for document in found if document.get("body") == "GET /x 502")
    assert (access["traceId"], access["idSource"], access["segment"]["name"], access["trace"]["edgeStatus"]) == (
        eleven,
        "inline",
        "rest/prod",
        502,
    )


def test_any_schedule_ends_like_the_calm_one(request, calm):
    """After the last message every document equals the one that the calm order gives; shorter where a refresh takes its time."""
    real = request.node.get_closest_marker("opensearch")
    Schedule.store, Schedule.options, Schedule.calm = calm.store, calm.settings, calm.documents
    run_state_machine_as_test(Schedule, settings=limits(4 if real else 12, 12 if real else 30))


def test_any_schedule_ends_alike_where_only_notable_lines_are_written(request, calm):
    """Read through the records, every document equals that of the calm order that writes all lines."""
    real = request.node.get_closest_marker("opensearch")
    Schedule.store, Schedule.options, Schedule.calm = calm.store, replace(calm.settings, enrich_lines="notable"), calm.documents
    run_state_machine_as_test(Schedule, settings=limits(3 if real else 12, 12 if real else 30))


def limits(examples, steps):
    """Hypothesis' settings: no time limit on an example, since servers are asked."""
    return limits_of(max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
                    phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))  # fmt: skip


EVENTS = ["crash before", "crash after", "meanwhile"]
# every other one hides a segment; all of them where that is quick, a fifth of them where a refresh takes its time
WAYS = [(at, how, (at + EVENTS.index(how)) % 2) for at, how in itertools.product(range(6), EVENTS)]
ENDS = [("embedded", *way) for way in WAYS] + [pytest.param("real", *way, marks=pytest.mark.opensearch) for way in WAYS[::5]]


@pytest.mark.parametrize("lines", ["all", "notable"])
@pytest.mark.parametrize(("calm", "at", "how", "hidden"), ENDS, indirect=["calm"])
def test_a_worker_may_die_at_any_side_effect(calm, at, how, hidden, lines):
    """Each write of a look-up that finds all, or all but one segment, is its worker's last, or the moment in which another is faster."""
    case = Case(calm.store, replace(calm.settings, enrich_lines=lines), new_salt())
    case.now += 30
    while len(case.hidden) > hidden:
        case.reveal(0)
    for number in range(len(case.world.batches)):
        case.deliver(number)
    with disturbed(case.store, at, how, case.meanwhile):
        case.handle(*range(len(case.messages)))
    assert case.finish() == calm.documents


def writes_nothing(*_):
    """A writer that has nothing to write."""
    yield []
    return {}


@pytest.mark.parametrize("calm", ["embedded"], indirect=True)
def test_a_line_that_comes_between_the_verdict_and_its_end(calm):
    """The worker dies when everything is written but the note that it is; a line that says something new comes; nothing of it is lost."""
    case = Case(calm.store, calm.settings, new_salt())
    case.now += 30
    while case.hidden:
        case.reveal(0)
    for number in (0, 1, *range(3, len(case.world.batches))):
        case.deliver(number)
    settle = TraceRecords.settling
    TraceRecords.settling = writes_nothing
    try:
        case.handle(*range(len(case.messages)))
    finally:
        TraceRecords.settling = settle
    case.deliver(2)
    case.messages.clear()
    assert case.finish() == calm.documents
