"""Severity: every writer's word for it, and OpenTelemetry's number (OpenTelemetry logs data model, "SeverityNumber")."""

from functools import lru_cache
from typing import Final

from pipeline.logs.extract.log_line import Severity
from pipeline.model.facts import Signal

ERROR_NUMBER = 17
_NUMBERS = {
    "TRACE": 1, "FINEST": 1, "VERBOSE": 1, "SILLY": 1,
    "DEBUG": 5, "FINER": 5, "FINE": 5,
    "INFO": 9, "INFORMATION": 9, "INFORMATIONAL": 9, "CONFIG": 9, "NOTICE": 10,
    "WARN": 13, "WARNING": 13,
    "ERROR": 17, "ERR": 17, "SEVERE": 17, "CRITICAL": 18, "ALERT": 19,
    "FATAL": 21, "EMERGENCY": 21, "EMERG": 21, "PANIC": 21,
}  # fmt: skip
# pino and bunyan count in tens
_LEVELS = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}


@lru_cache(maxsize=256)
def read_severity(level: str | int) -> Severity | None:
    """The severity that ``level`` names, in any case, or None where it names none."""
    text = _LEVELS.get(level, "") if isinstance(level, int) else level.strip().upper()
    number = _NUMBERS.get(text)
    return Severity(text, number) if number else None


# by its usual spelling, for the hot path: with the signals that such a line has
_ERROR: Final[tuple[Signal, ...]] = ("error",)
COMMON: Final[dict[object, tuple[Severity, tuple[Signal, ...]]]] = {
    word: (Severity(word, number), _ERROR if number >= ERROR_NUMBER else ()) for word, number in _NUMBERS.items()
}
