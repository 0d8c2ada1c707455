"""Whatever a stranger logs, in a log group of his own: what the platform and X-Ray say of others stands."""

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from accuracy.evaluation import facts_of_transaction, verdict_on
from accuracy.measure import case_of
from accuracy.scenarios import ALL
from pipeline.detect.rule import default_rules
from pipeline.model.facts import LookupFact
from pipeline.model.trace_state import TraceState, last_seen, merge
from pipeline.settings import Settings
from pipeline.ship import prepare
from pipeline.store.document_facts import facts_by_trace
from pipeline.store.results import Hit
from tests.support.strangers import decoded, shipped_by_stranger

SETTINGS = Settings(region="eu-west-1")
GIVE_UP = max(SETTINGS.lookup_delays) * 1000


def alerts(verdict):
    """What an alert is known by: its rule, its service and its span."""
    return {(finding.rule, finding.service_name, finding.span_id) for finding in verdict.findings if finding.severity == "alert"}


def said_by_stranger(state: TraceState, trace_id: str, rng: random.Random) -> TraceState:
    """What a stranger's lines add to the trace, shipped as all lines are."""
    found = []
    for action, line in prepare(decoded(shipped_by_stranger(state, trace_id, state.first_line_at or 1_790_000_000_000, rng)), SETTINGS):
        source = msgspec.json.decode(msgspec.json.encode(line))
        found.append(Hit(index=action.create.index, id=action.create.id, seq_no=0, primary_term=1, source=source))
    return facts_by_trace(found).get(trace_id, TraceState())


@given(name=st.sampled_from(sorted(ALL)), seed=st.integers(0, 10**6), times=st.integers(1, 3))
def test_a_stranger_removes_no_alert(name, seed, times):
    """Lines of a stranger's log group take no alert from any transaction, and change neither what its caller saw nor what failed in it."""
    transaction = case_of(ALL[name], seed).transaction
    facts = facts_of_transaction(transaction)
    before = verdict_on(facts, default_rules())
    known, rng = merge(*facts), random.Random(seed)
    added = [said_by_stranger(known, transaction.trace_id, rng) for _ in range(times)]
    at = last_seen(merge(known, *added)) + GIVE_UP + 1
    looked_up = LookupFact(at=at, outcome="found" if transaction.documents else "absent", source="BatchGetTraces")
    after = verdict_on([*facts, *added, TraceState(lookups={str(at): looked_up})], default_rules())
    assert alerts(before) - alerts(after) == set()
    assert (after.edge_status, after.client_saw, after.fault, after.error, after.root) == (
        before.edge_status, before.client_saw, before.fault, before.error, before.root,
    )  # fmt: skip
