"""Severity: maps every writer's word or number for a level to OpenTelemetry's number.

Sources: OpenTelemetry logs data model ("SeverityNumber"; its appendix maps other writers' levels), RFC 5424 (syslog), the Graylog Extended
Log Format, and the level tables of pino, bunyan, Monolog, Python's logging, Go's log/slog, log15, logrus, zap, zerolog and Serilog, and of
.NET's console logger.
"""

import re
from functools import lru_cache
from typing import Final

from pipeline.logs.extract.log_line import Severity
from pipeline.model.facts import Signal

ERROR_NUMBER = 17
_NUMBERS = {
    "TRACE": 1, "TRCE": 1, "TRAC": 1, "TRC": 1, "FINEST": 1, "VERBOSE": 1, "VRB": 1, "SILLY": 1,
    "DEBUG": 5, "DEBU": 5, "DBUG": 5, "DBG": 5, "FINER": 5, "FINE": 5, "HTTP": 8,
    "INFO": 9, "INF": 9, "INFORMATION": 9, "INFORMATIONAL": 9, "CONFIG": 9, "LOG": 9, "SUCCESS": 9, "NOTE": 9, "NOTICE": 10,
    "WARN": 13, "WRN": 13, "WARNING": 13,
    "ERROR": 17, "ERR": 17, "ERRO": 17, "EROR": 17, "FAIL": 17, "SEVERE": 17,
    "CRITICAL": 18, "CRIT": 18, "CRT": 18, "DPANIC": 18, "ALERT": 19,
    "FATAL": 21, "FATA": 21, "FTL": 21, "EMERGENCY": 21, "EMERG": 21, "PANIC": 21, "PANI": 21, "PNC": 21,
}  # fmt: skip
# pino and bunyan count in tens
_LEVELS = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}
_COLOUR = re.compile(r"\x1b\[[\d;]{0,20}m")
# Go's slog writes a level between two names as a distance, such as ERROR+4
_DISTANCE = re.compile(r"([A-Z]{3,9})([+-]\d{1,2})", re.ASCII)
_LONGEST_WORD = 60
_BEFORE_A_NOUN: Final = frozenset({"a", "an", "any", "as", "every", "from", "got", "if", "in", "is", "it", "no", "not", "of", "on",
                                   "returned", "that", "the", "this", "was", "with", "without"})  # fmt: skip
_HIGHEST = 24


@lru_cache(maxsize=256)
def read_severity(level: str | int) -> Severity | None:
    """The severity that ``level`` names, a word in any case or a number of pino or bunyan; None if it names none."""
    if isinstance(level, int):
        text = _LEVELS.get(level, "")
    elif len(level) > _LONGEST_WORD:
        return None
    else:
        text = _COLOUR.sub("", level).strip().upper()
        if text.isdecimal():
            text = _LEVELS.get(int(text), "")
    number = _NUMBERS.get(text)
    if number:
        return Severity(text, number)
    match = _DISTANCE.fullmatch(text)
    if match and (number := _NUMBERS.get(match[1])):
        return Severity(match[1], min(max(number + int(match[2]), 1), _HIGHEST))
    return None


def is_prose(before: str) -> bool:
    """Whether a level's word in capitals is part of a sentence, by the text ``before`` it, such as "got an" before "ERROR"."""
    return before[-1:] == " " and before[-12:].rpartition(" ")[0].rpartition(" ")[2].lower() in _BEFORE_A_NOUN


# for the hot path: by the usual spelling of a level, its severity and the signals of such a line
_ERROR: Final[tuple[Signal, ...]] = ("error",)
COMMON: Final[dict[object, tuple[Severity, tuple[Signal, ...]]]] = {
    word: (Severity(word, number), _ERROR if number >= ERROR_NUMBER else ()) for word, number in _NUMBERS.items()
}
