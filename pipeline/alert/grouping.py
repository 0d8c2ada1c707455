"""Plan: which alerts are told now, and which together. Pure: what is due and what was sent go in, messages come out.

A window lasts a minute. What is due at its beginning is told at once: up to three traces of a service each alone, more in one message.
While it lasts, each service has three messages in all; what comes beyond that is held until the window is over. All services together
have twenty: service names stand in log lines, so anybody can make up any number of them.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

WINDOW_MS: Final = 60_000
PER_GROUP: Final = 3
PER_WINDOW: Final = 20
_OTHERS: Final = "several services"


class PendingAlert(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A trace that somebody is to be told of.

    Attributes:
        at: since when (ISO 8601, UTC).
        group: the service that storms are told by.
        rules: which fired.
        versions: of the stored alert of each rule, its sequence number and primary term.
    """

    at: str
    trace_id: str
    group: str
    rules: tuple[str, ...]
    versions: dict[str, tuple[int, int]] = {}


class Window(msgspec.Struct, frozen=True):
    """When the window began (epoch milliseconds), and how many messages were sent in it, by group."""

    since: int = 0
    sent: dict[str, int] = {}


class Notification(msgspec.Struct, frozen=True):
    """What one message tells of: one trace, or all of a group."""

    group: str
    dues: tuple[PendingAlert, ...]

    @property
    def alone(self) -> bool:
        """Whether it is about one trace."""
        return len(self.dues) == 1


class NotificationPlan(msgspec.Struct, frozen=True):
    """What is sent now, what is held, and what the window is then."""

    parcels: tuple[Notification, ...]
    held: tuple[PendingAlert, ...]
    window: Window


def group_alerts(dues: Sequence[PendingAlert], window: Window, now_ms: int) -> NotificationPlan:
    """What to send of ``dues`` at ``now_ms``."""
    fresh = not _is_open(window, now_ms)
    if fresh:
        window = Window(since=now_ms)
    groups: dict[str, list[PendingAlert]] = {}
    for due in sorted(dues):
        groups.setdefault(due.group, []).append(due)
    parcels: list[Notification] = []
    held: list[PendingAlert] = []
    for group, members in groups.items():
        room = max(PER_GROUP - window.sent.get(group, 0), 0)
        if fresh and len(members) > PER_GROUP:
            parcels.append(Notification(group, tuple(members)))
        else:
            parcels += [Notification(group, (due,)) for due in members[:room]]
            held += members[room:]
    parcels, too_many = _within(parcels, PER_WINDOW - sum(window.sent.values()), fresh=fresh)
    sent = dict(window.sent)
    for parcel in parcels:
        sent[parcel.group] = sent.get(parcel.group, 0) + 1
    return NotificationPlan(tuple(parcels), tuple(sorted([*held, *too_many])), Window(window.since, sent))


def full_groups(window: Window, now_ms: int) -> tuple[str, ...]:
    """The groups of which nothing can be sent before the window is over."""
    return tuple(group for group, sent in window.sent.items() if sent >= PER_GROUP) if _is_open(window, now_ms) else ()


def _is_open(window: Window, now_ms: int) -> bool:
    return window.since <= now_ms < window.since + WINDOW_MS


def _within(parcels: list[Notification], room: int, *, fresh: bool) -> tuple[list[Notification], list[PendingAlert]]:
    """The parcels for which there is room; in a fresh window the rest goes into the last one, otherwise it waits."""
    if len(parcels) <= room:
        return parcels, []
    kept = max(room - 1, 0) if fresh else max(room, 0)
    rest = sorted(due for parcel in parcels[kept:] for due in parcel.dues)
    return ([*parcels[:kept], Notification(_OTHERS, tuple(rest))], []) if fresh else (parcels[:kept], rest)
