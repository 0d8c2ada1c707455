"""A world in which faults happen: a store, a clock, what X-Ray knows, a topic, and workers that start anew each time."""

import random

from accuracy.grouping.causes import Cause
from pipeline.issues.decision import Decision, decided
from pipeline.issues.issue_records import IssueRecords
from pipeline.issues.sightings import count_sightings
from pipeline.resolve import Resolver
from tests.support.events import NOW, Traces, packed
from tests.support.shipping import shipped

NO_STOCK = Cause(name="no stock")
NO_PRICE = Cause(name="no price", message="no price for order <number>")


class Recorder:
    """A topic that keeps what it is told; a test may let it fail first."""

    def __init__(self):
        self.sent = []
        self.before = lambda: None
        self.after = lambda: None

    def publish(self, subject, text, attributes):
        self.before()
        self.sent.append((subject, text, attributes))
        self.after()

    def told(self):
        """Why somebody was told, since the last call."""
        reasons = [attributes["issues"] for _, _, attributes in self.sent]
        self.sent.clear()
        return reasons


class IssueWorld:
    """Makes faults, resolves them, and says what became of issues."""

    def __init__(self, store, settings):
        self.store, self.settings, self.topic = store, settings, Recorder()
        self.now = NOW / 1000 + 60
        self.documents = []
        self.number = 0

    def resolver(self):
        """A worker."""
        return Resolver(store=self.store, source=Traces(*self.documents), settings=self.settings, topic=self.topic, clock=lambda: self.now)

    def ship(self, cause=NO_STOCK, *, times=1):
        """Faults of a cause, shipped and not looked up yet; returns their trace ids."""
        ids = []
        for _ in range(times):
            self.number += 1
            transaction = cause.play(random.Random(f"{cause.name} {self.number}"), int(self.now * 1000) - 60_000)
            for stream in transaction.streams.values():
                shipped({"awslogs": {"data": packed(stream.batch())}}, self.store, self.settings)
            self.documents += transaction.documents
            ids.append(transaction.trace_id)
        return ids

    def fail(self, cause=NO_STOCK, *, times=1):
        """Faults of a cause, shipped and resolved."""
        ids = self.ship(cause, times=times)
        return self.resolver().resolve(ids)

    def wait(self, seconds):
        """Lets time pass."""
        self.now += seconds

    def issues(self):
        """All stored issues, by the message of their fingerprint."""
        self.store.refresh()
        return {issue.fingerprint.message: issue for issue in IssueRecords(self.store).scan({"match_all": {}})}

    @property
    def issue(self):
        """The only stored issue."""
        (found,) = self.issues().values()
        return found

    def total(self):
        """How many traces showed the only issue."""
        issue = self.issue
        seen = count_sightings(self.store, [issue.id])
        return issue.total(seen[issue.id].days if seen else {})

    def decide(self, verb, issue=None, **more):
        """A person's decision about this issue, or the only one."""
        issue = issue or self.issue
        seen = count_sightings(self.store, [issue.id])
        total = issue.total(seen[issue.id].days if seen else {})
        decision = Decision(verb=verb, by="ann", at=int(self.now * 1000), **more)
        IssueRecords(self.store).change({issue.id: decision}, lambda stored, wanted: decided(stored, wanted, total))
