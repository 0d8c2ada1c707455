"""Lambda's own events in its JSON log format (tests/cases/platform_records.json has one of each type that AWS documents)."""

import json

import msgspec
import pytest

from pipeline.logs.extract.read_lines import extract
from tests.support.events import REQUEST, TRACE
from tests.support.paths import ROOT

XRAY = "1-5759e988-bd862e3fe1be46a994272793"
SPAN = "53995c3f42cd8ad8"


def test_platform_json():
    """Lambda's JSON system log gives request, trace, sampling and status."""
    record = {
        "requestId": REQUEST,
        "status": "timeout",
        "tracing": {"spanId": SPAN, "type": "X-Amzn-Trace-Id", "value": f"Root={XRAY};Sampled=1"},
    }
    line = extract(json.dumps({"time": "2023", "type": "platform.report", "record": record}))
    assert (line.format, line.request_id, line.trace_id, line.span_id, line.sampled, line.signals) == (
        "platform.report", REQUEST, TRACE, SPAN, True, ("timeout",))  # fmt: skip


RECORDS = json.loads((ROOT / "tests" / "cases" / "platform_records.json").read_text())
# what a line has in any case, or keeps as it was written
PLAIN = {"@timestamp", "body", "attributes", "eventName", "spanId"}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in RECORDS])
def test_every_documented_record_is_read(case):
    """Each type is an event of the platform, with the severity, request, trace, status, numbers and failures that it names, and no more."""
    event = case["event"]
    line = extract(json.dumps(event))
    assert (line.platform, line.event_name, line.outside) == (True, event["type"], "requestId" not in event["record"])
    found = json.loads(msgspec.json.encode(line))
    found |= {"severity": found.pop("severity")["text"]} if line.severity else {}
    assert {name: value for name, value in found.items() if name not in PLAIN and value} == {
        name: value for name, value in case["expect"].items() if value
    }
    assert found.get("coldStart") == case["expect"].get("coldStart")


def test_every_documented_type_has_a_record():
    """The types of AWS' two schema pages, as of 2026."""
    lambda_types = {"initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report", "restoreStart", "restoreRuntimeDone",
                    "restoreReport", "extension", "telemetrySubscription", "logsDropped"}  # fmt: skip
    web_types = {"invokeStart", "requestComplete", "invokeSummary", "invokeReport", "spinDownStart", "spinDownReport"}
    assert {f"platform.{name}" for name in lambda_types | web_types} <= {case["event"]["type"] for case in RECORDS}


def test_the_level_that_an_event_names_counts():
    """Where Lambda writes a level beside the type, it is the line's."""
    event = {"time": "2026", "type": "platform.report", "level": "ERROR", "record": {"requestId": REQUEST, "status": "success"}}
    assert extract(json.dumps(event)).severity.text == "ERROR"
