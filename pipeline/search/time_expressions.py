"""Time expressions: reads times as people write them: relative, date math, ISO 8601, seconds or milliseconds since the epoch.

Python's `fromisoformat` reads ISO 8601, while dateutil's parser guesses ("42" is a day of this month to it). The packages
python-datemath (with arrow) and esdateutil read OpenSearch's date math, but each is one more dependency for the few lines below. Every
expression becomes one aware datetime, so OpenSearch's clock and time zone do not matter.
"""

import calendar
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pipeline.errors import WrongUsageError
from pipeline.model.timestamps import EPOCH, iso

EXPECTED = "such as 15m, 2h30m, now-1d/d, 2026-11-24, 2026-11-24T10:00, 2026-11-24T10:00:00Z or 1764000000"

_AGO = re.compile(r"-?(?=\d)(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_DURATION = re.compile(r"(?:\d+[wdhms])+", re.ASCII)
_MATH = re.compile(r"now((?:[+-]\d{0,9}[yMwdhHms]|/[yMwdhHms])*)", re.ASCII)
_STEP = re.compile(r"([+-])(\d*)(.)|/(.)")
_SECONDS = re.compile(r"(\d{9,10})(?:\.(\d{1,9}))?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)
# fromisoformat accepts any character between date and time
_ISO = re.compile(r"[0-9W-]{7,10}[T ][0-9:.,Z+-]+", re.ASCII)
# date_nanos ends in 2262; OpenSearch rejects a range that ends later (400)
_LAST = datetime(2262, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
_MONTHS = {"M": 1, "y": 12}
_FLOORS: dict[str, Callable[[datetime], datetime]] = {
    "s": lambda at: at.replace(microsecond=0),
    "m": lambda at: at.replace(second=0, microsecond=0),
    "h": lambda at: at.replace(minute=0, second=0, microsecond=0),
    "d": lambda at: datetime.combine(at.date(), time()),
    "w": lambda at: datetime.combine(at.date() - timedelta(days=at.weekday()), time()),
    "M": lambda at: datetime.combine(at.date().replace(day=1), time()),
    "y": lambda at: datetime.combine(at.date().replace(month=1, day=1), time()),
}


def parse_time(text: str, *, now: datetime, zone: tzinfo | None = None, end: bool = False) -> datetime:
    """Reads a time as a person writes it.

    Args:
        text: ``15m``, ``2h30m`` (ago); ``now-1h``, ``now-1d/d``; ISO 8601, with or without time, seconds and zone; epoch seconds or
            milliseconds.
        now: the present, aware.
        zone: the zone of times without one, and of the beginning of days; None for the system's own.
        end: whether a period (a date alone, a rounding) stands for its last microsecond instead of its first.

    Returns an aware datetime, UTC. Raises WrongUsageError where ``text`` is no time.
    """
    text = text.strip()
    # in UTC, since arithmetic in other zones follows the wall clock
    now = now.astimezone(UTC)
    try:
        return _ago(text, now) or _math(text, now, zone, end=end) or _epoch(text) or _iso(text, zone, end=end)
    except (ValueError, OverflowError, OSError):
        raise WrongUsageError(f"{text[:60]!r} is no time: expected one {EXPECTED}") from None


def parse_end(text: str, *, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Reads a time to come as `parse_time` does; a duration such as ``3d`` is from now on. Raises WrongUsageError where it is none."""
    at = parse_time(text, now=now, zone=zone)
    return now + (now - at) if _DURATION.fullmatch(text.strip()) else at


def time_range(since: datetime | None, until: datetime | None) -> dict[str, str]:
    """Returns the bounds of OpenSearch's `range` query from ``since`` to ``until``, both included; empty where neither is given.

    Raises WrongUsageError where nothing can lie between them.
    """
    if since and until and since > until:
        raise WrongUsageError(f"since ({since:%Y-%m-%dT%H:%M:%SZ}) lies after until ({until:%Y-%m-%dT%H:%M:%SZ}): nothing is between them")
    # a microsecond is a thousand of OpenSearch's nanoseconds
    return ({"gte": _bound(since)} if since else {}) | ({"lt": _bound(until, _TICK)} if until else {})


def _bound(at: datetime, more: timedelta = timedelta()) -> str:
    return iso(min(max(at, EPOCH), _LAST) + more, "microseconds")


def _ago(text: str, now: datetime) -> datetime | None:
    match = _AGO.fullmatch(text)
    if not match:
        return None
    parts = zip(_UNITS.values(), match.groups(), strict=True)
    # a time before the epoch becomes the epoch, since no data is older
    seconds = sum(int(count or 0) * unit.total_seconds() for unit, count in parts)
    return max(now - timedelta(seconds=min(seconds, (now - EPOCH).total_seconds())), EPOCH)


def _math(text: str, now: datetime, zone: tzinfo | None, *, end: bool) -> datetime | None:
    match = _MATH.fullmatch(text)
    if not match:
        return None
    at = now
    for sign, count, unit, rounded in _STEP.findall(match[1]):
        if rounded:
            at = _round(at, rounded.replace("H", "h"), zone, end=end)
        else:
            at = _move(at, int(f"{sign}{count or 1}"), unit.replace("H", "h"), zone)
    return at


def _move(at: datetime, count: int, unit: str, zone: tzinfo | None) -> datetime:
    if unit in "hms":
        return at + count * _UNITS[unit]
    wall = at.astimezone(zone).replace(tzinfo=None)
    return _moment(_months(wall, count * _MONTHS[unit]) if unit in _MONTHS else wall + count * _UNITS[unit], zone)


def _round(at: datetime, unit: str, zone: tzinfo | None, *, end: bool) -> datetime:
    floor = _FLOORS[unit](at.astimezone(zone).replace(tzinfo=None))
    if not end:
        return _moment(floor, zone)
    return _moment(_months(floor, _MONTHS[unit]) if unit in _MONTHS else floor + _UNITS[unit], zone) - _TICK


def _months(at: datetime, count: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 + count, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))


def _epoch(text: str) -> datetime | None:
    if _MILLISECONDS.fullmatch(text):
        return EPOCH + timedelta(milliseconds=int(text))
    match = _SECONDS.fullmatch(text)
    return EPOCH + timedelta(seconds=int(match[1]), microseconds=int((match[2] or "0").ljust(6, "0")[:6])) if match else None


def _iso(text: str, zone: tzinfo | None, *, end: bool) -> datetime:
    text = text.upper()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        if not _ISO.fullmatch(text):
            raise
        return _moment(datetime.fromisoformat(text), zone)
    midnight = datetime.combine(day, time())
    return _moment(midnight + timedelta(days=1), zone) - _TICK if end else _moment(midnight, zone)


def _moment(at: datetime, zone: tzinfo | None) -> datetime:
    """The time in UTC; one without a zone is read in ``zone``."""
    return (at.replace(tzinfo=zone) if zone and at.tzinfo is None else at).astimezone(UTC)
