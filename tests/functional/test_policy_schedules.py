"""A policy under schedules: faults late or early, redeliveries, crashes and races; each line is stored or counted, and no known fault loses one."""

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as limits_of
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from pipeline.resolve import Resolver
from pipeline.settings import Settings
from pipeline.store.client import Store
from pipeline.store.sampled_out import digest_of, read_sampled_out
from tests.support.disturbances import disturbed
from tests.support.events import NOW, Traces, end, lambda_event, powertools, report, start
from tests.support.policies import with_policy
from tests.support.shipping import shipped
from tests.support.stores import KINDS, installed

HOUR = 3600
_numbers = itertools.count(1)


class Traffic:
    """Six traces, none sampled, and a seventh that comes late.

    A healthy one; two that a correlation id joins; one whose error line comes late; one that a trace joins late which fails; and one that
    failed from the start. The last two batches bring the late faults.
    """

    def __init__(self, store, settings):
        self.store, self.settings = store, settings
        self.number = next(_numbers)
        self.now = NOW / 1000 + 60
        self.faults = {}
        self.batches = [
            self.batch(0), self.batch(1, "pair"), self.batch(2, "pair"), self.batch(3), self.batch(4, "late"), self.batch(5, level="ERROR"),
            [powertools("it broke", request=self.request(3), trace=self.trace(3), level="ERROR")],
            self.batch(6, "late", level="ERROR"),
        ]  # fmt: skip
        self.undelivered = set(range(len(self.batches)))

    def trace(self, of):
        return f"{NOW // 1000:08x}{self.number:08x}{of:016x}"

    def request(self, of):
        return f"{self.number:08x}-0000-4000-8000-{of:012d}"

    def batch(self, of, joined_by="", level="INFO"):
        more = {"correlation_id": f"{joined_by}-{self.number}"} if joined_by else {}
        work = powertools("work", request=self.request(of), trace=self.trace(of), level=level, **more)
        return [start(self.request(of)), work, "bare", end(self.request(of)), report(self.request(of), self.trace(of), sampled=False)]

    def deliver(self, number):
        self.ship(number)
        if number in {5, 6, 7}:
            # what is stored when a fault is known stays for ever
            of = {5: {5}, 6: {3}, 7: {4, 6}}[number]
            self.faults.setdefault(number, {id_ for each in of for id_ in self.stored(self.trace(each))})
        self.undelivered.discard(number)

    def ship(self, number):
        event = lambda_event(self.batches[number], stream=f"s-{self.number}-{number}", first=1000 * self.number + 10 * number)
        ids = shipped(event, self.store, self.settings).unsettled
        self.resolver().resolve(ids)

    def resolver(self):
        return Resolver(store=self.store, source=Traces(), settings=self.settings, clock=lambda: self.now)

    def sweep(self):
        return self.resolver().sweep(force=True)

    def meanwhile(self):
        """Another worker brings the faults, and sweeps."""
        for number in sorted(self.undelivered & {6, 7}):
            self.deliver(number)
        self.sweep()

    def stored(self, *trace_ids):
        self.store.refresh()
        query = {"bool": {"filter": [{"term": {"doc.kind": "log"}}, {"terms": {"traceId": list(trace_ids)}}]}}
        return [hit.id for hit in self.store.scan(query, index=self.store.lines_and_spans, source=False)]

    def finish(self):
        """Everything is there and old, and the sweep runs until nothing changes; then the invariants are checked."""
        for number in sorted(self.undelivered):
            self.deliver(number)
        for _ in range(4):
            self.now += 30 * HOUR
            self.sweep()
        traces = [self.trace(of) for of in range(7)]
        there = self.stored(*traces)
        records = {hit.id: hit.source for hit in self.store.get_many([(f"{self.store.prefix}-traces", id_) for id_ in traces])}
        gone = {id_: read_sampled_out(record.get("sampledOut")) for id_, record in records.items()}
        digests = [digest for each in gone.values() if each for digest in each.lines]
        everything = [*map(digest_of, there), *digests]
        assert len(everything) == len(set(everything)) == sum(map(len, self.batches)), "each line is stored or counted, once"
        assert not any(each.open for each in gone.values() if each)
        assert all(record["settled"] for record in records.values())
        for known in self.faults.values():
            assert known <= set(there), "what was stored when its fault became known is stored"
        assert self.stored(self.trace(0), self.trace(1), self.trace(2)) == [], "what stayed healthy is gone"
        assert not any(record.get("expendable") for record in records.values())


