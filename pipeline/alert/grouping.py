"""Grouping: which alerts are sent now, and which together. Pure: pending alerts and the window go in, notifications come out.

A window lasts a minute. Alerts that are pending when it begins are sent at once: up to three traces of a service each alone, more in
one message. In a window a service gets three messages; further alerts are held until it is over. All services together get twenty,
since whoever writes segments or has log groups can make up any number of services.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

WINDOW_MS: Final = 60_000
PER_GROUP: Final = 3
PER_WINDOW: Final = 20
_OTHERS: Final = "several services"


class PendingAlert(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """The pending alerts of one trace.

    Attributes:
        at: when the first of them was stored (ISO 8601, UTC).
        group: the service by which alerts are grouped.
        rules: the rules that fired.
        versions: the sequence number and primary term of the stored alert, by rule.
    """

    at: str
    trace_id: str
    group: str
    rules: tuple[str, ...]
    versions: dict[str, tuple[int, int]] = {}


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
    for alert in sorted(alerts):
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
