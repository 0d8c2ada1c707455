"""Durations: reads how long something lasted as people write it, and writes it as people read it. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from pipeline.errors import WrongUsageError

NANOS_A_MILLI: Final = 1_000_000
_SECOND: Final = 1000.0
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_TEN: Final = 10.0

_NANOS: Final[Mapping[str, int]] = MappingProxyType(
    {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": NANOS_A_MILLI, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
)
_PART: Final = re.compile(rf"([0-9]{{1,19}}(?:\.[0-9]{{1,9}})?)({'|'.join(_NANOS)})")
# the largest number that OpenSearch has a type for; it has 19 digits
_LONGEST: Final = 2**63 - 1


def parse_duration(text: str) -> int:
    """Reads a duration, such as 500ms, 1.5s or 2m30s, as whole nanoseconds. Raises WrongUsageError where ``text`` is none."""
    parts = _PART.findall(text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        raise WrongUsageError(f"{text[:60]!r} is no duration: expected one such as 500ms, 1.5s or 2m30s")
    return min(int(sum(Decimal(number) * _NANOS[unit] for number, unit in parts)), _LONGEST)


def duration(milliseconds: float | None) -> str:
    """Writes a duration of so many milliseconds with about three digits: 0.4 ms, 12 ms, 1.25 s, 3 min 5 s; empty where it is not known."""
    if milliseconds is None:
        return ""
    if milliseconds < _TEN:
        return f"{milliseconds:.1f} ms"
    if milliseconds < _SECOND:
        return f"{milliseconds:.0f} ms"
    if milliseconds < _MINUTE:
        return f"{milliseconds / _SECOND:.2f} s"
    large, small, names = (_HOUR, _MINUTE, ("h", "min")) if milliseconds >= _HOUR else (_MINUTE, _SECOND, ("min", "s"))
    whole, rest = divmod(milliseconds, large)
    return f"{whole:.0f} {names[0]} {rest // small:.0f} {names[1]}"


def rough_duration(milliseconds: float) -> str:
    """Writes a duration of so many milliseconds in the largest unit that it fills, rounded: 59 s, 3 min, 2 h, 5 d."""
    unit, name = next((each for each in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")) if milliseconds >= each[0]), (_SECOND, "s"))
    return f"{milliseconds / unit:.0f} {name}"
