"""Times as people write them."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInputError
from pipeline.search.time_expressions import parse_end, parse_time, time_range

NOW = datetime(2026, 11, 25, 10, 20, 30, 456789, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SYDNEY = ZoneInfo("Australia/Sydney")
ANY_TIME = st.datetimes(datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2261-12-30"))
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def utc(*parts):
    """A moment in UTC."""
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("90s", NOW - timedelta(seconds=90)), ("15m", NOW - timedelta(minutes=15)), ("2h", NOW - timedelta(hours=2)), ("3d", NOW - timedelta(days=3)),
     ("1w", NOW - timedelta(weeks=1)), ("2h30m", NOW - timedelta(minutes=150)), (" 1d12h ", NOW - timedelta(hours=36)), ("-1h", NOW - timedelta(hours=1)),
     ("0s", NOW), ("99999w", utc(1970, 1, 1)), ("999999999w", utc(1970, 1, 1)),
     ("now", NOW), ("now-1h", NOW - timedelta(hours=1)), ("now-1H", NOW - timedelta(hours=1)), ("now+30s", NOW + timedelta(seconds=30)),
     ("now-h", NOW - timedelta(hours=1)), ("now-1h-30m", NOW - timedelta(minutes=90)), ("now/h", utc(2026, 11, 25, 10)), ("now/m", utc(2026, 11, 25, 10, 20)),
     ("now-1d/d", utc(2026, 11, 23, 23)), ("now/d", utc(2026, 11, 24, 23)), ("now/w", utc(2026, 11, 22, 23)), ("now/M", utc(2026, 10, 31, 23)),
     ("now/y", utc(2025, 12, 31, 23)), ("now-1M/M", utc(2026, 9, 30, 22)), ("now/d-1h", utc(2026, 11, 24, 22)), ("now-1y", utc(2025, 11, 25, 10, 20, 30, 456789)),
     ("2026-11-24", utc(2026, 11, 23, 23)), ("20261124", utc(2026, 11, 23, 23)), ("2026-11-24T10:00", utc(2026, 11, 24, 9)), ("2026-11-24 10:00", utc(2026, 11, 24, 9)),
     ("2026-07-24T10:00:05", utc(2026, 7, 24, 8, 0, 5)), ("2026-11-24T10:00Z", utc(2026, 11, 24, 10)), ("2026-11-24t10:00:00z", utc(2026, 11, 24, 10)),
     ("2026-11-24T10:00:00.123456789Z", utc(2026, 11, 24, 10, 0, 0, 123456)), ("2026-11-24T10:00:00+05:30", utc(2026, 11, 24, 4, 30)),
     ("1764000000", utc(2025, 11, 24, 16)), ("1764000000.25", utc(2025, 11, 24, 16, 0, 0, 250000)), ("1764000000123", utc(2025, 11, 24, 16, 0, 0, 123000))],
)  # fmt: skip
def test_what_people_write(text, wanted):
    """Each way of writing a time, read in Berlin: days and times without zone are Berlin's, summer and winter."""
    assert parse_time(text, now=NOW, zone=BERLIN) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2026-11-24", utc(2026, 11, 24, 22, 59, 59, 999999)), ("now/d", utc(2026, 11, 25, 22, 59, 59, 999999)), ("now-1M/M", utc(2026, 10, 31, 22, 59, 59, 999999)),
     ("now/y", utc(2026, 12, 31, 22, 59, 59, 999999)), ("2026-10-25", utc(2026, 10, 25, 22, 59, 59, 999999)), ("2026-11-24T10:00", utc(2026, 11, 24, 9)),
     ("1h", NOW - timedelta(hours=1))],
)  # fmt: skip
def test_what_ends_a_stretch(text, wanted):
    """As an end, a day or a rounding stands for its last moment, also on the day of 25 hours; a point in time stays one."""
    assert parse_time(text, now=NOW, zone=BERLIN, end=True) == wanted


def test_the_day_of_23_hours():
    """A calendar day back across the change of the clocks is the same hour of the wall clock; 24 hours back are 24 hours."""
    after = datetime(2026, 10, 4, 12, tzinfo=SYDNEY)
    assert parse_time("now-1d", now=after, zone=SYDNEY) == datetime(2026, 10, 3, 12, tzinfo=SYDNEY)
    assert after.astimezone(UTC) - parse_time("now-1d", now=after, zone=SYDNEY) == timedelta(hours=23)
    assert after.astimezone(UTC) - parse_time("1d", now=after, zone=SYDNEY) == timedelta(hours=24)


