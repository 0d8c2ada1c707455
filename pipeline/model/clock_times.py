"""Clock times: writes stored times as people read them, in a time zone that is said. Pure but for the computer's own zone."""

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple


class ClockTime(NamedTuple):
    """A moment as people read it; all three are empty where there is none.

    Attributes:
        day: 2026-11-24.
        time: 10:00:00.123.
        zone: the name of the time zone at that moment: UTC, CET, or +03.
    """

    day: str = ""
    time: str = ""
    zone: str = ""

    def __str__(self) -> str:
        """The moment in full: 2026-11-24 10:00:00.123 CET."""
        return " ".join(filter(None, self))


def moment(at: str | float | None, zone: tzinfo | None = UTC) -> datetime | None:
    """Reads a stored time as an aware datetime in a zone; None where there is none, or it is none.

    Args:
        at: ISO 8601 with a zone, or milliseconds since the epoch.
        zone: the zone of the result; None for the computer's own.
    """
    try:
        if isinstance(at, str):
            return datetime.fromisoformat(at).astimezone(zone) if at else None
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None


def clock_time(at: str | float | None, zone: tzinfo | None = None, timespec: str = "milliseconds") -> ClockTime:
    """Writes a stored time, as `moment` reads it, for a person; ``timespec`` is that of `datetime.isoformat`."""
    found = moment(at, zone)
    if found is None:
        return ClockTime()
    day, _, time = found.replace(tzinfo=None).isoformat(" ", timespec).partition(" ")
    return ClockTime(day, time, found.tzname() or "")
