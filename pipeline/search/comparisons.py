"""Comparisons: reads which HTTP statuses and which durations a person asks for, as bounds of OpenSearch's `range` query. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from pipeline.errors import WrongUsageError
from pipeline.model.durations import parse_duration

STATUSES: Final = "a status such as 404, a class such as 5xx, or a comparison such as >=500"

Bounds = Mapping[str, int]
"""Numbers by `gt`, `gte`, `lt` and `lte`."""

_OPERATORS: Final[Mapping[str, str]] = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_COMPARED: Final = re.compile(r"([<>]=?)\s*(.+)", re.DOTALL)
_STATUS: Final = re.compile(r"[1-9][0-9]{2}")
_CLASS: Final = re.compile(r"([1-9])xx", re.IGNORECASE)
_A_CLASS: Final = 100


def status_bounds(text: str) -> Bounds:
    """Reads an HTTP status (404), a class of them (5xx) or a comparison (>=500). Raises WrongUsageError where ``text`` is none."""
    if found := _CLASS.fullmatch(text.strip()):
        first = int(found[1]) * _A_CLASS
        return {"gte": first, "lt": first + _A_CLASS}
    operator, number = _parts(text)
    if not _STATUS.fullmatch(number):
        raise WrongUsageError(f"{text[:60]!r} is no HTTP status: expected {STATUSES}")
    return {_OPERATORS[operator]: int(number)} if operator else {"gte": int(number), "lte": int(number)}


def duration_bounds(text: str) -> Bounds:
    """Reads a comparison with a duration (>500ms), in nanoseconds. Raises WrongUsageError where ``text`` is none."""
    operator, length = _parts(text)
    nanoseconds = parse_duration(length)
    if not operator:
        raise WrongUsageError(f"{text[:60]!r} says neither longer nor shorter: expected a comparison such as >500ms, >=1.5s or <2m30s")
    return {_OPERATORS[operator]: nanoseconds}


def _parts(text: str) -> tuple[str, str]:
    """The operator, empty where there is none, and what it compares with."""
    found = _COMPARED.fullmatch(text.strip())
    return (found[1], found[2]) if found else ("", text.strip())
