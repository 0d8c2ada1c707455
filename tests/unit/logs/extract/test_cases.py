"""Cases: lines from public bug reports of other shippers, runtimes and loggers, with the right reading of each (tests/cases/lines.json)."""

import json

import pytest

from pipeline.logs.extract.read_lines import extract
from tests.support.paths import ROOT

GROUPS = json.loads((ROOT / "tests" / "cases" / "lines.json").read_text())
LINES = [pytest.param(line["message"], line["expect"], id=f"{group['id']}: {line['name']}") for group in GROUPS for line in group["lines"]]


@pytest.mark.parametrize(("message", "expected"), [line for line in LINES if {"severity", "signals"} & line.values[1].keys()])
def test_severity_and_signals(message, expected):
    """Each line has its writer's level, and shows the failures that it reports and no others."""
    line = extract(message)
    if "severity" in expected:
        assert (line.severity.text if line.severity else None) == expected["severity"]
    if "signals" in expected:
        signals, wanted = set(line.signals), expected["signals"] or {"none": signals_of_any_kind()}
        assert signals >= set(wanted.get("all", ()))
        assert not signals & set(wanted.get("none", ()))
        assert signals & set(wanted["any"]) if "any" in wanted else True


def signals_of_any_kind():
    """Every signal there is."""
    return {
        "error",
        "exception",
        "crash",
        "timeout",
        "out-of-memory",
        "function-error",
        "error-payload",
        "partial-failure",
        "state-machine-failed",
        "durable-execution-failed",
    }
