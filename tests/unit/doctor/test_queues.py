"""Checks of queues, alarms and traffic."""

from dataclasses import replace

from pipeline.doctor.queues import alarms, asked_sweeps, keeps_awake, oldest, traffic
from pipeline.doctor.resources import Alarm, Resource, Traffic
from tests.support.doctor_facts import STACK, statuses


def test_what_is_held_back_is_not_old():
    """A hint waits for its look-up by design: with a delay of fifteen minutes that is no fault."""
    assert list(oldest(STACK, 901, [10, 900])) == []
    assert statuses(oldest(STACK, 901, [10, 600])) == [("problem", "s-hints")]
    assert statuses(oldest(STACK, 1201, [900])) == [("problem", "s-hints")]


def test_a_sweep_that_was_asked_for_has_to_run():
    """Its message is held back for minutes by design; after half an hour that is a fault."""
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/s-sweep.fifo"
    stack = replace(STACK, resources={**STACK.resources, "SweepQueue": Resource(type="AWS::SQS::Queue", id=url)})
    assert list(asked_sweeps(stack, 1800)) == []
    assert statuses(asked_sweeps(stack, 1801)) == [("problem", "s-sweep.fifo")]


def test_a_collection_that_could_sleep_is_not_to_be_kept_awake():
    """A warning only where all three come together: a new collection, of that generation, and a schedule."""
    awake = {"OpenSearch": "serverless", "CollectionGeneration": "nextgen", "SweepBy": "schedule"}
    (found,) = keeps_awake(replace(STACK, parameters=awake))
    assert (found.status, "SweepBy=need" in found.remedy) == ("warning", True)
    for name, value in {"OpenSearch": "domain", "CollectionGeneration": "classic", "SweepBy": "need"}.items():
        assert list(keeps_awake(replace(STACK, parameters=awake | {name: value}))) == []


def test_alarms_and_traffic():
    """All fail: a problem; some: a warning; throttled: a warning. An alarm without data is silent."""
    assert statuses(alarms(STACK, [Alarm(name="a", state="INSUFFICIENT_DATA"), Alarm(name="b", state="ALARM")])) == [("problem", "b")]
    hours = {
        "a": Traffic(invocations=2, errors=2),
        "b": Traffic(invocations=2, errors=1),
        "c": Traffic(invocations=2, throttles=1),
        "d": Traffic(invocations=9),
    }
    assert statuses(traffic(STACK, hours)) == [("problem", "a"), ("warning", "b"), ("warning", "c")]
