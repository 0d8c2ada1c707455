"""Durations: read as people write them, and written as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInputError
from pipeline.model.durations import duration, parse_duration, rough_duration

UNITS = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


@pytest.mark.parametrize(("text", "nanoseconds"), [("500ms", 500_000_000), ("1.5s", 1_500_000_000), ("2m30s", 150_000_000_000), ("0s", 0),
                                                   ("250µs", 250_000), ("0.1ms", 100_000), ("999999999999h", 2**63 - 1)])  # fmt: skip
def test_what_people_write(text, nanoseconds):
    """Whole nanoseconds, exact where a float would not be; no more than OpenSearch has a number for."""
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "500", "ms", "5 ms", "-5ms", "5ms,", "1e3s", "٥s", "5d", "5MS", "ms5", "5ms x"])
def test_what_is_none(text):
    """A number without a unit, a sign, a space or another unit is refused."""
    with pytest.raises(BadInputError, match="is no duration"):
        parse_duration(text)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(sorted(UNITS))), min_size=1, max_size=4))
def test_parts_add_up(parts):
    """However many parts there are, in whatever order, up to what OpenSearch has a number for."""
    nanoseconds = sum(number * UNITS[unit] for number, unit in parts)
    assert parse_duration("".join(f"{number}{unit}" for number, unit in parts)) == min(nanoseconds, 2**63 - 1)


@given(st.text())
def test_any_text_is_a_duration_or_refused(text):
    """Nothing but one sentence is raised."""
    try:
        assert parse_duration(text) >= 0
    except BadInputError:
        return


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_written_durations_have_a_unit(milliseconds, other):
    """Both forms say their unit, and a longer duration never has a smaller one."""
    units = ["ms", "s", "min", "h", "d"]
    for text, more in ((duration, (milliseconds, other)), (rough_duration, (milliseconds, other))):
        short, long = sorted(more)
        assert units.index(text(short).split()[1]) <= units.index(text(long).split()[1])


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0 s"), (59_000, "59 s"), (90_000, "2 min"), (7_200_000, "2 h"), (200_000_000, "2 d")]
)
def test_a_rough_duration_has_one_unit(milliseconds, text):
    """It is rounded to the largest unit that it fills."""
    assert rough_duration(milliseconds) == text
