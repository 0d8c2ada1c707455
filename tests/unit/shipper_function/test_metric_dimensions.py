"""Dimensions of metrics: clean, few a run, and few an hour."""

import json

import pytest

from shipper_function.metric_dimensions import NamedCounts, dimension


@pytest.mark.parametrize(("name", "clean"), [
    ("orders", "orders"), ("zahlung-ü", "zahlung-?"), (" \t", "unknown"), ("", "unknown"), (":x\x00", "x?"), ("y" * 2000, "y" * 256),
    ("\x1b]8;;http://evil.example\x07", "?]8;;http://evil.example?"), ("a\u202eb", "a?b"), ("::", "unknown"), ("x" * 255 + " y", "x" * 255),
])  # fmt: skip
def test_a_name_becomes_what_cloudwatch_takes(name, clean):
    """ASCII without controls, not blank, no colon first, 256 characters: CloudWatch would drop the metric otherwise."""
    assert dimension(name) == clean


@pytest.fixture
def told(lambda_names, capsys):
    """Returns the metric's values by dimension, as they were printed since the last call."""

    def call():
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {row["function"]: int(row["m"][0]) for row in rows if "m" in row}

    return call


def test_a_run_names_fifty_and_an_hour_two_hundred(told):
    """The most frequent ones keep their names; the rest count as others, and nothing is missing from the sum; a new hour begins anew."""
    now = [7200.0]
    counts = NamedCounts("m", "function", clock=lambda: now[0])
    names = set()
    for run in range(10):
        counts.add({(f"r{run}-{number}",): 1 + (number == 77) for number in range(100)})
        found = told()
        assert len(found) <= 51
        assert sum(found.values()) == 101
        assert (f"r{run}-77" in found) is (run < 4)
        names |= found.keys()
    assert len(names) == 201
    counts.add({("r0-77",): 3, ("new",): 2})
    assert told() == {"r0-77": 3, "others": 2}
    now[0] += 3600
    counts.add({("new",): 2})
    assert told() == {"new": 2}


def test_names_that_end_alike_add_up(told):
    """Two names that CloudWatch can't tell apart are one dimension, told once."""
    NamedCounts("m", "function").add({("ü",): 1, ("é",): 2})
    assert told() == {"?": 3}
