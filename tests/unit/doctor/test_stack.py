"""Checks of the stack: its status, version and functions."""

import pytest

from pipeline.doctor.resources import Function, Stack
from pipeline.doctor.stack import functions, package, status
from tests.support.doctor_facts import STACK, statuses


@pytest.mark.parametrize(("is_", "found"), [
    ("CREATE_COMPLETE", []), ("UPDATE_COMPLETE", []), ("UPDATE_IN_PROGRESS", ["warning"]), ("UPDATE_ROLLBACK_COMPLETE", ["warning"]),
    ("ROLLBACK_COMPLETE", ["problem"]), ("CREATE_FAILED", ["problem"]), ("UPDATE_ROLLBACK_FAILED", ["problem"])])  # fmt: skip
def test_statuses_of_the_stack(is_, found):
    """Each kind of status of CloudFormation."""
    assert [finding.status for finding in status(Stack(name="s", region="r", account="1", status=is_))] == found


def test_versions_are_compared_as_numbers():
    """0.10 is newer than 0.9; without a word it is not known."""
    assert [list(package(Stack(name="s", region="r", account="1", version=version), "0.10.0")) for version in ("0.10.0", "1.0")] == [[], []]
    assert [next(package(Stack(name="s", region="r", account="1", version=version), "0.10.0")).status for version in ("0.9.9", "")] == [
        "warning",
        "unknown",
    ]


def test_functions_of_the_stack():
    """One that is gone, one that can't run, and a stack of something else."""
    found = functions(STACK, {"s-ship": None, "s-resolve": Function(name="s-resolve", state="Failed", reason="no key")})
    assert statuses(found) == [("problem", "s-ship"), ("problem", "s-resolve")]
    assert statuses(functions(Stack(name="other", region="r", account="1"), {})) == [("problem", "other")]
