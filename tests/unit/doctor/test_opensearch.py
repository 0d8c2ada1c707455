"""Checks of OpenSearch: health, disks, old indices, what is overdue."""

from datetime import date

from pipeline.doctor.collect.opensearch import Overdue
from pipeline.doctor.opensearch import disks, health, old_indices, overdue
from pipeline.settings import Settings
from tests.support.doctor_facts import statuses


def test_health_and_disks():
    """Green is silent, yellow a warning, red a problem; each watermark."""
    assert [[finding.status for finding in health({"status": state, "cluster_name": "c"}, "http://x", Settings())] for state in ("green", "yellow", "red")] == [
        [], ["warning"], ["problem"]]  # fmt: skip
    assert statuses(disks({"a": 84, "b": 85, "c": 90, "d": 95})) == [("warning", "b"), ("problem", "c"), ("problem", "d")]


def test_old_indices():
    """By the day in the name, with two days to spare; names that are no day of ours are left alone."""
    names = ["t-logs-2026.11.08", "t-logs-2026.11.09", "t-spans-2026.13.41", "t-logs-x"]
    found = list(old_indices(names, Settings(), date(2026, 11, 25), "http://x"))
    assert statuses(found) == [("warning", "t-logs-2026.11.08")]
    assert "1 daily indices" in found[0].message


def test_overdue_names_whom_to_ask():
    """With a stack its log, on a laptop the command alone."""
    assert list(overdue(Overdue(), "http://x", "s")) == []
    with_stack, without = (next(overdue(Overdue(lines=1, example="t"), "http://x", stack)) for stack in ("s", ""))
    assert "/aws/lambda/s-resolve" in with_stack.remedy
    assert "aws" not in without.remedy
