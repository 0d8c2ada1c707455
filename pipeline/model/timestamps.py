"""Timestamps: converts between epoch times and ISO 8601 text. All text is UTC and ends with Z."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_LENGTH = len("1970-01-01T00:00:00")


def iso(at: datetime, timespec: str = "milliseconds") -> str:
    """Formats an aware time as ISO 8601, UTC; ``timespec`` is that of `datetime.isoformat`."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def iso_millis(at: int) -> str:
    """Formats milliseconds since the epoch as ISO 8601 with three decimals, UTC."""
    return iso(EPOCH + timedelta(milliseconds=at))


def iso_nanos(nanos: int) -> str:
    """Formats nanoseconds since the epoch as ISO 8601 with nine decimals, UTC."""
    seconds, rest = divmod(nanos, _SECOND)
    return f"{(EPOCH + timedelta(seconds=seconds)).isoformat()[:_LENGTH]}.{rest:09d}Z"


def nanos_of(timestamp: str) -> int:
    """Converts an ISO 8601 time with any number of decimals to nanoseconds since the epoch. Raises ValueError if it is none."""
    whole, point, rest = timestamp.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if point else ""
    at = datetime.fromisoformat(whole + rest[len(digits) :])
    seconds = (at - EPOCH) // timedelta(seconds=1)
    return seconds * _SECOND + int(digits.ljust(9, "0")[:9])


def day_of_nanos(nanos: int) -> str:
    """Formats the UTC day of a time in nanoseconds since the epoch as index names write it: 2026.11.24."""
    return _day(nanos // _DAY)


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return f"{EPOCH + timedelta(days=number):%Y.%m.%d}"


def day_of_millis(at: int) -> str:
    """Formats the UTC day of a time in milliseconds since the epoch: 2026-11-24."""
    return f"{EPOCH + timedelta(milliseconds=at):%Y-%m-%d}"


def millis_of(timestamp: str) -> int:
    """Converts an ISO 8601 time to milliseconds since the epoch. Raises ValueError if it is none."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
