"""What is told, when, and how: the plan against storms, and the message."""

import itertools
import re
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from pipeline.alert.grouping import PER_GROUP, PER_WINDOW, WINDOW_MS, Notification, PendingAlert, Window, group_alerts
from pipeline.alert.message import ConsoleLinks, message_of, still_due
from pipeline.configure import console_links_for
from pipeline.model.trace_ids import to_xray
from pipeline.settings import Settings
from tests.events import TRACE

NOW = 1_790_000_000_000


def dues(count, group="orders", first=0):
    """Traces that somebody is to be told of."""
    return [
        PendingAlert(at=f"2026-11-24T10:00:{number % 60:02d}.000Z", trace_id=f"{first + number:032x}", group=group, rules=("timeout",))
        for number in range(count)
    ]


def finding(rule="service-ok-function-failed", severity="alert", **more):
    """A stored finding."""
    return {"rule": rule, "severity": severity, "serviceName": "stock", "spanId": "1" * 16, "path": ["api/prod", "stock"], "reported": "200",
            "evidence": "Lambda answered 200, but the function stock failed: ValueError: no stock", "clientSaw": "success", "depth": 1,
            "exceptionType": "ValueError", "exceptionMessage": "no stock", "unknown": ["the answer to the call x is missing"],
            "lines": [{"at": NOW, "id": "a", "serviceName": "stock", "text": "[ERROR] ValueError: no stock"}]} | more  # fmt: skip


def trace(*findings, trace_id=TRACE):
    """A stored trace document."""
    return {"traceId": trace_id, "@timestamp": "2026-11-24T10:00:00.000Z", "lastSeenAt": "2026-11-24T10:00:05.000Z", "transactionId": trace_id,
            "trace": {"clientSaw": "success", "edgeStatus": 201}, "findings": list(findings or [finding()])}  # fmt: skip


def test_a_few_traces_are_told_alone():
    """Up to three of a service, each in a message of its own; what comes later in the minute is held."""
    first = group_alerts(dues(2), Window(), NOW)
    assert [parcel.alone for parcel in first.parcels] == [True, True]
    second = group_alerts(dues(2, first=10), first.window, NOW + 1000)
    assert (len(second.parcels), len(second.held)) == (1, 1)
    third = group_alerts(second.held, second.window, NOW + WINDOW_MS)
    assert [len(parcel.dues) for parcel in third.parcels] == [1]


def test_a_storm_is_told_at_once_and_then_once_a_minute():
    """What is there at the beginning goes into one message; what follows, into one more when the minute is over."""
    first = group_alerts(dues(500), Window(), NOW)
    assert [len(parcel.dues) for parcel in first.parcels] == [500]
    window, held = first.window, ()
    sent = 1
    for step in range(1, 60):
        now = group_alerts([*held, *dues(100, first=1000 * step)], window, NOW + 1000 * step)
        window, held, sent = now.window, now.held, sent + len(now.parcels)
    assert (sent, len(held)) == (PER_GROUP, 59 * 100 - 2)
    over = group_alerts(held, window, NOW + WINDOW_MS)
    assert [len(parcel.dues) for parcel in over.parcels] == [59 * 100 - 2]


def test_made_up_service_names_make_no_storm():
    """A thousand services with a fault each come to twenty messages, the last of them over all others."""
    many = group_alerts([due for number in range(1000) for due in dues(1, group=f"s{number}", first=number)], Window(), NOW)
    assert len(many.parcels) == PER_WINDOW
    assert (many.parcels[-1].group, len(many.parcels[-1].dues), many.held) == ("several services", 1000 - PER_WINDOW + 1, ())
    later = group_alerts(dues(5, group="new", first=5000), many.window, NOW + 1000)
    assert (later.parcels, len(later.held)) == ((), 5)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20), st.integers(0, 90_000)), max_size=20))
