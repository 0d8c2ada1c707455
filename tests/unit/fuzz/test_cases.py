"""Inputs that once broke a promise: each file in tests/cases/fuzz holds what fuzzing found, made small."""

import json

import pytest

from fuzz.corpus import corpus_of
from fuzz.cost import Growth, cost_of
from fuzz.registry import targets_of
from tests.support.paths import ROOT

CASES = [case for path in sorted((ROOT / "tests/cases/fuzz").glob("*.json")) for case in json.loads(path.read_text())]


@pytest.fixture(scope="module")
def targets():
    """Every target."""
    return targets_of(corpus_of())


@pytest.mark.parametrize("case", [case for case in CASES if "input" in case], ids=lambda case: case["name"])
def test_it_stays_mended(targets, case):
    """The input breaks nothing any more; what is documented may be raised."""
    target = targets[case["target"]]
    try:
        target.check(case["input"])
    except target.documented:
        pass


def test_it_costs_no_more_than_its_length(targets):
    """What once grew faster costs about four times as much at four times the length."""
    for case in CASES:
        if "growth" in case:
            assert not cost_of(targets[case["target"]], Growth(**case["growth"])).too_dear, case["name"]
