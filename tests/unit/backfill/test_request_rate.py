"""The spacing of calls."""

from pipeline.backfill.request_rate import RequestRate


def test_calls_are_spaced_and_idle_time_saves_nothing_up():
    """Five calls a second are a fifth of a second apart, also after a rest."""
    now, pauses = [0.0], []

    def pause(seconds):
        pauses.append(round(seconds, 6))
        now[0] += seconds

    rate = RequestRate(5, clock=lambda: now[0], pause=pause)
    for _ in range(3):
        rate.wait()
    now[0] += 10
    for _ in range(2):
        rate.wait()
    assert pauses == [0.2, 0.2, 0.2]
