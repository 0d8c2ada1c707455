"""JSON levels: finds the level of a JSON line under a rare key, in an object, or as a number that other keys of the line explain.

It is imported only for marked lines. Sources: the documentation of Monolog, Graylog (GELF), systemd's journal, Python's logging, loguru,
tslog, hclog, Serilog (CLEF), .NET's JSON console, DAZN's logger, Elastic Common Schema and OpenTelemetry's logs data model.
"""

from typing import Any, Final

import msgspec

from pipeline.logs.extract.json_keys import DECODE_ERRORS
from pipeline.logs.extract.level_words import SYSLOG_LEVELS
from pipeline.logs.extract.log_line import Severity
from pipeline.logs.extract.severity import read_severity

_key = msgspec.field
_ABSENT = msgspec.Raw()
_MONOLOG: Final = {100: "DEBUG", 200: "INFO", 250: "NOTICE", 300: "WARNING", 400: "ERROR", 500: "CRITICAL", 550: "ALERT", 600: "EMERGENCY"}
_PYTHON: Final = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
# OpenTelemetry's numbers come in fours
_OPENTELEMETRY: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_MOST_OPENTELEMETRY = 24


class _LevelKeys(msgspec.Struct, gc=False):
    level: Any = None
    log_level: Any = None
    log_level_dotted: Any = _key(name="log.level", default=None)
    log_level_dashed: Any = _key(name="log-level", default=None)
    log_level_camel: Any = _key(name="logLevel", default=None)
    log_level_pascal: Any = _key(name="LogLevel", default=None)
    loglevel: Any = None
    level_name: Any = None
    levelname: Any = None
    level_name_camel: Any = _key(name="levelName", default=None)
    level_pascal: Any = _key(name="Level", default=None)
    level_capitals: Any = _key(name="LEVEL", default=None)
    clef: Any = _key(name="@l", default=None)
    hclog: Any = _key(name="@level", default=None)
    lvl: Any = None
    dazn: Any = _key(name="sLevel", default=None)
    severity: Any = None
    severity_pascal: Any = _key(name="Severity", default=None)
    severity_capitals: Any = _key(name="SEVERITY", default=None)
    severity_text: Any = _key(name="SeverityText", default=None)
    severity_number: Any = _key(name="severityNumber", default=None)
    severity_number_snake: Any = _key(name="severity_number", default=None)
    severity_number_pascal: Any = _key(name="SeverityNumber", default=None)
    log: Any = None
    record: Any = None
    meta: Any = _key(name="_meta", default=None)
    python: Any = _key(name="levelno", default=None)
    journal: Any = _key(name="PRIORITY", default=None)
    gelf: Any = _key(name="short_message", default=None)
    facility: Any = None
    channel: Any = None
    datetime: Any = None
    context: msgspec.Raw = _ABSENT


_decoder = msgspec.json.Decoder(_LevelKeys)


def find_json_level(message: str | msgspec.Raw) -> Severity | None:
    """The severity that a JSON line names; None if it names none, or if nothing tells what its number means."""
    try:
        keys = _decoder.decode(message)
    except DECODE_ERRORS:
        return None
    words = (keys.level_name, keys.levelname, keys.level_name_camel, keys.log_level, keys.log_level_dotted, keys.log_level_dashed,
             keys.log_level_camel, keys.log_level_pascal, keys.loglevel, keys.level_pascal, keys.level_capitals, keys.clef, keys.hclog,
             keys.lvl, keys.dazn, keys.severity_text, keys.severity, keys.severity_pascal, keys.severity_capitals,
             _member(keys.log, "level"),
             _member(_member(keys.record, "level"), "name"), _member(keys.meta, "logLevelName"), _member(keys.level, "name"),
             _member(keys.level, "levelStr"), keys.level)  # fmt: skip
    for word in words:
        if isinstance(word, str) and (severity := read_severity(word)):
            return severity
    return _of_number(keys)


def _of_number(keys: _LevelKeys) -> Severity | None:
    number = _number(keys.severity_number) or _number(keys.severity_number_snake) or _number(keys.severity_number_pascal)
    if number and 1 <= number <= _MOST_OPENTELEMETRY:
        return Severity(_OPENTELEMETRY[(number - 1) // 4], number)
    if word := _PYTHON.get(_number(keys.python) or 0):
        return read_severity(word)
    if (number := _number(keys.journal)) is not None and 0 <= number < len(SYSLOG_LEVELS):
        return read_severity(SYSLOG_LEVELS[number])
    number = _number(keys.level)
    if number is None:
        number = next((found for key in (keys.lvl, keys.log_level, keys.levelname) if (found := _number(key)) is not None), None)
    if number is None:
        return None
    if (keys.gelf is not None or keys.facility is not None) and 0 <= number < len(SYSLOG_LEVELS):
        return read_severity(SYSLOG_LEVELS[number])
    if keys.channel is not None or keys.datetime is not None or keys.context is not _ABSENT:
        return read_severity(_MONOLOG.get(number, ""))
    return read_severity(number)


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _number(value: object) -> int | None:
    """The whole number that ``value`` holds, as a number or as short text; None if it holds none."""
    if isinstance(value, str) and len(value) <= 3 and value.isdecimal():  # noqa: PLR2004  # the longest level has three digits
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
