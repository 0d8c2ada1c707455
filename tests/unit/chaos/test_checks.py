"""Alerts are counted, and ledgers added up."""

import json

from chaos.checks import adds_up, read_told


def notes(*entries, group="stock"):
    """The lines of the file of notes."""
    return [json.dumps({"job": job, kind: [["t", "rule", group]]}) for job, kind in entries]


def test_an_alert_that_was_marked_must_not_be_told_again():
    """The second message is a broken promise."""
    told = read_told(notes((1, "told"), (1, "marked"), (2, "told"), (2, "marked")))
    assert told.twice == {("t", "rule", "stock"): 2}


def test_an_alert_whose_worker_died_before_it_marked_it_may_be_told_once_more():
    """That is the one window for a second message; a third one is none."""
    assert read_told(notes((1, "told"), (2, "told"), (2, "marked"))).twice == {}
    assert read_told(notes((1, "told"), (2, "told"), (2, "marked"), (3, "told"), (3, "marked"))).twice == {("t", "rule", "stock"): 3}


def test_an_alert_is_told_again_of_a_service_that_the_trace_shows():
    """Nobody's line keeps another service's alert away: that is another telling of the same alert."""
    told = read_told([*notes((1, "told"), (1, "marked")), *notes((2, "told"), (2, "marked"), group="orders")])
    assert (told.twice, told.alerts) == ({}, {("t", "rule")})


def test_who_marks_what_another_told_excuses_nobody():
    """A mark counts for the invocation that made it."""
    told = read_told(notes((1, "told"), (2, "marked")))
    assert (told.times, told.excused) == ({("t", "rule", "stock"): 1}, {("t", "rule", "stock"): 1})


def test_a_ledger_has_to_add_up():
    """One event too few or too many is seen."""
    ledger = {"received": 5, "indexed": 2, "duplicate": 1, "filtered": 1, "dead_lettered": 1}
    assert adds_up(ledger)
    assert not adds_up(ledger | {"indexed": 1})
    assert not adds_up(ledger | {"duplicate": 2})
