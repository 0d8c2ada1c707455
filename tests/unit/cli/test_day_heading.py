"""Day headings: what a list of times says of its days and its zone."""

from zoneinfo import ZoneInfo

import pytest

from pipeline.cli.day_heading import DayHeading
from pipeline.model.clock_times import clock_time

# the night in which Berlin's clocks are put back, 01:00 UTC
TIMES = ["2026-10-24T10:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "", "2026-10-25T02:30:00Z"]


@pytest.mark.parametrize(("with_days", "column", "headings"), [
    (True, "time", [("2026-10-24", "CEST"), ("2026-10-25", "CEST"), ("2026-10-25", "CET"), (), ()]),
    (False, "time CEST", [(), (), ("CET",), (), ()]),
])  # fmt: skip
def test_a_change_of_day_or_zone_is_said_once(with_days, column, headings):
    """Above the first row that it is true of; the same hour twice in a night can be told apart."""
    heading = DayHeading(with_days=with_days)
    times = [clock_time(at, ZoneInfo("Europe/Berlin")) for at in TIMES]
    assert heading.column(times[0]) == column
    assert [heading.before(at) for at in times] == headings
