"""Index days: CloudWatch Logs' bounds of an event's time, and how far back a daily index may still be there."""

import pytest

from pipeline.model.index_days import ALL_DAYS, index_days, log_indices_between

NOW = 1_795_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.mark.parametrize(("back", "retention", "inside"), [
    (0, 14, True), (14 * DAY, 14, True), (14 * DAY + 1, 14, False), (14 * DAY, 1, True), (15 * DAY, 1, False), (90 * DAY, 90, True),
    (91 * DAY, 90, False), (-2 * HOUR, 14, True), (-2 * HOUR - 1, 14, False), (NOW, 14, False), (-NOW, 14, False),
])  # fmt: skip
def test_the_bounds_are_cloudwatch_s_or_the_retention(back, retention, inside):
    """14 days back, or as far as documents are kept if that is more; two hours ahead, whatever the retention."""
    assert index_days(NOW, retention).has(NOW - back) is inside
    assert ALL_DAYS.has(NOW - back)


def test_only_what_a_daily_index_may_still_hold_is_remembered():
    """An event that was in time once is looked for as long as the index of its day may live; older and younger ones are not."""
    days = index_days(NOW, 14)
    assert [days.aged(NOW - back * DAY) for back in (0, 14, 105, 400, -1)] == [False] * 5
    assert [days.aged(NOW - back * DAY) for back in (15, 29, 104)] == [True] * 3
    assert not ALL_DAYS.aged(0)


def test_the_indices_between_two_times():
    """Those of their days and of the days between, and those of all other times and of what is held; each pattern matches none, too."""
    midnight = 1_795_996_800_000
    expected = "t-logs-2026.11.29*,t-logs-2026.11.30*,t-logs-2026.12.01*,t-logs-outside*,t-kept-logs*"
    assert log_indices_between("t", midnight - 1, midnight + DAY) == expected
    assert log_indices_between("t", midnight, midnight) == "t-logs-2026.11.30*,t-logs-outside*,t-kept-logs*"
