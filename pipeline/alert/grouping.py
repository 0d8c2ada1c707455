"""Grouping: which alerts are sent now, and which together. Pure: pending alerts and the window go in, notifications come out.

A window lasts a minute. Alerts that are pending when it begins are sent at once: up to three traces of a service each alone, more in
one message. In a window a service gets three messages; further alerts are held until it is over. All services together get twenty,
since whoever writes segments or has log groups can make up any number of services.

What was decided about an issue is told alone, since its id is that of the issue's own message. It waits for no window, and counts in none.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from pipeline.issues.issue import DECIDED, Issue

Outlook = Literal["nothing", "later", "now"]
"""When there is something to send: later, if all that is due waits for the next window."""
WINDOW_MS: Final = 60_000
PER_GROUP: Final = 3
PER_WINDOW: Final = 20
_OTHERS: Final = "several services"


class AboutIssue(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """The issue that an alert is about, as it is stored, and how many traces showed it.

    Attributes:
        id: of the issue.
        total: traces, those that are deleted included.
        issue: as it was read; not compared.
    """

    id: str
    total: int
    issue: Issue

    @property
    def told_as(self) -> str:
        """The id as which it is told."""
        return self.issue.told_as or self.id

    @property
    def is_decision(self) -> bool:
        """Whether it is told since something was decided about it."""
        return self.issue.due in DECIDED


class PendingAlert(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """The pending alerts of one trace, or that of an issue, which this trace shows.

    Attributes:
        at: when the first of them was stored (ISO 8601, UTC).
        trace_id: canonical; empty where it is a decision about an issue that is told, which no trace is needed for.
        group: the service by which alerts are grouped.
        rules: the rules that fired.
        versions: the sequence number and primary term of the stored alert, by rule.
        about: the issue; None where traces are alerted one by one.
    """

    at: str
    trace_id: str
    group: str
    rules: tuple[str, ...]
    versions: dict[str, tuple[int, int]] = {}
    about: AboutIssue | None = None

    @property
    def decision(self) -> AboutIssue | None:
        """The issue, if the alert is about a decision."""
        return self.about if self.about and self.about.is_decision else None


class Window(msgspec.Struct, frozen=True):
    """A window: when it began (epoch milliseconds), and how many messages were sent in it, by group."""

    since: int = 0
    sent: dict[str, int] = {}


class Notification(msgspec.Struct, frozen=True):
    """The alerts of one message: those of one trace, or all of a group."""

    group: str
    alerts: tuple[PendingAlert, ...]

    @property
    def alone(self) -> bool:
        """Whether the message is about one trace."""
        return len(self.alerts) == 1

    @property
    def decision(self) -> AboutIssue | None:
        """The issue of which a decision is told; None where the message is about traces."""
        return self.alerts[0].decision if self.alone else None


class NotificationPlan(msgspec.Struct, frozen=True):
    """What is sent now, what is held, and the window that follows."""

    notifications: tuple[Notification, ...]
    held: tuple[PendingAlert, ...]
    window: Window


def group_alerts(alerts: Sequence[PendingAlert], window: Window, now_ms: int) -> NotificationPlan:
    """Plans which of ``alerts`` are sent at ``now_ms`` (epoch milliseconds), and in which notifications."""
    fresh = not _is_open(window, now_ms)
    if fresh:
        window = Window(since=now_ms)
    groups: dict[str, list[PendingAlert]] = {}
    for alert in sorted(alert for alert in alerts if not alert.decision):
        groups.setdefault(alert.group, []).append(alert)
    notifications: list[Notification] = []
    held: list[PendingAlert] = []
    for group, members in groups.items():
        room = max(PER_GROUP - window.sent.get(group, 0), 0)
        if fresh and len(members) > PER_GROUP:
            notifications.append(Notification(group, tuple(members)))
        else:
            notifications += [Notification(group, (alert,)) for alert in members[:room]]
            held += members[room:]
    notifications, too_many = _within(notifications, PER_WINDOW - sum(window.sent.values()), fresh=fresh)
    sent = dict(window.sent)
    for notification in notifications:
        sent[notification.group] = sent.get(notification.group, 0) + 1
    notifications += [Notification(alert.group, (alert,)) for alert in sorted(alerts) if alert.decision]
    return NotificationPlan(tuple(notifications), tuple(sorted([*held, *too_many])), Window(window.since, sent))


def full_groups(window: Window, now_ms: int) -> tuple[str, ...]:
    """Gives the groups that get no message before the window is over."""
    return tuple(group for group, sent in window.sent.items() if sent >= PER_GROUP) if _is_open(window, now_ms) else ()


def _is_open(window: Window, now_ms: int) -> bool:
    return window.since <= now_ms < window.since + WINDOW_MS


def _within(notifications: list[Notification], room: int, *, fresh: bool) -> tuple[list[Notification], list[PendingAlert]]:
    """The notifications for which there is room; in a fresh window the last one takes the rest, otherwise the rest is held."""
    if len(notifications) <= room:
        return notifications, []
    kept = max(room - 1, 0) if fresh else max(room, 0)
    rest = sorted(alert for notification in notifications[kept:] for alert in notification.alerts)
    return ([*notifications[:kept], Notification(_OTHERS, tuple(rest))], []) if fresh else (notifications[:kept], rest)
