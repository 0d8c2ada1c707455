"""Grouping: how pending alerts become few messages."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.alert.grouping import PER_GROUP, PER_WINDOW, WINDOW_MS, Window, group_alerts
from tests.support.pending_alerts import decisions, pending

NOW = 1_790_000_000_000


def test_a_few_traces_are_told_alone():
    """Up to three of a service, each in a message of its own; what comes later in the minute is held."""
    first = group_alerts(pending(2), Window(), NOW)
    assert [notification.alone for notification in first.notifications] == [True, True]
    second = group_alerts(pending(2, first=10), first.window, NOW + 1000)
    assert (len(second.notifications), len(second.held)) == (1, 1)
    third = group_alerts(second.held, second.window, NOW + WINDOW_MS)
    assert [len(notification.alerts) for notification in third.notifications] == [1]


def test_a_storm_is_told_at_once_and_then_once_a_minute():
    """What is there at the beginning goes into one message; what follows, into one more when the minute is over."""
    first = group_alerts(pending(500), Window(), NOW)
    assert [len(notification.alerts) for notification in first.notifications] == [500]
    window, held = first.window, ()
    sent = 1
    for step in range(1, 60):
        now = group_alerts([*held, *pending(100, first=1000 * step)], window, NOW + 1000 * step)
        window, held, sent = now.window, now.held, sent + len(now.notifications)
    assert (sent, len(held)) == (PER_GROUP, 59 * 100 - 2)
    over = group_alerts(held, window, NOW + WINDOW_MS)
    assert [len(notification.alerts) for notification in over.notifications] == [59 * 100 - 2]


def test_made_up_service_names_make_no_storm():
    """A thousand services with a fault each come to twenty messages, the last of them over all others."""
    many = group_alerts([alert for number in range(1000) for alert in pending(1, group=f"s{number}", first=number)], Window(), NOW)
    assert len(many.notifications) == PER_WINDOW
    assert (many.notifications[-1].group, len(many.notifications[-1].alerts), many.held) == ("several services", 1000 - PER_WINDOW + 1, ())
    later = group_alerts(pending(5, group="new", first=5000), many.window, NOW + 1000)
    assert (later.notifications, len(later.held)) == ((), 5)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20), st.integers(0, 90_000)), max_size=20))
def test_nothing_is_lost_and_nothing_is_told_twice(arrivals):
    """Whatever comes when: each trace is sent once or held; at the end a window later everything is sent; no window has more than its messages."""
    now, window, held, sent, serial = NOW, Window(), (), [], itertools.count()
    counts = {}
    for groups, count, wait in [*arrivals, (0, 0, WINDOW_MS), (0, 0, WINDOW_MS)]:
        now += wait
        fresh = [pending(1, group=f"g{number % (groups + 1)}", first=next(serial))[0] for number in range(count)]
        done = group_alerts([*held, *fresh], window, now)
        window, held = done.window, done.held
        counts[window.since] = counts.get(window.since, 0) + len(done.notifications)
        sent += [alert.trace_id for notification in done.notifications for alert in notification.alerts]
    assert held == ()
    assert sorted(sent) == [f"{number:032x}" for number in range(next(serial))]
    assert max(counts.values()) <= PER_WINDOW


def test_decisions_are_told_alone_and_wait_for_no_window():
    """Each in a message of its own, also in a window that is full; they count in none, and take no fault's place."""
    full = Window(NOW - 1, {"orders": PER_GROUP, "others": PER_WINDOW})
    plan = group_alerts([*pending(2), *decisions(5)], full, NOW)
    assert [notification.decision.id for notification in plan.notifications] == [f"{number:016x}" for number in range(5)]
    assert (len(plan.held), plan.window) == (2, full)
    fresh = group_alerts([*decisions(50), *pending(500)], Window(), NOW)
    assert [len(notification.alerts) for notification in fresh.notifications] == [500, *[1] * 50]
    assert fresh.window.sent == {"orders": 1}


def test_a_clock_that_goes_back_opens_a_new_window():
    """A window that lies in the future holds nobody up."""
    assert len(group_alerts(pending(1), Window(NOW + 10**9, {"orders": 3}), NOW).notifications) == 1
