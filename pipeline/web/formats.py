"""Formats: times, durations, numbers and ids as a page shows them. Pure; every time is UTC."""

from collections.abc import Mapping
from datetime import UTC
from math import ceil, log10
from typing import Final
from urllib.parse import urlencode

from pipeline.model.clock_times import clock_time, moment
from pipeline.model.durations import duration, rough_duration
from pipeline.model.json_values import as_text

_SECOND: Final = 1000.0
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_TEN: Final = 10.0
_MOST_DIGITS: Final = 3


def day(at: str | None) -> str:
    """Formats the day of a stored time: 2026-11-24; empty where there is none."""
    return clock_time(at, UTC).day


def clock(at: str | None) -> str:
    """Formats the time of day of a stored time, to the millisecond: 10:00:00.123; empty where there is none."""
    return clock_time(at, UTC).time


def full_time(at: str | None) -> str:
    """Formats a stored time with its day: 2026-11-24 10:00:00.123; empty where there is none."""
    return f"{day(at)} {clock(at)}".strip()


def ago(at: str | None, now: float) -> str:
    """Formats how long a stored time lies before ``now`` (seconds since the epoch): 3 min ago; empty where there is none."""
    found = moment(at)
    if not found:
        return ""
    passed = now * _SECOND - found.timestamp() * _SECOND
    if passed < -_SECOND:
        return f"in {duration(-passed)}"
    return "now" if passed < _SECOND else f"{rough_duration(passed)} ago"


def axis_mark(milliseconds: float, step: float) -> str:
    """Formats a moment in milliseconds as `duration` does, and so exactly that moments with ``step`` milliseconds between them differ."""
    if step < 1:
        return f"{milliseconds:.{min(ceil(-log10(step)), _MOST_DIGITS)}f} ms"
    if step < _TEN and milliseconds >= _SECOND:
        return f"{milliseconds:.0f} ms"
    if step < _SECOND and milliseconds >= _MINUTE:
        return f"{milliseconds / _SECOND:.2f} s"
    if step < _MINUTE and milliseconds >= _HOUR:
        return f"{milliseconds // _MINUTE:.0f} min {milliseconds % _MINUTE // _SECOND:.0f} s"
    return duration(milliseconds)


def number(value: float) -> str:
    """Formats a whole number with commas: 100,000."""
    return f"{value:,.0f}"


def with_query(path: str, query: Mapping[str, object] | None = None, /, **parameters: object) -> str:
    """Returns the address of a page with these parameters; those that are empty or None are left out, a list gives several."""
    given = ((name, value if isinstance(value, list | tuple) else [value]) for name, value in {**(query or {}), **parameters}.items())
    pairs = [(name, as_text(str(each))) for name, values in given for each in values if each is not None and str(each)]
    return f"{path}?{urlencode(pairs)}" if pairs else path