def test_months_have_their_own_lengths():
    """A month before the 31st of March is the last day of February."""
    assert parse_time("now-1M", now=utc(2028, 3, 31, 5), zone=UTC) == utc(2028, 2, 29, 5)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "42", "soon", "yesterday", "15", "15min", "m", "h2", "30m2h", "1.5h", "now-", "now-1", "now-1x", "now1h", "nowhere", "now/", "now/1d",
     "2026", "2026-13-01", "2026-02-30", "2026-11-24x10:00", "2026-11-24T25:00", "2026-11-24T10:00:00+99:00", "0001-01-01T00:00+10:00", "now-999999999y",
     "now+999999999d", "٣d", "176400000000000", "* OR 1=1", '"', "2026-11-24||/d"],
)  # fmt: skip
def test_what_is_no_time(text):
    """One line that names what was given, and shows what would do."""
    with pytest.raises(BadInputError, match="is no time: expected one such as") as caught:
        parse_time(text, now=NOW, zone=UTC)
    assert len(str(caught.value).splitlines()) == 1
    assert repr(text.strip()) in str(caught.value)


@given(ANY_TIME, ZONES, st.sampled_from(["auto", "seconds", "milliseconds", "microseconds"]))
def test_iso_round_trip(at, zone, precision):
    """Whatever `isoformat` writes, with a zone or without, is read as the same moment."""
    written = at.isoformat(timespec=precision)
    wanted = datetime.fromisoformat(written).replace(tzinfo=zone)
    assert parse_time(written, now=NOW, zone=zone) == wanted
    assert parse_time(wanted.isoformat(), now=NOW, zone=UTC) == wanted


@given(st.integers(10**8, 9_000_000_000), st.integers(0, 999))
def test_epoch_round_trip(seconds, milliseconds):
    """Seconds and milliseconds since the epoch are told apart by their length."""
    assert parse_time(str(seconds), now=NOW).timestamp() == seconds
    if seconds >= 10**9:
        assert parse_time(f"{seconds}{milliseconds:03d}", now=NOW) == utc(1970, 1, 1) + timedelta(
            seconds=seconds, milliseconds=milliseconds
        )


@given(st.tuples(*[st.integers(0, 99)] * 5).filter(any))
def test_relative_round_trip(counts):
    """Any number of weeks, days, hours, minutes and seconds, in this order, is so long ago."""
    text = "".join(f"{count}{unit}" for count, unit in zip(counts, "wdhms", strict=True) if count)
    weeks, days, hours, minutes, seconds = counts
    assert NOW - parse_time(text, now=NOW) == timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


@given(st.text(max_size=40))
def test_no_text_breaks_it(text):
    """Any text is a moment in UTC or a BadInputError, and nothing else."""
    try:
        assert parse_time(text, now=NOW).utcoffset() == timedelta(0)
    except BadInputError:
        pass


def test_stretch_takes_both_ends_and_stays_in_opensearchs_years():
    """Both ends belong to the range, to the last nanosecond of a microsecond; what OpenSearch can't store is moved to where it can."""
    assert time_range(utc(2026, 11, 24), utc(2026, 11, 25)) == {"gte": "2026-11-24T00:00:00.000000Z", "lt": "2026-11-25T00:00:00.000001Z"}
    assert time_range(utc(1815, 1, 1), utc(2999, 1, 1)) == {"gte": "1970-01-01T00:00:00.000000Z", "lt": "2262-01-01T00:00:00.000001Z"}
    assert time_range(None, None) == {}


def test_stretch_refuses_what_holds_nothing():
    """An end before the beginning is said in one line."""
    with pytest.raises(BadInputError, match="lies after until"):
        time_range(utc(2026, 11, 25), utc(2026, 11, 24))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("3d", NOW + timedelta(days=3)),
        ("1w2d", NOW + timedelta(days=9)),
        ("2099-01-01T00:00Z", datetime(2099, 1, 1, tzinfo=UTC)),
        ("now+1h", NOW + timedelta(hours=1)),
    ],
)
def test_a_time_to_come(text, wanted):
    """A duration is from now on, as of a mute; everything else is as everywhere."""
    assert parse_end(text, now=NOW) == wanted
