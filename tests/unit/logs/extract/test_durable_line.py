"""Durable lines: what the SDKs' loggers and the SDK for Python itself write of a durable execution."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.logs.extract.read_lines import extract, read_lines
from pipeline.model.durable import DurableFact
from tests.support.durable import ARN

STATES = "arn:aws:states:eu-west-1:123456789012:execution:machine:run-1"
FRAME = '  File "/var/task/aws_durable_execution_sdk_python/execution.py", line 297, in invoke_handler\n'


def line(**keys):
    """A JSON line as Lambda's logger for Python writes it."""
    return extract(json.dumps({"level": "INFO", "message": "charging", "requestId": "8c9e0f1a-2b3c-4d5e-8f60-718293a4b5c6", **keys}))


@pytest.mark.parametrize(("keys", "more"), [
    ({"executionArn": ARN}, {}),
    ({"durableExecutionArn": ARN, "contextId": "c1", "contextName": "delivery"}, {"operation_id": "c1", "operation_name": "delivery"}),
    ({"executionArn": ARN, "operationId": "o1", "operationName": "charge", "attempt": 2},
     {"operation_id": "o1", "operation_name": "charge", "attempt": 2}),
    ({"executionArn": ARN, "operationId": "o1", "attempt": "3"}, {"operation_id": "o1", "attempt": 3}),
    ({"executionArn": ARN, "parentId": "p1"}, {"parent_id": "p1"}),
    ({"executionArn": ARN, "isReplaying": True}, {"replayed": True}),
    ({"executionArn": ARN, "attempt": -1, "operationId": 7, "operationName": ["x"], "parentId": None}, {}),
    ({"detail-type": "Durable Execution Status Change", "detail": {"durableExecutionArn": ARN, "status": "RUNNING"}}, {"execution_status": "RUNNING"}),
])  # fmt: skip
def test_the_keys_of_each_sdk(keys, more):
    """Whatever the language and its version call them; the ARN is a correlation id, and its last name but one the execution's."""
    read = line(**keys)
    assert read.durable == DurableFact(execution_arn=ARN, execution_name="order-7", **more)
    assert read.correlation_ids == (ARN,)
    assert read.signals == ()


def test_what_a_runner_on_a_laptop_calls_an_arn_counts_too():
    """AWS' local runner makes up an id of another form: it has no name."""
    read = line(executionArn="df48ae94-8fa2-4a25-85af-fcc2edcac96e/inv-1", correlation_id="c-9")
    assert read.durable == DurableFact(execution_arn="df48ae94-8fa2-4a25-85af-fcc2edcac96e/inv-1")
    assert read.correlation_ids == ("df48ae94-8fa2-4a25-85af-fcc2edcac96e/inv-1", "c-9")


@pytest.mark.parametrize("arn", [
    STATES, f'"{STATES}"', f"[{STATES}]", STATES.replace("arn", "ARN"), f"https://console.aws.amazon.com/states/home?#/v2/executions/{STATES}",
    "", " ", "a b", 7, None, ["a"], "a" * 513, "x\u2028y", "unknown", "N/A", "-", "1", f"x{ARN}",
    "arn:aws:lambda:eu-west-1:123456789012:function:orders",
])  # fmt: skip
def test_what_names_no_durable_execution(arn):
    """An execution of Step Functions however it is written, a function, a placeholder, and what is no id, make no durable line."""
    read = line(executionArn=arn, operationId="o1", attempt=1)
    assert read.durable is None
    assert read.correlation_ids == ()


def test_the_attributes_hold_nothing_twice():
    """What is a field is no attribute; the rest of the line stays."""
    read = line(executionArn=ARN, operationId="o1", operationName="charge", attempt=1, orderId="o-7")
    assert json.loads(bytes(read.attributes)) == {"level": "INFO", "orderId": "o-7"}
    odd = line(executionArn=ARN, attempt="first", operationName={"a": 1})
    assert json.loads(bytes(odd.attributes)) == {"level": "INFO", "attempt": "first", "operationName": {"a": 1}}


