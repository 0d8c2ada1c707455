"""Late lines of a settled trace, of which a write is refused while their hint is lost: the sweep finds them all the same."""

import pytest

from pipeline.errors import UnavailableError
from pipeline.store.results import ItemResult
from tests.support.events import NOW, REQUEST, TRACE, end, function, lambda_event, report, service, start
from tests.support.shipping import resolver, shipped

TOO_MANY = ItemResult(429, "rejected execution", kind="rejected_execution_exception")
BARE, NAMING = "{not json", f"2026-05-28T20:26:40.600Z\t{REQUEST}\tINFO\tstep 2"


def refuse(store, monkeypatch, number):
    """Lets OpenSearch refuse each item of the write of this number; returns what was written until then."""
    write, seen = store.write, []

    def refused(lines):
        lines = list(lines)
        if not lines:
            return write(lines)
        seen.append(lines)
        return [TOO_MANY] * (len(lines) // 2) if len(seen) - 1 == number else write(lines)

    monkeypatch.setattr(store, "write", refused)
    return seen


@pytest.fixture
def worker(store, settings):
    """A worker whose trace has settled: what its lines tell reaches from START to REPORT."""
    shipped(lambda_event([start(), "first"]), store, settings)
    shipped(lambda_event([end(), report()], first=90, at=NOW + 900), store, settings)
    worker, _ = resolver(store, settings, service(), function())
    worker.sweep(force=True)
    assert worker.sweep(force=True).unsettled == ()
    return worker


def shown(store):
    """The trace, the request and the state of each line between START and END, by its position."""
    store.refresh()
    hits = store.scan({"term": {"doc.kind": "log"}}, index=f"{store.prefix}-logs-*")
    return {hit.id[-2:]: (hit.source.get("traceId"), hit.source.get("requestId"), hit.source.get("trace", {}).get("state")) for hit in hits
            if not hit.source.get("eventName")}  # fmt: skip


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("late", [[BARE], [NAMING], [BARE, NAMING]], ids=["bare", "naming", "both"])
def test_what_ship_could_not_move(store, settings, monkeypatch, worker, number, late):
    """The trace's record holds all that the lines tell, so that nothing but the lines themselves is out of date."""
    with monkeypatch.context() as patch:
        refuse(store, patch, number)
        try:
            shipped(lambda_event(late, first=50, at=NOW + 600), store, settings)
        except UnavailableError:
            shipped(lambda_event(late, first=50, at=NOW + 600), store, settings)
    worker.sweep(force=True)
    assert set(shown(store).values()) == {(TRACE, REQUEST, "complete")}


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("late", [[BARE], [NAMING], [BARE, NAMING]], ids=["bare", "naming", "both"])
def test_what_resolve_could_not_move(store, settings, monkeypatch, worker, number, late):
    """The message that told of the lines is lost after a run that found them and could not write."""
    with monkeypatch.context() as patch:
        refuse(store, patch, 0)
        try:
            unsettled = shipped(lambda_event(late, first=50, at=NOW + 600), store, settings).unsettled
        except UnavailableError:
            unsettled = (TRACE,)
        refuse(store, patch, number)
        worker.resolve(unsettled)
    worker.sweep(force=True)
    assert set(shown(store).values()) == {(TRACE, REQUEST, "complete")}
