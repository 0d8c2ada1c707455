"""Shipping and resolving in tests."""

from pipeline.resolve import Resolver
from pipeline.search.search import transaction
from pipeline.ship import ship
from tests.support.events import NOW, TRACE, Traces


def shipped(event, store, settings, seconds=30.0):
    """Ships ``event``."""
    return ship(event, store=store, settings=settings, remaining=lambda: seconds)


def adds_up(ledger):
    """The invariant of the ledger."""
    return ledger.received == ledger.indexed + ledger.duplicate + ledger.filtered + ledger.dead_lettered


def resolver(store, settings, *documents, clock=None):
    """A resolver whose X-Ray has these documents."""
    source = Traces(*documents)
    return Resolver(store=store, source=source, settings=settings, clock=clock or (lambda: NOW / 1000 + 60)), source


def lines_of(store, trace_id=TRACE):
    """Every line and span of a trace, refreshed."""
    store.refresh()
    return transaction(trace_id, store)
