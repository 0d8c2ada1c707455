"""JSON of a logger behind a runtime's own prefix."""

import json

import pytest

from pipeline.logs.extract.read_lines import extract
from tests.support.events import REQUEST, TRACE

OTHER = "11111111-aaaa-4bbb-8ccc-222222222222"
XRAY = f"1-{TRACE[:8]}-{TRACE[8:]}"
NODE, DOTNET = f"2026-11-20T10:00:00.000Z\t{REQUEST}\tINFO\t", f"2026-11-20T10:00:00.000Z\t{REQUEST}\tinfo\t"
PYTHON = f"[WARNING]\t2026-11-20T10:00:00.000Z\t{REQUEST}\t"


@pytest.mark.parametrize("prefix", [NODE, DOTNET, PYTHON])
@pytest.mark.parametrize(("content", "severity", "signals"), [
    ({"level": "Critical"}, "CRITICAL", ("error",)), ({"level": 50, "msg": "x"}, "ERROR", ("error",)), ({"lvl": "error"}, "ERROR", ("error",)),
    ({"level": "debug"}, "DEBUG", ()), ({"level": 300, "channel": "app"}, "WARNING", ()),
    ({"level": "error", "stack": "E: x\n    at y (/z.js:1:2)"}, "ERROR", ("error", "exception")),
])  # fmt: skip
def test_its_logger_says_the_level(prefix, content, severity, signals):
    """The level and the exception of the logger count more than the level of the prefix."""
    line = extract(prefix + json.dumps(content) + "\n")
    assert (line.severity.text, line.signals, line.request_id) == (severity, signals, REQUEST)


def test_its_ids():
    """The logger's trace, correlation ids and service are read; the runtime's request id counts more than the logger's."""
    line = extract(
        DOTNET + json.dumps({"xray_trace_id": XRAY, "function_request_id": OTHER, "correlation_id": "order-1", "service": "pay"})
    )
    assert (line.trace_id, line.request_id, line.correlation_ids, line.service_name) == (TRACE, REQUEST, ("order-1",), "pay")


@pytest.mark.parametrize("rest", ["order accepted\t{not JSON", '{"level": "error"', '{"level": "error"} and more', "[1, 2]", ""])
def test_what_is_no_json_changes_nothing(rest):
    """A line whose rest is no JSON object keeps the level of its prefix."""
    assert extract(NODE + rest).severity.text == "INFO"


def test_gos_log_package():
    """Lambda's library for Go prints an error that a handler returns as JSON behind a time."""
    assert "exception" in extract('2026/11/20 12:33:00 {"errorMessage":"gone","errorType":"PathError"}').signals
