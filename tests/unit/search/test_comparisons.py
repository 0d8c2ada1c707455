"""Comparisons: which statuses and durations a person asks for."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInputError
from pipeline.search.comparisons import duration_bounds, status_bounds

SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
TESTS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
STATUSES = range(100, 600)


def within(bounds, number):
    """Whether OpenSearch's `range` query with these bounds matches a number."""
    return all(TESTS[name](number, bound) for name, bound in bounds.items())


@pytest.mark.parametrize(("text", "found"), [("404", {404}), ("5xx", {*range(500, 600)}), ("4XX", {*range(400, 500)}), (">=500", {*range(500, 600)}),
                                             ("<200", {*range(100, 200)}), (" > 598 ", {599})])  # fmt: skip
def test_statuses(text, found):
    """A status, a class, a comparison: each matches what it says, and nothing else."""
    assert {status for status in STATUSES if within(status_bounds(text), status)} == found


@given(st.sampled_from(sorted(SIGNS)), st.integers(100, 999), st.integers(0, 1000))
def test_a_comparison_is_as_python_has_it(sign, bound, status):
    """For each operator and each status."""
    assert within(status_bounds(f"{sign}{bound}"), status) == SIGNS[sign](status, bound)


@given(st.sampled_from(sorted(SIGNS)), st.integers(0, 10**9), st.integers(0, 10**9))
def test_durations_compare_in_nanoseconds(sign, bound, length):
    """Whatever the unit."""
    assert within(duration_bounds(f"{sign}{bound}us"), length * 1000) == SIGNS[sign](length, bound)


@pytest.mark.parametrize("text", ["", "5x", "xxx", "500ms", "=500", "5 00", "=>500", ">", "1000", "50", "٤٠٤", "0xx"])
def test_what_is_no_status_is_said(text):
    """One sentence with what was expected."""
    with pytest.raises(BadInputError, match="is no HTTP status: expected a status such as 404"):
        status_bounds(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [(">5", "is no duration"), ("fast", "is no duration"), ("500ms", "neither longer nor shorter"), (">>5s", "is no duration")],
)
def test_what_is_no_duration_is_said(text, said):
    """A number without a unit, and a duration without an operator, are not guessed at."""
    with pytest.raises(BadInputError, match=said):
        duration_bounds(text)


@given(st.text())
def test_any_text_is_read_or_one_sentence(text):
    """Nothing else is raised, and no sentence has two lines."""
    for read in (status_bounds, duration_bounds):
        refused = ""
        try:
            bounds = read(text)
        except BadInputError as error:
            bounds, refused = {}, str(error)
        assert bool(bounds) != bool(refused)
        assert "\n" not in refused
