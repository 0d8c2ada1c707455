"""Durations on the command line reach the query as they were written."""

import json

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.measure_options import duration_options
from pipeline.search.comparisons import duration_bounds

UNITS = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
LONGEST = 2**63 - 1


@click.command()
@duration_options("duration", "That took")
def echo(duration):
    """Prints the bounds that the options ask for."""
    click.echo(json.dumps([dict(duration_bounds(text)) for text in duration]))


def bounds(*arguments):
    """The bounds for these arguments."""
    result = CliRunner().invoke(echo, arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.mark.parametrize(("text", "seconds"), [("17m", 1020), ("1000s", 1000), ("1h", 3600), ("24h", 86_400)])
def test_long_durations(text, seconds):
    """Of a quarter of an hour and more, too."""
    assert bounds("--min-duration", text, "--max-duration", text) == [{"gte": seconds * 10**9}, {"lte": seconds * 10**9}]


@given(st.sampled_from(sorted(UNITS)), st.integers(0, 10**19 - 1))
def test_every_number_of_19_digits_in_every_unit(unit, number):
    """Exact up to the largest number that OpenSearch has, which every larger one becomes."""
    wanted = min(number * UNITS[unit], LONGEST)
    assert bounds("--min-duration", f"{number}{unit}") == [{"gte": wanted}]
