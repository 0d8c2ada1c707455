"""Sender: hands one event, or one span, to the code that ships new ones; in a dry run to nobody."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.configure import evaluator_for
from pipeline.model.index_days import index_days
from pipeline.model.timestamps import iso_millis
from pipeline.replay.pace import Pace
from pipeline.settings import Settings
from pipeline.ship import Ledger, Shipment, ship
from pipeline.ship_spans import ship_segments
from pipeline.store.client import Store
from pipeline.store.dead_letters import write_dead_letters
from pipeline.store.trace_records import TraceRecords
from pipeline.traces.segment import Segment


@dataclass(frozen=True, slots=True)
class Sender:
    """Ships what a replay found. Its methods raise like `ship`.

    Attributes:
        store: OpenSearch.
        settings: those of `ship`.
        remaining: returns, for each event, what returns the seconds left for it.
        pace: the limit of log events a second.
        dry_run: whether to send and delete nothing.
        shipped: is told of each shipment, such as to send hints.
        clock: seconds since the epoch.
    """

    store: Store
    settings: Settings
    remaining: Callable[[], Callable[[], float]]
    pace: Pace = field(default_factory=lambda: Pace(None))
    dry_run: bool = False
    shipped: Callable[[Shipment], object] = lambda _: None
    clock: Callable[[], float] = time.time

    def event(self, event: object, size: int) -> Ledger:
        """Ships an event of ``size`` log events and returns its ledger; a dry run only counts them as received."""
        if self.dry_run:
            return Ledger(received=size)
        self.pace.wait()
        shipment = ship(event, store=self.store, settings=self.settings, remaining=self.remaining(), clock=self.clock)
        self.pace.sent(size)
        self.shipped(shipment)
        return shipment.ledger

    def span(self, segment: Segment) -> Ledger:
        """Writes a span that is read and redacted already, and returns its ledger."""
        if self.dry_run:
            return Ledger(received=1)
        self.pace.wait()
        now = int(self.clock() * 1000)
        records = TraceRecords(self.store, evaluator_for(self.settings))
        days = index_days(now, self.settings.retention_days)
        spans = ship_segments([segment], self.store, records, now=iso_millis(now), days=days)
        write_dead_letters(spans.letters, self.store)
        self.pace.sent(1)
        ledger = Ledger(received=1, indexed=spans.indexed, duplicate=spans.duplicate, dead_lettered=len(spans.letters))
        self.shipped(Shipment(ledger, spans.unsettled))
        return ledger
