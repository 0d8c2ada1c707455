"""Step Functions: the events of an execution, in recorded lines and those of its API reference."""

import json

import pytest

from pipeline.logs.extract.log_line import StatesLine
from pipeline.logs.extract.read_lines import extract
from pipeline.logs.printed import demote_printed

ARN = "arn:aws:states:ap-south-1:123456789012:execution:report-machine:report-1787541941"
EXPRESS = f"arn:aws:states:ap-south-1:123456789012:express:report-machine:{'b95ee2d0-5e1b-4ad2-9d62-0f1c6a7e3f11'}:{'1787541941-' * 3}1"


def event(kind: str, *, arn: str = ARN, **details: object) -> str:
    """An event as CloudWatch Logs recorded it."""
    return json.dumps({"details": details, "redrive_count": "0", "id": "7", "type": kind, "previous_event_id": "6",
                       "event_timestamp": "1787542293040", "execution_arn": arn})  # fmt: skip


@pytest.mark.parametrize("arn", [ARN, EXPRESS])
@pytest.mark.parametrize(
    ("kind", "details", "body", "signals"),
    [
        ("TaskStateEntered", {"name": "Execute", "input": "{}"}, "TaskStateEntered Execute", ()),
        ("TaskStateExited", {"name": "Intake"}, "TaskStateExited Intake", ()),
        ("TaskScheduled", {"region": "ap-south-1", "resource": "invoke", "resourceType": "lambda"}, "TaskScheduled lambda invoke", ()),
        ("TaskFailed", {"resource": "invoke", "resourceType": "lambda", "error": "ValueError", "cause": "no lines"},
         "TaskFailed lambda invoke — ValueError: no lines", ("error",)),
        ("LambdaFunctionTimedOut", {"error": "States.Timeout"}, "LambdaFunctionTimedOut — States.Timeout", ("error",)),
        ("ExecutionFailed", {"error": "ValueError", "cause": "no lines"}, "ExecutionFailed — ValueError: no lines", ("error", "state-machine-failed")),
        ("ExecutionTimedOut", {}, "ExecutionTimedOut", ("error", "state-machine-failed")),
        ("ExecutionSucceeded", {"output": "{}"}, "ExecutionSucceeded", ()),
        ("ExecutionStarted", {"roleArn": "arn"}, "ExecutionStarted", ()),
    ],
)  # fmt: skip
def test_an_event(arn, kind, details, body, signals):
    """It names its state and what failed; the execution is its correlation id, the state machine its service."""
    line = extract(event(kind, arn=arn, **details))
    assert isinstance(line, StatesLine)
    assert (line.body, line.event_name, line.service_name, line.correlation_ids) == (body, f"states.{kind}", "report-machine", (arn,))
    assert set(line.signals) == set(signals)
    assert (line.trace_id, line.request_id) == (None, None)


@pytest.mark.parametrize("wrong", [None, 5, ["a"], {"a": 1}, "", "x" * 1000, ":::::::", "arn:aws:s3:::x:y:z"])
@pytest.mark.parametrize("name", ["execution_arn", "type", "details", "previous_event_id"])
def test_odd_values_break_nothing(name, wrong):
    """What names no execution or no type is a line like any other."""
    line = extract(json.dumps(json.loads(event("TaskStateEntered", name="a")) | {name: wrong}))
    assert line.body
    assert line.attributes is not None


def test_a_function_that_prints_an_event_is_no_state_machine():
    """In a log of Lambda's the same line has no event's name."""
    lines = [extract(event("ExecutionFailed"))]
    demote_printed(lines, "lambda")
    assert (lines[0].event_name, isinstance(lines[0], StatesLine)) == ("", False)