events = st.none() | st.tuples(st.integers(0, 8), st.sampled_from(["crash before", "crash after", "meanwhile"]))


class Schedule(RuleBasedStateMachine):
    """Any schedule of deliveries, sweeps and hours."""

    store = options = None

    @initialize()
    def begin(self):
        self.traffic = Traffic(self.store, self.options)
        for number in range(6):
            self.traffic.deliver(number)
        self.traffic.sweep()

    def do(self, event, action):
        if event is None:
            action()
            return
        with disturbed(self.traffic.store, *event, self.traffic.meanwhile):
            action()

    @rule(number=st.integers(0, 7))
    def deliver(self, number):
        self.traffic.deliver(number)

    @rule(event=events)
    def sweep(self, event):
        self.do(event, self.traffic.sweep)

    @rule(hours=st.sampled_from([0.3, 1.5, 4]))
    def advance(self, hours):
        self.traffic.now += hours * HOUR

    def teardown(self):
        if hasattr(self, "traffic"):
            self.traffic.finish()


@dataclass(frozen=True)
class Place:
    """A store for many schedules, and settings under which nothing healthy is kept."""

    store: Store
    settings: Settings


@pytest.fixture(scope="module", params=KINDS)
def place(request, tmp_path_factory):
    """An OpenSearch of each kind."""
    prefix = f"tp{next(_numbers)}{NOW % 100_000}"
    settings = Settings(endpoint=request.getfixturevalue(f"{request.param}_endpoint"), prefix=prefix, region="eu-west-1")
    with installed(settings) as store:
        yield Place(store, with_policy(settings, tmp_path_factory.mktemp("policy")))


def test_any_schedule_keeps_the_ledger_and_every_known_fault(request, place):
    """Whatever comes when, and whoever dies or is faster at which write."""
    real = request.node.get_closest_marker("opensearch")
    Schedule.store, Schedule.options = place.store, place.settings
    limits = limits_of(max_examples=4 if real else 25, stateful_step_count=12, deadline=None, database=None,
                       phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))  # fmt: skip
    run_state_machine_as_test(Schedule, settings=limits)


WAYS = list(itertools.product(range(8), ["crash before", "crash after", "meanwhile"]))


@pytest.mark.parametrize(
    ("place", "at", "how"),
    [*(("embedded", *way) for way in WAYS), *(pytest.param("real", *way, marks=pytest.mark.opensearch) for way in WAYS[::5])],
    indirect=["place"],
)
def test_a_sweep_may_die_at_any_write(place, at, how):
    """Each write of the sweep that deletes is its worker's last, or the moment in which a fault becomes known."""
    traffic = Traffic(place.store, place.settings)
    for number in range(6):
        traffic.deliver(number)
    traffic.sweep()
    traffic.now += 2 * HOUR
    with disturbed(place.store, at, how, traffic.meanwhile):
        traffic.sweep()
    traffic.finish()


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
@pytest.mark.parametrize("number", [3, 4], ids=["its own fault", "the fault of a trace that joins it"])
def test_what_comes_again_before_its_fault_is_known_counts_once(place, number):
    """Its lines went, come once more, and stay since a fault becomes known: the ledger counts them no more."""
    traffic = Traffic(place.store, place.settings)
    for each in range(6):
        traffic.deliver(each)
    traffic.sweep()
    traffic.now += 4 * HOUR
    traffic.sweep()
    traffic.deliver(number)
    traffic.finish()


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
@pytest.mark.parametrize("swept", [0, 1, 2], ids=["before any sweep", "after one sweep", "after it settled"])
@pytest.mark.parametrize(("number", "fault"), [(3, 6), (4, 7)], ids=["its own fault", "the fault of a trace that joins it"])
def test_what_comes_again_after_its_fault_is_known_counts_once(place, number, fault, swept):
    """Its lines went, a fault became known, and then they come once more and stay: the ledger counts them no more."""
    traffic = Traffic(place.store, place.settings)
    for each in range(6):
        traffic.deliver(each)
    traffic.sweep()
    traffic.now += 4 * HOUR
    traffic.sweep()
    traffic.deliver(fault)
    for _ in range(swept):
        traffic.now += 4 * HOUR
        traffic.sweep()
    traffic.deliver(number)
    traffic.finish()
