"""Severities, whatever a logger calls them."""

import json

import pytest

from pipeline.logs.extract.read_lines import extract


@pytest.mark.parametrize(("content", "text"), [({"level": "warn"}, "WARN"), ({"level": 50}, "ERROR"), ({"severityText": "Info"}, "INFO"),
                                               ({"log.level": "debug"}, "DEBUG"), ({"Level": "Fatal"}, "FATAL"), ({"levelname": "ERROR"}, "ERROR"),
                                               ({"status": "info"}, "INFO")])  # fmt: skip
def test_severities(content, text):
    """Words and pino's numbers become OpenTelemetry's severities."""
    assert extract(json.dumps(content)).severity.text == text
