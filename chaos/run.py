"""Run: ships and resolves a world with some workers, through its disasters, until nothing is open."""

import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Final

from chaos.checks import adds_up, open_work
from chaos.damage import Damage
from chaos.deliveries import Deliveries, Message
from chaos.disasters import LEAP, Disaster
from chaos.fuse import Fuse
from chaos.worker import Job, Outcome, Site, Worker
from pipeline.store.client import Store

_SHIP_SECONDS: Final = 25.0
_RESOLVE_SECONDS: Final = 60.0
_FUSED: Final = 0.06
_KILLED: Final = 0.04
_MOST_CALLS: Final = 30
_SWEEP_EVERY: Final = 60
_NEXT_WINDOW: Final = 650.0
_MOST_SWEEPS: Final = 14
_AFTER_FAILED_SWEEP: Final = 2.0
# how long the sweeps at the end may fail one after the other; a busy machine starts shards late
_FAILING: Final = 120.0
_PATIENCE: Final = 0.02
_FOR_EVER: Final = 3600.0
_TELL_EVERY: Final = 10.0


@dataclass(slots=True)
class Tally:
    """What happened in a run."""

    jobs: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    fuses: int = 0
    raised: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    escaped: Counter[str] = field(default_factory=Counter)
    bad_ledgers: list[str] = field(default_factory=list)
    dead_lettered: int = 0
    aside: int = 0
    failed_hints: int = 0
    sweeps: int = 0
    seconds: float = 0.0
    disasters: Counter[str] = field(default_factory=Counter)


