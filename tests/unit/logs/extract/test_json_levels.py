"""Levels of JSON lines under rare keys, in objects, and as numbers that other keys explain."""

import json

import pytest

from pipeline.logs.extract.read_lines import extract


@pytest.mark.parametrize("key", ["log_level", "logLevel", "LogLevel", "loglevel", "level_name", "levelname", "levelName", "@l", "@level", "lvl", "sLevel",
                                 "log.level", "Level", "LEVEL", "Severity", "severity", "severityText", "SeverityText"])  # fmt: skip
def test_keys(key):
    """Each writer's key for the level is known, whatever the case of its word."""
    line = extract(json.dumps({key: "Critical", "message": "x"}))
    assert (line.severity.text, line.signals) == ("CRITICAL", ("error",))


@pytest.mark.parametrize(("content", "text"), [
    ({"level": {"name": "WARNING", "no": 30}}, "WARNING"), ({"record": {"level": {"name": "CRITICAL", "no": 50}}, "text": "x"}, "CRITICAL"),
    ({"_meta": {"logLevelId": 6, "logLevelName": "FATAL"}, "0": "x"}, "FATAL"), ({"log": {"level": "warn"}, "message": "x"}, "WARN"),
])  # fmt: skip
def test_objects(content, text):
    """The level of loguru, tslog and the Elastic Common Schema is a member of an object."""
    assert extract(json.dumps(content)).severity.text == text


@pytest.mark.parametrize(("content", "text"), [
    ({"version": "1.1", "short_message": "x", "level": 2}, "CRITICAL"), ({"facility": "user", "message": "x", "level": 6}, "INFO"),
    ({"PRIORITY": "3", "MESSAGE": "x"}, "ERROR"), ({"level": 550, "channel": "app", "message": "x"}, "ALERT"),
    ({"level": 250, "datetime": "x", "message": "x"}, "NOTICE"), ({"level": 60, "pid": 1, "hostname": "h", "time": 1, "v": 0, "msg": "x"}, "FATAL"),
    ({"level": "40", "msg": "x"}, "WARN"), ({"levelno": 40, "message": "x"}, "ERROR"), ({"severityNumber": 21, "body": "x"}, "FATAL"),
    ({"severityNumber": "13", "body": "x"}, "WARN"), ({"level": 3, "message": "x"}, None), ({"level": 400, "message": "x"}, None),
    ({"level": True, "message": "x"}, None), ({"level": 10**30, "channel": "a"}, None),
])  # fmt: skip
def test_numbers(content, text):
    """A number means what the other keys of its line say; where none says it, the level stays open, except pino's and bunyan's tens."""
    line = extract(json.dumps(content))
    assert (line.severity.text if line.severity else None) == text


@pytest.mark.parametrize(("word", "text", "number"), [("INFO+8", "INFO", 17), ("WARN-2", "WARN", 11), ("ERROR+4", "ERROR", 21), ("FATAL+9", "FATAL", 24),
                                                      ("\x1b[31merror\x1b[39m", "ERROR", 17), ("error    ", "ERROR", 17)])  # fmt: skip
def test_words_with_more_around_them(word, text, number):
    """Go's slog writes levels as distances; a console's colours and columns do not hide a word."""
    severity = extract(json.dumps({"level": word, "msg": "x"})).severity
    assert (severity.text, severity.number) == (text, number)
