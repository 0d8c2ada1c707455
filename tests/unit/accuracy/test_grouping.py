"""Grouping: that what was parted and mixed is counted, and that its gates can fail."""

from collections import Counter

import pytest

from accuracy.grouping.causes import ALL
from accuracy.grouping.measure import Grouping, measure_grouping
from accuracy.measure import BEGAN, Tally
from accuracy.report import gates, table
from pipeline.detect.rule import default_rules


def failed(grouping):
    """The gates that this grouping closes, by their first word."""
    return [name.partition(" ")[0] for name, passed in gates(Tally(), grouping).items() if not passed]


def test_names_are_labels():
    """No two causes share a name: faults of both would be counted as one's."""
    assert len({cause.name for cause in ALL}) == len(ALL)


def test_the_shipped_fingerprints_pass():
    """A small measurement, with what is apart named."""
    grouping = measure_grouping(5, 4, default_rules(), BEGAN)
    assert failed(grouping) == []
    assert "apart: bare name" in table(Tally(), 5, grouping)


def test_one_group_for_all_mixes_and_a_group_for_each_parts(monkeypatch):
    """A fingerprint that is too coarse closes one gate, one that is too fine the other."""
    monkeypatch.setattr("pipeline.detect.fingerprint.message_template", lambda _: "")
    assert failed(measure_grouping(5, 2, default_rules(), BEGAN)) == ["1%"]
    monkeypatch.setattr("pipeline.detect.fingerprint.message_template", lambda text: text)
    assert failed(measure_grouping(5, 2, default_rules(), BEGAN)) == ["95%"]


def test_shares():
    """Of ten faults, one is apart, and two are where another cause has more; what hangs on the order is a gate of its own."""
    grouping = Grouping({"a": Counter(x=4, y=1), "b": Counter(x=2, z=3)}, ["a"])
    assert (grouping.parted, grouping.mixed) == ({"a": 1, "b": 2}, {"b": 2})
    assert grouping.shares == pytest.approx((0.3, 0.2))
    assert failed(grouping) == ["95%", "1%", "issues"]