def test_nothing_is_lost_and_nothing_is_told_twice(arrivals):
    """Whatever comes when: each trace is sent once or held; at the end a window later everything is sent; no window has more than its messages."""
    now, window, held, sent, serial = NOW, Window(), (), [], itertools.count()
    counts = {}
    for groups, count, wait in [*arrivals, (0, 0, WINDOW_MS), (0, 0, WINDOW_MS)]:
        now += wait
        fresh = [dues(1, group=f"g{number % (groups + 1)}", first=next(serial))[0] for number in range(count)]
        done = group_alerts([*held, *fresh], window, now)
        window, held = done.window, done.held
        counts[window.since] = counts.get(window.since, 0) + len(done.parcels)
        sent += [due.trace_id for parcel in done.parcels for due in parcel.dues]
    assert held == ()
    assert sorted(sent) == [f"{number:032x}" for number in range(next(serial))]
    assert max(counts.values()) <= PER_WINDOW


def test_a_clock_that_goes_back_opens_a_new_window():
    """A window that lies in the future holds nobody up."""
    assert len(group_alerts(dues(1), Window(NOW + 10**9, {"orders": 3}), NOW).parcels) == 1


def test_a_message_says_what_one_needs_at_night():
    """What was told, where, what happened, the line, what was not known, and where to look."""
    (due,) = dues(1)
    due = PendingAlert(at=due.at, trace_id=TRACE, group="stock", rules=("service-ok-function-failed",))
    links = ConsoleLinks(region="eu-west-1", dashboards="https://search/_dashboards")
    message = message_of(Notification("stock", (due,)), {TRACE: trace()}, links)
    (link,) = re.findall(r"https://search/_dashboards/\S+", message.text)
    assert not set(link) & set("'()! \"")
    assert message.subject == "[tracejoin] stock: ValueError behind 201"
    for part in ("stock failed, and the caller was told 201.", "api/prod › stock (depth 1", "ValueError: no stock", "[ERROR] ValueError: no stock",
                 "not known   the answer to the call x is missing", f"tracejoin trace {to_xray(TRACE)}",
                 f"https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#xray:traces/{to_xray(TRACE)}",
                 f"query:'traceId:\"{TRACE}\"'", "from:'2026-11-24T09:45:00.000Z',to:'2026-11-24T10:15:05.000Z'"):  # fmt: skip
        assert part in unquote(message.text), part
    assert message.attributes == {"service": "stock", "rules": "service-ok-function-failed", "severity": "alert", "traces": "1"}


def test_a_grouped_message_counts_and_shows_ten():
    """How many, by rule, since when, the command that lists all, ten examples."""
    many = dues(500, group="stock")
    message = message_of(Notification("stock", tuple(many)), {due.trace_id: trace(trace_id=due.trace_id) for due in many}, ConsoleLinks())
    assert message.subject == "[tracejoin] stock: 500 traces with hidden faults"
    assert "   500  timeout" in message.text
    assert "tracejoin faults --since 2026-11-24T09:45:00.000Z --service stock --limit 10000" in message.text
    assert message.text.count("look at it") == 10


def test_a_subject_is_what_sns_takes():
    """ASCII, one line, a hundred characters, whatever a service is called."""
    for name in ("bestellung-für-ä\n\x1b[31m", "x" * 500):
        subject = message_of(Notification(name, tuple(dues(4, group=name))), {}, ConsoleLinks()).subject
        assert subject.isascii() and subject.isprintable() and len(subject) <= 100


def test_what_does_not_hold_any_more_is_not_told():
    """A rule that fires no longer, or only as a notice, is withdrawn; the others stay."""
    due = PendingAlert(at="", trace_id=TRACE, group="stock", rules=("crash", "timeout"))
    assert still_due(due, [finding("timeout"), finding("crash", "notice")]).rules == ("timeout",)
    assert still_due(due, []) is None


def test_where_dashboards_is():
    """An Amazon domain has it at its endpoint; any other endpoint says nothing of it."""
    amazon = "https://search-logs.eu-west-1.es.amazonaws.com"
    assert console_links_for(Settings(endpoint=amazon)).dashboards == f"{amazon}/_dashboards"
    assert console_links_for(Settings()).dashboards == ""
    assert console_links_for(Settings(endpoint=amazon, dashboards_url="https://d")).dashboards == "https://d"