@pytest.mark.parametrize("text", [False, True], ids=["JSON", "text"])
@pytest.mark.parametrize(("message", "fact", "signal"), [
    ("❌ failed step for id: 1ced8f5b, name: charge", DurableFact(operation_id="1ced8f5b", operation_name="charge", attempt_outcome="FAILED"), False),
    ("❌ failed step for id: 1ced8f5b, name: None", DurableFact(operation_id="1ced8f5b", attempt_outcome="FAILED"), False),
    ("❌ serdes failed for step id: 1ced8f5b, name: a b", DurableFact(operation_id="1ced8f5b", operation_name="a b", operation_status="FAILED"), False),
    ("❌ wait_for_condition failed for id: 1c, name: poll", DurableFact(operation_id="1c", operation_name="poll", operation_status="FAILED"), False),
    ("Execution failed", DurableFact(execution_status="FAILED"), True),
    ("Execution error. Must fail execution without retry.", DurableFact(execution_status="FAILED"), True),
])  # fmt: skip
def test_what_the_sdk_tells_of_a_failure(message, fact, signal, text):
    """Its lines have none of the keys, in JSON and in Lambda's text format."""
    module = "execution" if signal else "operation/step"
    frame = FRAME.replace("execution.py", f"{module}.py")
    stack = f"Traceback (most recent call last):\n{frame}ValueError: order refused"
    if text:
        read = extract(f"[ERROR]\t2026-11-30T20:06:28.123Z\t8c9e0f1a-2b3c-4d5e-8f60-718293a4b5c6\t{message}\n{stack}")
    else:
        read = line(level="ERROR", message=message, logger=f"aws_durable_execution_sdk_python.{module.replace('/', '.')}", stackTrace=[frame], errorType="ValueError",
                    errorMessage="order refused")  # fmt: skip
    assert read.durable == fact
    assert ("durable-execution-failed" in read.signals) is signal
    assert {"error", "exception"} <= set(read.signals)
    if signal and not text:
        assert read.excerpt == "ValueError: order refused"


@pytest.mark.parametrize(
    "message",
    [
        "Execution failed",
        "Execution failed for order 7",
        "❌ failed step for id: 7, name: intake",
        "my plugin ignored it",
        "an Execution failed",
    ],
)
def test_the_same_words_of_somebody_else(message):
    """Without the SDK's name they are a line like any other."""
    read = line(level="ERROR", message=message)
    assert (read.durable, read.signals) == (None, ("error",))


def test_a_plugin_that_failed_fails_nothing():
    """The SDK ignores what a plugin raises, and goes on: the line stays an error's, and shows no failure of the function."""
    read = line(level="ERROR", message="Plugin InvocationOtelPlugin exception ignored", logger="aws_durable_execution_sdk_python.plugin",
                errorType="RuntimeError", errorMessage="no span", stackTrace=[])  # fmt: skip
    assert (read.signals, read.severity.text) == ((), "ERROR")


WORDS = st.sampled_from(["executionArn", "durableExecutionArn", "attempt", "operationId", "detail", "message", ARN, STATES, "failed step for id: a, name: b",
                         "Execution failed", "aws_durable_execution_sdk_python.execution", "\ud800", "\u2028", "a" * 600])  # fmt: skip
VALUES = st.recursive(WORDS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
                      lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6)  # fmt: skip


@given(st.lists(st.dictionaries(WORDS, VALUES, max_size=6), min_size=1, max_size=3))
def test_any_values_under_these_keys(keys):
    """No line raises, none changes its neighbours, and an execution is a text within bounds."""
    messages = [json.dumps(each) for each in keys]
    _, found = read_lines(messages)
    assert found == [extract(message) for message in messages]
    for each in found:
        if each.durable:
            assert len(each.durable.execution_arn) <= 512
            assert each.durable.attempt is None or each.durable.attempt > 0
