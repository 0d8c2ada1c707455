"""Decisions: which change an issue, what is kept of them, and which make no sense."""

import msgspec
import pytest

from pipeline.errors import BadInputError
from pipeline.issues.decision import Decision, decided
from pipeline.issues.issue import OURSELVES, Change
from tests.unit.issues.test_observation import NOW, stored


def wants(verb, **more):
    """A decision of bob."""
    return Decision(verb=verb, by="bob", at=NOW, **more)


@pytest.mark.parametrize(
    ("verb", "states"),
    [
        ("ack", {"new": "known", "regressed": "known"}),
        ("mute", {"new": "muted", "regressed": "muted", "known": "muted", "muted": "muted", "resolved": "muted"}),
        ("resolve", {"new": "resolved", "regressed": "resolved", "known": "resolved", "muted": "resolved"}),
        ("reopen", {"muted": "known", "resolved": "known"}),
    ],
)
def test_what_follows_from_what(verb, states):
    """Each verb in each state: the state that follows, with time, author and note, and nobody to be told any more."""
    more = {"times": 3} if verb == "mute" else {}
    for before in ("new", "regressed", "known", "muted", "resolved"):
        issue = msgspec.structs.replace(stored(before), due="grown")
        if before in states:
            after = decided(issue, wants(verb, note="why", **more), 7)
            assert (after.state, after.due) == (states[before], "")
            assert (after.last_change.by, after.last_change.at, after.last_change.note) == ("bob", NOW, "why")
            assert after.last_change.count == (7 if verb == "mute" else 0)
        elif before in {"known", "resolved"} and verb in {"ack", "resolve"} and (before, verb) != ("resolved", "ack"):
            assert decided(issue, wants(verb), 7) is issue
        else:
            with pytest.raises(BadInputError, match=issue.id):
                decided(issue, wants(verb, **more), 7)


@pytest.mark.parametrize("told_at", [0, NOW - 50])
@pytest.mark.parametrize(("verb", "state", "due"), [
    ("ack", "new", "acknowledged"), ("ack", "regressed", "acknowledged"), ("ack", "known", "acknowledged"), ("mute", "new", ""),
    ("mute", "resolved", ""), ("resolve", "new", "resolved"), ("resolve", "muted", "resolved"), ("reopen", "muted", ""), ("reopen", "resolved", "")])  # fmt: skip
def test_who_was_told_of_an_issue_is_told_what_became_of_it(verb, state, due, told_at):
    """That it is acknowledged or resolved, and nothing of a mute and of reopening; nobody who never heard of it."""
    issue = msgspec.structs.replace(stored(state, until=NOW + 9), told_at=told_at, due="grown", due_at=NOW - 60)
    after = decided(issue, wants(verb, note="why", **({"times": 3} if verb == "mute" else {})), 7)
    assert after.due == (due if told_at else "")
    assert not after.due or after.due_at == NOW


def test_of_two_decisions_the_last_one_is_due():
    """Acknowledged and resolved before anybody was told: resolved; reopened before that: nothing. Each is due on its own, at whatever time."""
    told = msgspec.structs.replace(stored("new"), told_at=NOW - 50)
    acknowledged = decided(told, wants("ack"), 7)
    resolved = decided(acknowledged, wants("resolve"), 7)
    assert (resolved.due, resolved.due_at) == ("resolved", acknowledged.due_at + 1)
    assert decided(resolved, wants("reopen"), 7).due == ""
    again = decided(acknowledged, wants("ack", note="me too"), 7)
    assert (again.due, again.due_at) == ("acknowledged", acknowledged.due_at + 1)


def test_what_is_known_since_its_mute_is_over_can_be_acknowledged():
    """Nobody did so, though it is known: the first one who does is noted and told, without a note, too; the second one says nothing new."""
    over = msgspec.structs.replace(
        stored("muted", until=NOW - 50).changed(Change(at=NOW - 20, by=OURSELVES, state="known")), told_at=NOW - 10
    )
    after = decided(over, wants("ack"), 7)
    assert (after.due, after.last_change.by) == ("acknowledged", "bob")
    assert decided(after, wants("ack"), 7) is after


def test_a_note_on_what_is_known_already_is_kept():
    """Two people acknowledge it: the second one's note is kept, behind the first; a clock that is behind does not turn them round."""
    first = decided(stored("new"), wants("ack"), 1)
    second = decided(first, Decision(verb="ack", by="carl", at=NOW - 5000, note="me too"), 1)
    assert [(change.by, change.at) for change in second.changes] == [("bob", NOW), ("carl", NOW)]


def test_changes_are_bounded():
    """Of many the newest 200 are kept."""
    issue = stored("new")
    for number in range(250):
        issue = decided(issue, wants("ack", note=str(number)), 1)
    assert [change.note for change in issue.changes] == [str(number) for number in range(50, 250)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"verb": "ack", "by": " "}, "an author needs a name"),
        ({"verb": "ack", "by": "x" * 101}, "an author needs a name"),
        ({"verb": "ack", "note": "x" * 1001}, "the note has 1,001 characters"),
        ({"verb": "resolve", "version": "1" * 101}, "the version has 101 characters"),
        ({"verb": "mute", "times": 10**9 + 1}, "after 1,000,000,000 traces at most"),
        ({"verb": "mute"}, "a mute needs an end"),
        ({"verb": "mute", "until": NOW}, "would end in the past"),
    ],
)
def test_what_no_issue_can_be_told(fields, said):
    """One sentence each."""
    with pytest.raises(BadInputError, match=said):
        Decision(**({"by": "bob", "at": NOW} | fields))
