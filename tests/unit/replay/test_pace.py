"""A replay stays below so many log events a second."""

from pipeline.replay.pace import Pace


class Time:
    """A clock that only sleeping and working move."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def spent(rate, sizes, work=0.0):
    """The seconds that shipments of these sizes take."""
    time = Time()
    pace = Pace(rate, lambda: time.now, time.sleep)
    for size in sizes:
        pace.wait()
        time.now += work
        pace.sent(size)
    pace.wait()
    return time.now


def test_no_more_than_the_rate():
    """Over all of it, whatever the sizes; an event without log events counts as one."""
    assert spent(10, [5, 20, 5]) == 3.0
    assert spent(1, [0, 0, 0]) == 3.0


def test_no_limit_and_slow_work_wait_for_nothing():
    """Without a rate it never sleeps; work that takes longer than the rate asks for needs no pause, and saves none up."""
    assert spent(None, [1000] * 3) == 0.0
    assert spent(10, [1] * 4, work=1.0) == 4.0
