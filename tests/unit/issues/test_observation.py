"""Observation: what traces change of an issue, and what they don't, in any order of looks."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.verdict import Fingerprint, IssueSighting
from pipeline.errors import BadInputError
from pipeline.issues.decision import Decision, decided
from pipeline.issues.issue import DECIDED, OURSELVES, Change
from pipeline.issues.observation import Example, Sightings, counted, handed_on, noted, observed, quiet, was_told

DAY = 86_400_000
NOW = 1_795_600_000_000
GROWTH = (10, 100)
PRINT = Fingerprint(family="functions", entry="GET /", service="orders", operation="orders", exception_type="E", message="m")
EXAMPLE = Example(trace_id="a" * 32, at=NOW - 50, sighting=IssueSighting(id="1" * 16, fingerprint=PRINT, rules=("crash",), version="7"))


def seen(count, last=NOW - 10):
    """So many traces on one day."""
    return Sightings(days={"2026-11-25": count}, first_at=NOW - 50, last_at=last)


def stored(state="known", *, at=NOW - 1000, by="ann", **more):
    """An issue that is stored, and was told at no mark."""
    changes = () if state == "new" else (Change(at=at, by=by, state=state, **more),)
    return msgspec.structs.replace(noted(EXAMPLE), state=state, changes=changes, seq_no=1, primary_term=1)


def test_a_new_issue_is_due_at_once_with_the_marks_that_it_passed():
    """One that begins with a storm is told once, not once a mark."""
    issue = observed(noted(EXAMPLE), seen(150), NOW, GROWTH)
    assert (issue.due, issue.due_at, issue.mark, issue.state) == ("new", NOW, 100, "new")
    assert (issue.first_version, issue.first_trace_id, issue.first_seen_at) == ("7", "a" * 32, NOW - 50)


@pytest.mark.parametrize("state", ["new", "known", "regressed"])
@pytest.mark.parametrize(("count", "mark"), [(9, 0), (10, 10), (99, 10), (100, 100), (5000, 100)])
def test_growth(state, count, mark):
    """Due at each mark, once; between marks nothing changes, so nothing is written."""
    issue = stored(state)
    grown = observed(issue, seen(count), NOW, GROWTH)
    assert (grown is issue) == (mark == 0)
    assert (grown.due, grown.mark) == (("grown", mark) if mark else ("", 0))
    assert observed(grown, seen(count), NOW + 5, GROWTH) is grown


def test_a_resolved_issue_comes_back_only_with_a_later_trace():
    """One that ended before the decision is no regression; the change names the version that showed it again."""
    issue = stored("resolved", at=NOW - 100, version="7")
    assert observed(issue, seen(500, NOW - 100), NOW, GROWTH) is issue
    back = observed(issue, seen(2, NOW - 99), NOW, GROWTH, "8")
    assert (back.state, back.due, back.last_change.by, back.last_change.version) == ("regressed", "regressed", OURSELVES, "8")
    assert back.resolution.version == "7"


def test_one_that_went_quiet_by_mistake_comes_back():
    """A trace that was on its way when the issue was resolved by itself shows that it was not quiet."""
    old = msgspec.structs.replace(stored("new"), first_seen_at=NOW - 20 * DAY, last_seen_at=NOW - 20 * DAY)
    resolved = quiet(old, NOW - 15 * DAY, NOW, 14)
    assert (resolved.state, resolved.due, resolved.last_seen_at) == ("resolved", "", NOW - 15 * DAY)
    assert observed(resolved, seen(1, NOW - 15 * DAY), NOW, GROWTH) is resolved
    assert observed(resolved, seen(1, NOW - DAY), NOW, GROWTH).state == "regressed"


@pytest.mark.parametrize("state", ["muted", "resolved"])
def test_quiet_changes_neither_a_mute_nor_what_is_resolved(state):
    """However long nothing comes."""
    old = msgspec.structs.replace(stored(state, at=NOW - 90 * DAY), last_seen_at=NOW - 90 * DAY)
    assert quiet(old, 0, NOW, 14) is old


def test_a_decision_of_a_person_is_a_sign_of_life():
    """Who acknowledged an old issue yesterday does not find it resolved today."""
    old = msgspec.structs.replace(stored("known", at=NOW - DAY), last_seen_at=NOW - 90 * DAY)
    assert quiet(old, 0, NOW, 14) is old


@pytest.mark.parametrize(
    ("mute", "count", "last", "over"),
    [
        ({"until": NOW - 20}, 1, NOW - 10, True),
        ({"until": NOW - 5}, 1, NOW - 10, False),
        ({"times": 5, "count": 10}, 14, NOW - 10, False),
        ({"times": 5, "count": 10}, 15, NOW - 10, True),
        ({"times": 5, "count": 10, "until": NOW - 20}, 11, NOW - 10, True),
    ],
)
def test_mutes_end(mute, count, last, over):
    """With the first trace after their time, or with so many more traces than there were; till then nothing is due."""
    issue = stored("muted", **mute)
    after = observed(issue, seen(count, last), NOW, GROWTH)
    assert (after is not issue) == over
    assert (after.state, after.due) == (("known", "unmuted") if over else ("muted", ""))


def test_an_issue_hands_on_what_was_told_and_decided():
    """Traces that turn out to be of another issue are not told again; one that nobody was told of, and nobody touched, hands on nothing."""
    made = observed(noted(EXAMPLE), seen(1), NOW, GROWTH)
    assert handed_on(made, stored("new")) is made
    told = handed_on(made, msgspec.structs.replace(stored("new"), told_at=NOW - 5))
    assert (told.due, told.state, told.told_at, told.mark) == ("", "new", NOW - 5, made.mark)
    muted = handed_on(made, stored("muted", until=NOW + 5))
    assert (muted.due, muted.state, muted.last_change.until) == ("", "muted", NOW + 5)


def test_an_issue_that_was_told_as_another_one_keeps_that_id():
    """So what becomes of it reaches those who were told; through several hands the first id. One that nobody was told of has its own."""
    made = observed(noted(EXAMPLE), seen(1), NOW, GROWTH)
    former = msgspec.structs.replace(stored("new"), id="2" * 16, told_at=NOW - 5)
    second = handed_on(made, former)
    assert second.told_as == "2" * 16
    assert handed_on(made, msgspec.structs.replace(second, id="3" * 16)).told_as == "2" * 16
    assert handed_on(made, stored("muted", until=NOW + 5)).told_as == ""


def test_what_came_due_while_a_message_went_out_stays_due():
    """A mark that it passed meanwhile is told next; a regression, too; and a second marking changes nothing."""
    sent = observed(noted(EXAMPLE), seen(1), NOW, GROWTH)
    told = was_told(sent, sent, NOW + 9)
    assert (told.due, told.told_at) == ("", NOW + 9)
    grown = observed(msgspec.structs.replace(sent, seq_no=1), seen(10), NOW + 1, GROWTH)
    assert (grown.due, grown.due_at) == ("new", NOW)
    assert was_told(grown, sent, NOW + 9).due == "grown"
    assert was_told(told, sent, NOW + 10) is told


def test_what_went_quiet_is_told_to_those_who_were_told_of_it():
    """It is due as resolved; of an issue that nobody was told of nothing is."""
    old = msgspec.structs.replace(stored("new"), last_seen_at=NOW - 20 * DAY, due="grown")
    assert quiet(old, 0, NOW, 14).due == ""
    resolved = quiet(msgspec.structs.replace(old, told_at=NOW - 19 * DAY), 0, NOW, 14)
    assert (resolved.due, resolved.due_at, resolved.last_change.by) == ("resolved", NOW, OURSELVES)


def test_growth_waits_for_what_was_decided():
    """It is noted once the decision is told, so neither is lost; that it came back replaces the decision."""
    issue = decided(msgspec.structs.replace(stored("new"), told_at=NOW - 50), Decision(verb="ack", by="ann", at=NOW), 1)
    assert observed(issue, seen(10), NOW + 1, GROWTH) is issue
    assert observed(was_told(issue, issue, NOW + 2), seen(10), NOW + 3, GROWTH).due == "grown"
    resolved = decided(issue, Decision(verb="resolve", by="ann", at=NOW), 1)
    assert observed(resolved, seen(10, NOW + 1), NOW + 2, GROWTH).due == "regressed"


def test_what_is_decided_while_the_first_message_goes_out_is_told():
    """Whoever decided may have read it already: it is due once the message is marked. A mute still tells nothing."""
    sent = msgspec.structs.replace(observed(noted(EXAMPLE), seen(1), NOW, GROWTH), seq_no=1)
    for verb, due in (("ack", "acknowledged"), ("resolve", "resolved"), ("mute", "")):
        meanwhile = decided(sent, Decision(verb=verb, by="ann", at=NOW + 1, times=3), 1)
        assert meanwhile.due == ""
        told = was_told(meanwhile, sent, NOW + 9)
        assert (told.due, told.told_at) == (due, NOW + 9)
        assert was_told(told, sent, NOW + 10) is told


steps = st.sampled_from(["ack", "mute", "resolve", "reopen", "trace", "storm", "quiet", "send", "mark"])


@given(st.lists(steps, max_size=40))
def test_whatever_happens_in_which_order_the_channels_follow(order):
    """People decide, traces come, messages go out and are marked later: in the end the channels know what was decided last.

    Unless it came back, was muted or was reopened since. Nothing that was decided is told before there was a message, or once it is not so.
    """
    now, count, last, out, told, wanted = NOW, 1, NOW - 10, [], [], None
    issue = msgspec.structs.replace(observed(noted(EXAMPLE), seen(1), NOW, GROWTH), seq_no=1)
    for step in [*order, *["mark", "look", "send"] * (len(order) + 5), "mark"]:
        now += DAY if step == "quiet" else 1
        before = issue
        match step:
            case "send":
                if issue.due:
                    assert told or issue.due not in DECIDED
                    assert issue.due not in DECIDED or issue.due == issue.news
                    told.append(issue.due)
                    out.append(issue)
            case "mark":
                issue = was_told(issue, out.pop(0), now) if out else issue
            case "quiet":
                issue = quiet(issue, last, now, 1)
            case "trace" | "storm" | "look":
                count += {"trace": 1, "storm": 10, "look": 0}[step]
                last = last if step == "look" else now
                issue = observed(issue, seen(count, last), now, GROWTH)
            case _:
                with contextlib.suppress(BadInputError):
                    issue = decided(issue, Decision(verb=step, by="ann", at=now, times=9, note="n"), count)
        if issue.changes != before.changes:
            wanted = (issue.news, len(told)) if told and issue.news else None
    assert issue.due == ""
    assert wanted is None or wanted[0] in told[wanted[1] :]


counts = st.dictionaries(st.sampled_from(["2026-11-20", "2026-11-21", "2026-11-22"]), st.integers(1, 50), min_size=1)


@given(st.lists(counts, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_noted_numbers_are_the_same_in_any_order_and_never_shrink(looks, rng):
    """Of each day the largest number counts, however often and in whichever order days were looked at."""

    def after(order):
        issue = stored("new")
        for days in order:
            before, issue = issue.total({}), counted(issue, Sightings(days=days, first_at=NOW - 50, last_at=NOW))
            assert issue.total({}) >= before
        return issue

    shuffled = [*looks, rng.choice(looks)]
    rng.shuffle(shuffled)
    assert after(looks).counted == after(shuffled).counted
    whole = after(looks)
    assert counted(whole, Sightings(days=looks[0], first_at=NOW - 50, last_at=NOW)) is whole
    assert whole.total(looks[0]) == whole.total({})


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 100)), min_size=1, max_size=6))
def test_looks_in_any_order_pass_each_mark_once(looks):
    """Workers see different numbers, the later ones sometimes fewer: what was told of a mark is not due again."""
    issue, due = msgspec.structs.replace(was_told(first := observed(noted(EXAMPLE), seen(1), NOW, GROWTH), first, NOW), seq_no=1), 0
    for count, later in looks:
        grown = observed(issue, seen(count + 1), NOW + later, GROWTH)
        due += grown.due == "grown"
        issue = was_told(grown, grown, NOW + later)
    assert due <= len(GROWTH)
    assert issue.mark == max((mark for mark in GROWTH if mark <= max(count for count, _ in looks) + 1), default=0)