class Run:
    """Drives workers.

    Args:
        site: what the workers share.
        store: a connection to OpenSearch without faults, under the run's prefix.
        seed: decides order, losses and deaths.
        workers: how many.
        disasters: in their order; empty for a calm run.
        damage: does them.
    """

    def __init__(self, site: Site, store: Store, *, seed: int, workers: int, disasters: list[Disaster], damage: Damage) -> None:
        self._site, self._store, self._damage = site, store, damage
        self._rng = random.Random(f"run {seed}")
        self._disasters = list(disasters)
        self.deliveries = Deliveries(len(site.world.events), random.Random(f"deliveries {seed}"), faulty=site.faulty)
        self._workers = [Worker(site) for _ in range(workers)]
        self._received: dict[int, dict[str, Message]] = {}
        self._jobs = 0
        self._told_at = time.monotonic()
        self.tally = Tally()

    def drive(self) -> Counter[str]:
        """Delivers everything, then sweeps until nothing is open; returns what is open nevertheless."""
        began = time.monotonic()
        try:
            while self._hand_out():
                self._collect()
                self._go_wrong()
            self._damage.end_all()
            return self._finish()
        finally:
            self.tally.seconds = time.monotonic() - began
            self._damage.end_all()
            for worker in self._workers:
                worker.kill()

    def _hand_out(self) -> bool:
        """Gives each idle worker a job; returns whether anything goes on."""
        for worker in self._workers:
            if worker.job is None and (job := self._next_job()):
                self._begin(worker, job)
        return any(worker.job for worker in self._workers)

    def _begin(self, worker: Worker, job: Job) -> None:
        killed_after = None
        if self._site.faulty and self._rng.random() < _KILLED:
            killed_after = self._rng.random() ** 2
        worker.begin(job, killed_after=killed_after)

    def _next_job(self) -> Job | None:
        self._jobs += 1
        if self._site.faulty and self._jobs % _SWEEP_EVERY == 0:
            return self._job("sweep", _RESOLVE_SECONDS)
        hints_first = self._site.faulty and self._rng.random() < 0.4
        if not (hints_first and self.deliveries.hints):
            event = self.deliveries.next_event()
            if event is not None:
                return self._job("ship", _SHIP_SECONDS, event=event)
        messages = self.deliveries.receive()
        if not messages:
            return None
        self._received[self._jobs] = messages
        return self._job("resolve", _RESOLVE_SECONDS, messages={id_: message.body for id_, message in messages.items()})

    def _job(self, kind: str, seconds: float, **more: object) -> Job:
        self.tally.jobs[kind] += 1
        fuse = Fuse()
        if self._site.faulty and self._site.conditions["faults_on"] and self._rng.random() < _FUSED:
            fuse = Fuse(int(_MOST_CALLS * self._rng.random() ** 2), after=self._rng.random() < 0.5)
        return Job(number=self._jobs, kind=kind, seconds=seconds, fuse=fuse, **more)  # type: ignore[arg-type]

    def _collect(self) -> None:
        """Takes what the workers are done with, and replaces those that died."""
        ready = wait([worker.pipe for worker in self._workers if worker.job], _PATIENCE)
        for place, worker in enumerate(self._workers):
            if worker.pipe in ready:
                try:
                    self._done(worker, worker.pipe.recv())
                except (EOFError, OSError):
                    self._died(place)
                    self.tally.fuses += 1
            elif worker.job and time.monotonic() > worker.deadline:
                self._died(place)

    def _died(self, place: int) -> None:
        worker = self._workers[place]
        worker.kill()
        self.tally.killed += 1
        if worker.job:
            self._failed(worker.job)
        self._workers[place] = Worker(self._site)

    def _failed(self, job: Job, failures: frozenset[str] | None = None) -> None:
        """The event or the messages of a job come again; of the messages only the ``failures``, if given."""
        if job.kind == "ship":
            self.deliveries.event_again(job.event)
        for id_, message in self._received.pop(job.number, {}).items():
            if failures is None or id_ in failures:
                self.deliveries.hint_again(id_, message)

    def _done(self, worker: Worker, outcome: Outcome) -> None:
        job, worker.job = worker.job, None
        self.deliveries.send(outcome.sent)
        self.tally.aside += outcome.aside
        if job is None:
            return
        if outcome.error:
            what = f"{job.kind}: {outcome.error.partition(':')[0]}"
            self.tally.raised[what] += 1
            self.tally.examples[what] = outcome.error
            if outcome.escaped:
                self.tally.escaped[what] += 1
            self._failed(job)
        elif job.kind == "ship":
            self.deliveries.arrived.add(job.event)
            self._check(outcome)
        elif job.kind == "resolve":
            failures = frozenset(failure["itemIdentifier"] for failure in outcome.result["batchItemFailures"])
            self.tally.failed_hints += len(failures)
            self._failed(job, failures)

    def _check(self, outcome: Outcome) -> None:
        self.tally.dead_lettered += outcome.result["dead_lettered"] + outcome.result["bad_envelopes"]
        if not adds_up(outcome.result):
            self.tally.bad_ledgers.append(str(outcome.result))

    def _go_wrong(self) -> None:
        """Begins the disasters whose time has come, and ends those whose time is over."""
        conditions, progress = self._site.conditions, self.deliveries.progress
        if self._site.faulty:
            conditions["revealed"] = min(0.3 + progress, 1.0)
        while self._disasters and self._disasters[0].at <= progress:
            disaster = self._disasters.pop(0)
            self.tally.disasters[disaster.kind] += 1
            if disaster.kind == "clock leaps":
                conditions["clock_offset"] += LEAP
            else:
                self._damage.begin(disaster)
        self._damage.end_due()
        if time.monotonic() - self._told_at > _TELL_EVERY:
            self._told_at = time.monotonic()
            busy = ", ".join(worker.job.kind for worker in self._workers if worker.job)
            print(f"  {progress:4.0%} arrived, {len(self.deliveries.hints)} hints wait, {self.tally.killed} workers killed, "
                  f"{self.tally.raised.total()} invocations failed; running: {busy}", file=sys.stderr, flush=True)  # fmt: skip

    def _finish(self) -> Counter[str]:
        self._site.conditions.calm()
        self._site.conditions["clock_offset"] += _NEXT_WINDOW
        left = Counter[str]()
        done, deadline = 0, time.monotonic() + _FAILING
        while done < _MOST_SWEEPS and time.monotonic() < deadline:
            self._jobs += 1
            self.tally.sweeps += 1
            self._workers[0].begin(Job(number=self._jobs, kind="sweep", seconds=_FOR_EVER), killed_after=None)
            outcome: Outcome = self._workers[0].pipe.recv()
            self._done(self._workers[0], outcome)
            if outcome.error:
                # the next one comes after five minutes, when shards that are starting have started; no trace grows old for that
                time.sleep(_AFTER_FAILED_SWEEP)
            else:
                self._site.conditions["clock_offset"] += _NEXT_WINDOW
                done += 1
                deadline = time.monotonic() + _FAILING
            left = open_work(self._store)
            if not left.total():
                break
        return left
