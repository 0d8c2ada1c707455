"""Checks of how long log groups are kept."""

from pipeline.doctor.retention import own
from tests.support.doctor_facts import groups, statuses


def test_own_log_groups():
    """One that is missing is a problem, one that is kept for another time a warning."""
    assert statuses(own("r", groups("a", "b", retention_days=14), ["a", "b", "c"], 14)) == [("problem", "c")]
    assert statuses(own("r", groups("a"), ["a"], 14)) == [("warning", "a")]
