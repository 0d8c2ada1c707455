"""Choice: which of the parked events and dead letters somebody wants."""

import re
from datetime import datetime
from typing import Final

import msgspec

# a number, or an id in hexadecimal
_NUMBER: Final = re.compile(r"\b(?:\d+|[0-9a-f]{8,})\b")


class Choice(msgspec.Struct, frozen=True):
    """Which parked events and dead letters are wanted.

    Attributes:
        since: those that are not older; an aware time. A parked event's is the one at which it was parked.
        until: parked events that are not newer, so that a run ends while others are parked; an aware time.
        reason: a part of their reason, in upper or lower case; empty for any.
        ids: these alone: keys of objects, which hold a slash, and ids of dead letters, which hold none; empty for all.
        limit: how many at most; None for all.
    """

    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""
    ids: frozenset[str] = frozenset()
    limit: int | None = None

    @property
    def keys(self) -> list[str]:
        """The ids that are keys of objects."""
        return sorted(id_ for id_ in self.ids if "/" in id_)

    @property
    def letters(self) -> list[str]:
        """The ids that are those of dead letters."""
        return sorted(id_ for id_ in self.ids if "/" not in id_)

    def wants(self, reason: str) -> bool:
        """Whether one with this reason is wanted."""
        part = self.reason.casefold()
        return part in reason.casefold() or part in alike(reason).casefold()


def alike(reason: str) -> str:
    """``reason`` as all those like it have it: with … for each number and id."""
    return _NUMBER.sub("…", reason)
