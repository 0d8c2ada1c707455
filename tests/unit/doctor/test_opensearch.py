"""Checks of OpenSearch: health, disks, old indices, what is overdue."""

from datetime import date

from pipeline.doctor.collect.opensearch import Overdue
from pipeline.doctor.opensearch import disks, health, old_indices, overdue, templates
from pipeline.provision.desired_state import Change
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


def test_a_foreign_mapping_is_a_problem_with_a_command():
    """What setup found is told as it stands; the remedy deletes the index and installs anew."""
    change = Change(
        "mapping", "t-logs-2026.11.08", "foreign", "OpenSearch guessed the types of its fields: traceId is text, not keyword: delete it"
    )
    (found,) = templates("http://x", [change, Change("index", "t-traces", "unchanged")], Settings(prefix="t"))
    assert (found.status, found.resource, found.message) == ("problem", change.name, change.reason)
    assert found.remedy == "curl -sS -X DELETE http://x/t-logs-2026.11.08 && TRACEJOIN_PREFIX=t tracejoin setup --endpoint http://x"
