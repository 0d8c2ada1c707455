"""Legal hold: nothing of a held transaction is deleted, by no policy, no retention and no day that goes as a whole; search finds it as before."""

import pytest

from pipeline.configure import evaluator_for
from pipeline.errors import BadInputError
from pipeline.model.index_days import daily_indices
from pipeline.retain.legal_hold import LegalHolds
from pipeline.search.search import transaction
from pipeline.store.trace_records import TraceRecords
from tests.support.events import NOW, OTHER, TRACE, function, lambda_event, powertools, service
from tests.support.policies import LATER, LINES, OTHER_LINES, OTHER_SEGMENTS, SEGMENTS, record, stored_lines, sweep, with_policy
from tests.support.shipping import lines_of, shipped
from tests.support.stores import both_kinds


def holds_of(store, settings, at=LATER):
    """The holds, as a command sees them."""
    return LegalHolds(store, TraceRecords(store, evaluator_for(settings)), clock=lambda: at)


@pytest.fixture
def keep_none(settings, tmp_path):
    """Settings under which no healthy transaction is kept."""
    return with_policy(settings, tmp_path, "keep: 0%\nslow: {over: 10s}\ndays: {healthy: {logs: 1, spans: 1, traces: 1}}\n")


def days_go(store):
    """What the lifecycle policy does one day: every daily index goes as a whole."""
    store.refresh()
    names = store.request("GET", f"/{daily_indices(store.prefix)}/_settings")
    for name in names:
        store.request("DELETE", f"/{name}")


@both_kinds
def test_what_is_held_outlives_policy_and_days(store, keep_none):
    """By any id of it: lines, spans and record stay and are found as before, though policy and lifecycle take everything else."""
    shipped(lambda_event(LINES), store, keep_none)
    shipped(lambda_event(OTHER_LINES, first=100), store, keep_none)
    sweep(store, keep_none, *SEGMENTS, *OTHER_SEGMENTS, at=NOW / 1000 + 60)
    before = {document["_id"]: document for document in lines_of(store)}
    holds = holds_of(store, keep_none)
    held = holds.hold("order-17", note="case 7", by="ada")
    assert held.trace_id == tuple(sorted((TRACE, OTHER)))
    assert holds.all() == [held]
    for hours in (0, 1, 48):
        sweep(store, keep_none, at=LATER + 3600 * hours)
    days_go(store)
    after = {document["_id"]: document for document in lines_of(store)}
    assert after.keys() == before.keys() and len(after) == 14
    assert {name: document["body"] for name, document in after.items() if "body" in document} == {
        name: document["body"] for name, document in before.items() if "body" in document
    }
    assert record(store, TRACE)["held"] is True
    assert len(transaction("order-17", store)) == 14


def test_what_comes_late_is_held_too(store, keep_none):
    """A late line, a redelivered event and a trace that joins are moved with the next hour's sweep, each once."""
    shipped(lambda_event(LINES), store, keep_none)
    sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 60)
    holds = holds_of(store, keep_none)
    holds.hold(TRACE, note="", by="ada")
    shipped(lambda_event([*LINES, powertools("late")]), store, keep_none)
    shipped(lambda_event(OTHER_LINES, first=100), store, keep_none)
    for hours in (0, 1, 48):
        sweep(store, keep_none, *SEGMENTS, *OTHER_SEGMENTS, at=LATER + 3600 * hours)
    days_go(store)
    assert len(stored_lines(store)) == len(set(stored_lines(store))) == 11
    assert holds.all()[0].trace_id == tuple(sorted((TRACE, OTHER)))


def test_a_released_transaction_goes_like_any_other(store, keep_none):
    """Its records say so no more, the policy counts again, and what had been moved goes after the retention."""
    shipped(lambda_event(LINES), store, keep_none)
    sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 60)
    holds = holds_of(store, keep_none)
    held = holds.hold(TRACE, note="", by="ada")
    assert holds.release("order-17") == [held]
    assert holds.all() == []
    assert "held" not in record(store, TRACE)
    assert len(lines_of(store)) == 7
    for hours in (0, 1, 2):
        sweep(store, keep_none, at=LATER + 3600 * hours)
    assert lines_of(store) == []
    assert record(store, TRACE)["sampledOut"]["lines"] == 5


def test_a_hold_needs_something_to_hold(store, settings):
    """An unknown id is refused in one line."""
    with pytest.raises(BadInputError, match="nothing is known of order-99"):
        holds_of(store, settings).hold("order-99", note="", by="ada")


class _Crash(Exception):
    pass


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("at", range(6))
def test_a_worker_that_holds_may_die_at_any_write(store, keep_none, at, how, monkeypatch):
    """What it did not do the next sweep does, as soon as the hold is written; nothing is lost or there twice."""
    shipped(lambda_event(LINES), store, keep_none)
    sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 60)
    write, calls = store.write, iter(range(100))

    def dying(lines):
        now = next(calls) == at
        if now and how == "before":
            raise _Crash
        answer = write(lines)
        if now:
            raise _Crash
        return answer

    monkeypatch.setattr(store, "write", dying)
    try:
        holds_of(store, keep_none).hold(TRACE, note="", by="ada")
    except _Crash:
        pass
    monkeypatch.undo()
    is_held = bool(holds_of(store, keep_none).all())
    assert is_held or at == 0 or (at, how) == (1, "before")
    for hours in (0, 1, 48):
        sweep(store, keep_none, at=LATER + 3600 * hours)
    days_go(store)
    assert len(stored_lines(store)) == (5 if is_held else 0)
    assert len(lines_of(store)) == (7 if is_held else 0)


def test_a_held_transaction_gets_a_new_verdict(store, keep_none):
    """A fault that becomes known later reaches the lines and spans that were moved; none is deleted as the other one of two spans."""
    shipped(lambda_event(LINES), store, keep_none)
    sweep(store, keep_none, *SEGMENTS, at=NOW / 1000 + 60)
    holds_of(store, keep_none).hold(TRACE, note="", by="ada")
    shipped(lambda_event([powertools("it broke", level="ERROR")], first=50), store, keep_none)
    for hours in (0, 1, 2):
        sweep(store, keep_none, *SEGMENTS, at=LATER + 3600 * hours)
    found = lines_of(store)
    assert sorted(document["spanId"] for document in found if document["doc"]["kind"] == "span") == sorted(
        [service()["id"], function()["id"]]
    )
    assert {document["trace"]["hiddenFault"] for document in found} == {True}
