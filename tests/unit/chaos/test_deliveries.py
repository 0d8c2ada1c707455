"""CloudWatch Logs and SQS deliver at least once."""

import random

from chaos.deliveries import Deliveries


def drained(deliveries):
    """Every event that waits, in its order."""
    events = []
    while (event := deliveries.next_event()) is not None:
        events.append(event)
    return events


def test_the_calm_run_gets_each_event_once_and_in_order_and_needs_no_hints():
    """Nothing is shuffled, lost or doubled; the sweep finds each trace."""
    calm = Deliveries(100, random.Random(1), faulty=False)
    assert drained(calm) == list(range(100))
    calm.send(str(number) for number in range(25))
    assert (calm.lost, calm.doubled, calm.receive()) == (0, 0, {})


def test_the_disturbed_run_gets_each_event_at_least_once():
    """All come, in another order, some twice and some ten times."""
    events = drained(Deliveries(2000, random.Random(1), faulty=True))
    assert set(events) == set(range(2000))
    assert events != sorted(events)
    assert {events.count(number) for number in range(2000)} == {1, 2, 10}


def test_an_event_whose_invocation_failed_comes_again():
    """However often."""
    deliveries = Deliveries(1, random.Random(1), faulty=False)
    for _ in range(5):
        assert deliveries.next_event() == 0
        deliveries.event_again(0)
    deliveries.arrived.add(0)
    assert deliveries.progress == 1


def test_hints_get_lost_and_doubled_and_after_three_failures_they_are_lost():
    """What is lost is counted: the sweep has to find its traces."""
    deliveries = Deliveries(0, random.Random(1), faulty=True)
    deliveries.send(["x"] * 1000)
    assert 50 < deliveries.lost < 150 < 2 * deliveries.doubled < 300
    assert len(deliveries.hints) == 1000 - deliveries.lost + deliveries.doubled
    lost, waiting = deliveries.lost, len(deliveries.hints)
    for id_, message in deliveries.receive().items():
        for _ in range(3):
            deliveries.hints.pop(id_, None)
            deliveries.hint_again(id_, message)
    assert (deliveries.lost, len(deliveries.hints)) == (lost + 10, waiting - 10)
