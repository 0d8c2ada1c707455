"""Judge: the verdict, a pure function of a trace's merged state. No clock, no order, no input or output."""

from pipeline.judge.rule import Rule, Rules, default_rules
from pipeline.judge.rules import find
from pipeline.judge.scene import Scene
from pipeline.judge.standing import standing_of
from pipeline.judge.told import told_by
from pipeline.judge.tree import Tree
from pipeline.judge.verdict import FINAL, ClientSaw, Finding, Root, SegmentStatus, ShownLine, State, Verdict
from pipeline.state import TraceState

__all__ = ["FINAL", "ClientSaw", "Finding", "Root", "Rule", "Rules", "SegmentStatus", "ShownLine", "State", "Tree", "Verdict",
           "default_rules", "judge"]  # fmt: skip


def judge(state: TraceState, *, rules: Rules, give_up_after_ms: int) -> Verdict:
    """The verdict on ``state``.

    Args:
        state: everything known of the trace.
        rules: what counts as a finding.
        give_up_after_ms: how long after the newest sign of life a look-up must have been made in vain.
    """
    tree = Tree(state.segments)
    standing = standing_of(state, tree, give_up_after_ms)
    entry, told = tree.entry, told_by(state, tree)
    return Verdict(
        state=standing.state,
        state_reason=standing.reason,
        missing=standing.missing,
        fault=any(fact.fault for fact in tree),
        error=any(fact.error for fact in tree),
        throttle=any(fact.throttle for fact in tree),
        edge_status=told.status,
        client_saw=told.saw,
        findings=find(Scene(state, tree, standing, told), rules),
        root=Root(id=entry.id, name=entry.name, service_name=tree.service_name(entry), start=entry.start, end=entry.end,
                  failed=entry.fault or entry.error or entry.throttle) if entry else None,
    )  # fmt: skip
