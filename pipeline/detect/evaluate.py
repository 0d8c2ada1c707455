"""Evaluate: turns a trace's merged state into its verdict. A pure function: no clock, no order, no input or output."""

from pipeline.detect.completeness import completeness_of
from pipeline.detect.edge_response import edge_response_of, without_foreign_answers
from pipeline.detect.engine import find
from pipeline.detect.fingerprint import issues_in
from pipeline.detect.rule import Rules
from pipeline.detect.segment_tree import SegmentTree
from pipeline.detect.trace_view import TraceView
from pipeline.detect.verdict import Root, Verdict
from pipeline.model.trace_state import TraceState


def evaluate(state: TraceState, *, rules: Rules, give_up_after_ms: int, account: str = "") -> Verdict:
    """Gives the verdict on a trace.

    Args:
        state: the merged state of the trace.
        rules: what counts as a finding.
        give_up_after_ms: how long after the last sign of life a look-up in vain ends the wait for what is missing.
        account: the id of the account that X-Ray answers for; empty if it is unknown.
    """
    state = without_foreign_answers(state, account)
    tree = SegmentTree(state.segments)
    completeness = completeness_of(state, tree, give_up_after_ms)
    entry, response = tree.entry, edge_response_of(state, tree)
    findings = find(TraceView(state, tree, completeness, response), rules)
    return Verdict(
        state=completeness.state,
        state_reason=completeness.reason,
        missing=completeness.missing,
        fault=any(fact.fault for fact in tree),
        error=any(fact.error for fact in tree),
        throttle=any(fact.throttle for fact in tree),
        edge_status=response.status,
        client_saw=response.saw,
        findings=findings,
        issues=issues_in(findings, tree, state),
        root=Root(id=entry.id, name=entry.name, service_name=tree.service_name(entry), start=entry.start, end=entry.end,
                  failed=entry.fault or entry.error or entry.throttle) if entry else None,
    )  # fmt: skip
