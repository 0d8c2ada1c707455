"""Index days: which times have a daily index of their own. All others share one index, so no event's time makes indices without end.

Source: Amazon CloudWatch Logs API reference, "PutLogEvents": no event may be older than 14 days, or more than two hours in the future.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from pipeline.model.invocations import LAST_MILLI
from pipeline.model.timestamps import day_of_nanos

OUTSIDE: Final = "outside"
"""What stands for the day in the name of the index that all other times share."""
KEPT_LOGS: Final = "kept-logs"
"""The index, behind the prefix, of the lines that are held, whatever their day: no retention reaches it."""
KEPT_SPANS: Final = "kept-spans"
"""The same for spans."""

_BACK_DAYS: Final = 14
# the longest retention of the stack; a daily index lives as long as was chosen when it was made
_KEPT_DAYS: Final = 90
_AHEAD_MS: Final = 2 * 3_600_000
_DAY_MS: Final = 86_400_000


class IndexDays(msgspec.Struct, frozen=True):
    """The times whose days have an index of their own, in milliseconds since the epoch, UTC.

    Attributes:
        earliest: the first of them.
        latest: the last of them.
        remembered: a document with a time from here up to ``earliest`` may be stored in the index of its day, since it was within the
            bounds when it came first.
    """

    earliest: int
    latest: int
    remembered: int

    def has(self, at: int) -> bool:
        """Whether the day of ``at`` has an index of its own."""
        return self.earliest <= at <= self.latest

    def aged(self, at: int) -> bool:
        """Whether ``at`` is too old now, but an index of its day may still hold what came in time."""
        return self.remembered <= at < self.earliest


ALL_DAYS: Final = IndexDays(earliest=-(2**63), latest=2**63, remembered=-(2**63))
"""Bounds that nothing is outside of."""


def daily_indices(prefix: str) -> str:
    """Returns the index pattern that covers the logs and spans that are deleted after their retention."""
    return f"{prefix}-logs-*,{prefix}-spans-*"


def log_indices(prefix: str) -> str:
    """Returns the index pattern that covers all log lines, held ones included, whether there is any of these or not."""
    return f"{prefix}-logs-*,{prefix}-{KEPT_LOGS}*"


def log_indices_between(prefix: str, first: int, last: int) -> str:
    """Returns the index pattern that covers the log lines between two times, whether there are indices of their days or not.

    The times are milliseconds since the epoch, UTC, a few days apart.
    """
    days = [day_of_nanos(at * 1_000_000) for at in (*range(first, last, _DAY_MS), last)]
    names = [f"{prefix}-logs-{day}*" for day in dict.fromkeys((*days, OUTSIDE))]
    return ",".join((*names, f"{prefix}-{KEPT_LOGS}*"))


def span_indices(prefix: str) -> str:
    """Returns the index pattern that covers all spans, held ones included, whether there is any of these or not."""
    return f"{prefix}-spans-*,{prefix}-{KEPT_SPANS}*"


def index_days(now: int, retention_days: int) -> IndexDays:
    """The bounds at ``now`` (milliseconds since the epoch): CloudWatch Logs' own, and back as far as documents are kept."""
    earliest = now - max(_BACK_DAYS, retention_days) * _DAY_MS
    return IndexDays(earliest=earliest, latest=now + _AHEAD_MS, remembered=earliest - _KEPT_DAYS * _DAY_MS)


def index_of_day_near(names: Iterable[str], first: int, last: int) -> str:
    """Returns that index of ``names`` that may hold documents from a day before ``first`` to a day after ``last``; empty if none may.

    Args:
        names: of daily indices, or of the one that all other times share.
        first: milliseconds since the epoch, UTC.
        last: likewise; 0 where no time is known, so that any index may.
    """
    if not last:
        return min(names, default="")
    earliest, latest = (day_of_nanos(min(max(at, 0), LAST_MILLI) * 1_000_000) for at in (first - _DAY_MS, last + _DAY_MS))
    return next((name for name in sorted(names) if name.endswith(OUTSIDE) or earliest <= name[-len(earliest) :] <= latest), "")
