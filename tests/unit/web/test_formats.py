"""Times, durations, numbers and addresses as a page shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.durations import duration
from pipeline.web.formats import ago, axis_mark, clock, day, full_time, with_query

AT = "2026-11-24T23:59:59.123456789+01:00"


def test_times_are_utc():
    """A stored time keeps its milliseconds, and its zone becomes UTC; what is none is empty."""
    assert (day(AT), clock(AT), full_time(AT)) == ("2026-11-24", "22:59:59.123", "2026-11-24 22:59:59.123")
    assert [full_time(text) for text in ("", None, "soon", "0001-01-01T00:00:00+23:00")] == [""] * 4


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "now"), (59, "59 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago"), (-90, "in 1 min 30 s")]
)
def test_how_long_ago(seconds, text):
    """One unit is enough for what is past."""
    assert ago("2026-11-24T10:00:00Z", 1795514400 + seconds) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, ""), (0, "0.0 ms"), (0.44, "0.4 ms"), (12.3, "12 ms"), (1250, "1.25 s"), (185_000, "3 min 5 s"), (7_500_000, "2 h 5 min")],
)
def test_durations(milliseconds, text):
    """As exact as a person reads it."""
    assert duration(milliseconds) == text


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_any_value_fits_into_an_address(values):
    """Nothing that is stored breaks out of its parameter."""
    address = with_query("/search", values)
    assert address.isascii()
    assert address.count("=") == address.count("&") + ("?" in address) == sum(value != "" for value in values.values())
    assert not set(address) & set(" \"'<>#\n")


@given(since=st.floats(0, 1e8), step=st.floats(0.01, 1e7))
def test_marks_of_an_axis_differ(since, step):
    """However far in, and however near to each other; a day into a transaction, and a hundredth of a millisecond apart."""
    texts = [axis_mark(since + number * step, step) for number in range(4)]
    assert len(set(texts)) == 4, texts


@pytest.mark.parametrize(("at", "step", "text"), [(0, 4.4, "0.0 ms"), (22.06, 0.04, "22.06 ms"), (1004, 4, "1004 ms"), (65_020, 20, "65.02 s"),
                                                  (3_661_000, 1000, "61 min 1 s"), (3_660_000, 60_000, "1 h 1 min")])  # fmt: skip
def test_a_mark_is_as_exact_as_its_neighbours_need(at, step, text):
    """And no more than that."""
    assert axis_mark(at, step) == text
