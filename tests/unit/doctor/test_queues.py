"""Checks of queues, alarms and traffic."""

from pipeline.doctor.queues import alarms, oldest, traffic
from pipeline.doctor.resources import Alarm, Traffic
from tests.support.doctor_facts import STACK, statuses


def test_what_is_held_back_is_not_old():
    """A hint waits for its look-up by design: with a delay of fifteen minutes that is no fault."""
    assert list(oldest(STACK, 901, [10, 900])) == []
    assert statuses(oldest(STACK, 901, [10, 600])) == [("problem", "s-hints")]
    assert statuses(oldest(STACK, 1201, [900])) == [("problem", "s-hints")]


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
