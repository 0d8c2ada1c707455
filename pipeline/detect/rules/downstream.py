"""Downstream: the caller was told a success, and a call below it failed or was throttled."""

from collections.abc import Callable, Iterator
from itertools import takewhile

from pipeline.detect.rule_context import RuleContext, what_happened
from pipeline.detect.segment_outcome import SERVICE, failed, faulted, throttled
from pipeline.detect.segment_tree import SegmentTree
from pipeline.detect.verdict import Finding
from pipeline.model.facts import SegmentFact


def edge_ok_downstream_fault(case: RuleContext) -> Iterator[Finding]:
    """The entry answers below 400 while a call below it faulted, at any depth; the deepest one of each chain is named."""
    own = _own_failure(case.scene.tree)
    yield from _hidden(case, lambda fact: faulted(fact) and not throttled(fact) and fact.id not in own, "failed")


def throttled_downstream(case: RuleContext) -> Iterator[Finding]:
    """The entry answers below 400 while a call below it was refused with 429, and not made again with success."""
    yield from _hidden(case, throttled, "was throttled")


def _hidden(case: RuleContext, is_culprit: Callable[[SegmentFact], bool], verb: str) -> Iterator[Finding]:
    scene = case.scene
    tree, entry = scene.tree, scene.tree.entry
    if entry is None or scene.told.saw != "success":
        return
    culprits = [fact for fact in tree.below(entry) if is_culprit(fact) and not case.expects(fact) and not scene.recovered(fact)]
    above: set[str] = set()
    for fact in culprits:
        # what stands above one that is in the set is in it
        above.update(ancestor.id for ancestor in takewhile(lambda ancestor: ancestor.id not in above, tree.ancestors(fact)))
    for fact in culprits:
        if fact.id not in above:
            happened = what_happened(fact, scene)
            yield case.of_segment(fact, f"the caller was told {scene.told} by {scene.told.by}, but {fact.name} {verb}: {happened}")


def _own_failure(tree: SegmentTree) -> frozenset[str]:
    """The attempts and spans of the entry's own function, where it is a failed Lambda function: other rules tell of those."""
    entry = tree.entry
    if entry is None or entry.origin != SERVICE:
        return frozenset()
    functions = tree.functions_of(entry)
    waiting = [function for function in functions if failed(function) or (failed(entry) and len(functions) == 1)]
    own = {fact.id for fact in (*waiting, *tree.attempts_of(entry))}
    while waiting:
        for child in tree.children(waiting.pop()):
            if child.subsegment and child.namespace not in {"aws", "remote"} and child.id not in own:
                own.add(child.id)
                waiting.append(child)
    return frozenset(own)
