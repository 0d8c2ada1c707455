"""What Lambda reports on invocations, initializations and restores, in its text lines and its platform events."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.logs.extract.log_line import InitLine, LogLine, MeasuredLine, PlatformReport, ReportLine
from pipeline.logs.extract.read_lines import extract
from pipeline.logs.printed import demote_printed
from tests.support.events import REQUEST

REPORT = f"REPORT RequestId: {REQUEST}\t"
USUAL = {"durationMs": 619.31, "billedMs": 700, "memoryMb": 128, "maxMemoryMb": 118}
NUMBERS = "Duration: 619.31 ms\tBilled Duration: 700 ms\tMemory Size: 128 MB\tMax Memory Used: 118 MB\t"


def measures_of(line: LogLine) -> dict[str, float | bool | str]:
    """What Lambda reports in a line, by the name of its field in the document."""
    content = json.loads(msgspec.json.encode(line))
    names = MeasuredLine.__struct_encode_fields__[len(LogLine.__struct_fields__) :]
    return {name: content[name] for name in names if name in content}


def event(kind: str, **record: object) -> str:
    """A platform event."""
    return json.dumps({"time": "2026-11-24T10:00:00.000Z", "type": f"platform.{kind}", "record": record})


@pytest.mark.parametrize(
    ("message", "measures"),
    [
        (f"{REPORT}{NUMBERS}\n", USUAL | {"coldStart": False}),
        (f"{REPORT}{NUMBERS}Init Duration: 127.02 ms\t\n", USUAL | {"initMs": 127.02, "coldStart": True}),
        # "Billed Restore Duration" is no restore, wherever it stands
        (f"{REPORT}{NUMBERS}Restore Duration: 511.25 ms\tBilled Restore Duration: 303 ms\t\n", USUAL | {"restoreMs": 511.25, "coldStart": True}),
        (f"{REPORT}{NUMBERS}Billed Restore Duration: 303 ms\tRestore Duration: 511.25 ms\t\n", USUAL | {"restoreMs": 511.25, "coldStart": True}),
        (f"{REPORT}{NUMBERS}Status: timeout\n", USUAL | {"coldStart": False, "platformStatus": "timeout"}),
        (f"{REPORT}{NUMBERS}Status: error\tError Type: Runtime.OutOfMemory\n",
         USUAL | {"coldStart": False, "platformStatus": "error", "errorType": "Runtime.OutOfMemory"}),
        ("INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout\n", {"initMs": 9999.79, "platformStatus": "timeout"}),
        ("INIT_REPORT Init Duration: 150.79 ms    Phase: init    Status: error    Error Type: Runtime.ExitError\n",
         {"initMs": 150.79, "platformStatus": "error", "errorType": "Runtime.ExitError"}),
        ("RESTORE_REPORT Restore Duration: 511.25 ms\n", {"restoreMs": 511.25}),
        ("RESTORE_REPORT Restore Duration: 1236.04 ms\tStatus: timeout\n", {"restoreMs": 1236.04, "platformStatus": "timeout"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("separator", ["\t", " ", "    "])
def test_text_lines(message, measures, separator):
    """REPORT, INIT_REPORT and RESTORE_REPORT give their numbers with tabs or spaces between them; the unit MB begins no name."""
    assert measures_of(extract(message.replace("\t", separator))) == measures


def test_the_recorded_reports_have_their_numbers(samples):
    """Each REPORT that was recorded in CloudWatch gives its four numbers; where it has an Init Duration, it is a cold start."""
    texts = (samples / "datadog_forwarder").rglob("*")
    lines = {part for path in texts if path.suffix == ".json" for part in _strings(json.loads(path.read_text()))}
    # some of the recordings escaped the text once more
    reports = [line.replace("\\t", "\t").replace("\\n", "\n") for line in lines if line.startswith("REPORT RequestId: ")]
    assert reports
    for line in reports:
        measures = measures_of(extract(line))
        assert {"durationMs", "billedMs", "memoryMb", "maxMemoryMb"} <= measures.keys(), line
        assert measures["coldStart"] is ("Init Duration" in line)


def _strings(value):
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(each)


METRICS = {"durationMs": 693.92, "billedDurationMs": 694, "memorySizeMB": 128, "maxMemoryUsedMB": 84}
READ = {"durationMs": 693.92, "billedMs": 694, "memoryMb": 128, "maxMemoryMb": 84}


@pytest.mark.parametrize(
    ("message", "measures"),
    [
        (event("report", requestId=REQUEST, status="success", metrics=METRICS), READ | {"coldStart": False, "platformStatus": "success"}),
        (event("report", requestId=REQUEST, metrics=METRICS | {"initDurationMs": 397.68}), READ | {"initMs": 397.68, "coldStart": True}),
        (event("report", requestId=REQUEST, metrics=METRICS | {"restoreDurationMs": 200}), READ | {"restoreMs": 200, "coldStart": True}),
        # Lambda Managed Instances report the duration alone
        (event("report", requestId=REQUEST, status="success", metrics={"durationMs": 1}), {"durationMs": 1, "platformStatus": "success"}),
        (event("report", requestId=REQUEST, status="failure", errorType="Runtime.ExitError", metrics=METRICS),
         READ | {"coldStart": False, "platformStatus": "failure", "errorType": "Runtime.ExitError"}),
        (event("runtimeDone", requestId=REQUEST, status="timeout", metrics={"durationMs": 140.0, "producedBytes": 16}),
         {"durationMs": 140, "platformStatus": "timeout"}),
        (event("initReport", initializationType="snap-start", phase="init", status="error", errorType="Runtime.X", metrics={"durationMs": 125.33}),
         {"initMs": 125.33, "platformStatus": "error", "errorType": "Runtime.X"}),
        (event("restoreReport", status="success", metrics={"durationMs": 15.19}), {"restoreMs": 15.19, "platformStatus": "success"}),
        (event("initStart", metrics={"durationMs": 15.19}), {}),
        (event("start", requestId=REQUEST, metrics=METRICS), {}),
    ],
)  # fmt: skip
def test_platform_events(message, measures):
    """The events of the JSON log format give the same fields as the text lines."""
    assert measures_of(extract(message)) == measures


@pytest.mark.parametrize("wrong", ["many", None, [1], {"a": 1}, True, -1, 1e300, "5"])
def test_a_number_that_is_none_takes_nothing_else_with_it(wrong):
    """A metric of another type or beyond all measure is left out; the others and the request stay."""
    line = extract(event("report", requestId=REQUEST, status="success", metrics=METRICS | {"durationMs": wrong}))
    assert (line.request_id, line.format) == (REQUEST, "platform.report")
    assert measures_of(line) == {name: value for name, value in READ.items() if name != "durationMs"} | {
        "coldStart": False, "platformStatus": "success"}  # fmt: skip


@pytest.mark.parametrize("metrics", ["5", "null", "[]", '{"durationMs": 1e999}', '{"durationMs": NaN}'])
def test_metrics_that_are_none_are_no_event_less(metrics):
    """Whatever stands under `metrics`, the event stays Lambda's, unless it is no JSON at all."""
    line = extract(f'{{"time":"2026","type":"platform.report","record":{{"requestId":"{REQUEST}","metrics":{metrics}}}}}')
    assert "NaN" in metrics or (line.request_id, measures_of(line)) == (REQUEST, {})


