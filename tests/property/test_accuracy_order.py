"""Any transaction, in any order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from accuracy.evaluation import facts_of_transaction, in_any_order, verdict_on
from accuracy.measure import case_of
from accuracy.scenarios import ALL
from pipeline.detect.rule import default_rules


@given(name=st.sampled_from(sorted(ALL)), seed=st.integers(0, 10**6), order=st.integers(0, 10**6))
def test_findings_do_not_depend_on_the_order_of_facts(name, seed, order):
    """Whatever happened, and however its segments and lines come in, shuffled, twice and in parts: the verdict is one."""
    facts = facts_of_transaction(case_of(ALL[name], seed).transaction)
    assert verdict_on(in_any_order(facts, random.Random(order)), default_rules()) == verdict_on(facts, default_rules())
