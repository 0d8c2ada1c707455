"""Clock times: stored times as people read them, in a zone that is said."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.clock_times import ClockTime, clock_time
from pipeline.model.timestamps import iso_millis

AT = "2026-11-24T23:59:59.123456789+01:00"


def test_the_zone_is_said():
    """In UTC and in another zone, in summer and in winter; with as many decimals as are asked for."""
    assert str(clock_time(AT, UTC)) == "2026-11-24 22:59:59.123 UTC"
    assert [clock_time(f"2026-{month}-24T10:00:00Z", ZoneInfo("Europe/Berlin")) for month in ("07", "11")] == [
        ClockTime("2026-07-24", "12:00:00.000", "CEST"),
        ClockTime("2026-11-24", "11:00:00.000", "CET"),
    ]
    assert str(clock_time(1_795_514_400_999, UTC, "seconds")) == "2026-11-24 10:00:00 UTC"


@pytest.mark.parametrize("at", ["", None, "soon", "0001-01-01T00:00:00+23:00", 10**17, -(10**17)])
def test_what_is_no_time_is_empty(at):
    """Whatever another program stored, nothing is raised."""
    assert clock_time(at, UTC) == ClockTime()
    assert str(clock_time(at, UTC)) == ""


@given(st.integers(10**12, 7 * 10**12), st.integers(-23, 23))
def test_no_zone_changes_the_moment(milliseconds, hours):
    """What is written in any zone is the same moment, to the millisecond."""
    zone = timezone(timedelta(hours=hours))
    written = clock_time(iso_millis(milliseconds), zone)
    assert written == clock_time(milliseconds, zone)
    assert round(datetime.fromisoformat(f"{written.day} {written.time}").replace(tzinfo=zone).timestamp() * 1000) == milliseconds