@given(st.text(max_size=60), st.sampled_from(["Duration", "Billed Duration", "Init Duration", "Memory Size"]), st.integers(0, 10**14))
def test_no_report_raises_and_each_number_is_one_that_opensearch_takes(text, name, number):
    """Whatever stands in a REPORT, its numbers are within the types of the index."""
    measures = measures_of(extract(f"{REPORT}{text}\t{name}: {number} ms\t"))
    assert all(0 <= value <= 10**9 for value in measures.values() if not isinstance(value, str))


def test_a_program_that_prints_a_report_reports_nothing():
    """In the log of something else than Lambda, the same line has no numbers."""
    for message in (f"{REPORT}{NUMBERS}\n", event("report", requestId=REQUEST, status="success", metrics=METRICS)):
        lines = [extract(message)]
        assert isinstance(lines[0], (ReportLine, PlatformReport, InitLine))
        demote_printed(lines, "program")
        assert measures_of(lines[0]) == {}


@pytest.mark.parametrize(
    ("line", "tenant"),
    [
        ({"timestamp": "2025-10-13T19:48:06Z", "level": "INFO", "message": "hi", "requestId": REQUEST, "tenantId": "BlueTenant"}, "BlueTenant"),
        ({"level": "INFO", "message": "hi", "function_request_id": REQUEST, "tenant_id": "a b/c:d=e+f@g.h_i"}, "a b/c:d=e+f@g.h_i"),
        ({"log.level": "INFO", "message": "hi", "tenant.id": "ecs"}, "ecs"),
        ({"Level": "Information", "Message": "hi", "TenantId": "net"}, "net"),
        ({"message": "hi", "tenantId": 42}, "42"),
        ({"message": "hi", "tenantId": None, "tenant_id": "second"}, "second"),
        ({"message": "hi", "tenantId": " "}, None),
        ({"message": "hi", "tenantId": True}, None),
        ({"message": "hi", "tenantId": ["a"]}, None),
        ({"message": "hi", "tenantId": "x" * 257}, None),
        ({"message": "hi", "event": {"tenantId": "of an event"}}, None),
        ({"message": 'says "tenantId": "x"'}, None),
    ],
)  # fmt: skip
def test_the_tenant_of_a_line(line, tenant):
    """The runtimes' and the loggers' keys name it, at the top of the line; what is no tenant id is none."""
    assert extract(json.dumps(line)).tenant_id == tenant


@pytest.mark.parametrize("kind", ["start", "runtimeDone", "report"])
def test_the_tenant_of_a_platform_event(kind):
    """Lambda's tenant isolation mode puts it into the record."""
    line = extract(event(kind, requestId=REQUEST, tenantId="BlueTenant", status="success"))
    assert (line.format, line.tenant_id) == (f"platform.{kind}", "BlueTenant")
    assert extract(event(kind, requestId=REQUEST, tenantId=[])).tenant_id is None


def test_the_tenant_behind_a_runtimes_prefix():
    """A logger's JSON behind Node's prefix names it, too."""
    line = extract(f'2026-11-24T10:00:00.000Z\t{REQUEST}\tINFO\t{{"level":"info","message":"hi","tenantId":"BlueTenant"}}')
    assert (line.request_id, line.tenant_id) == (REQUEST, "BlueTenant")
