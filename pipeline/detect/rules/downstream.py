"""Downstream: the caller was answered with success, and a call below it failed or was throttled."""

from collections.abc import Callable, Iterator
from itertools import takewhile

from pipeline.detect.rule_context import RuleContext, what_happened
from pipeline.detect.segment_outcome import CLIENT_ERROR, FUNCTION, SERVER_ERROR, SERVICE, crashed, failed, faulted, is_execution, throttled
from pipeline.detect.segment_tree import SegmentTree
from pipeline.detect.verdict import Finding
from pipeline.model.facts import SegmentFact


def edge_ok_downstream_fault(context: RuleContext) -> Iterator[Finding]:
    """Finds a faulted call, at any depth below an entry that answers below 400; names the deepest one of each chain."""
    own = _own_failure(context.view.tree)
    yield from _hidden(context, lambda fact: faulted(fact) and not throttled(fact) and fact.id not in own, "failed")


def throttled_downstream(context: RuleContext) -> Iterator[Finding]:
    """Finds a call that was throttled, and not repeated with success, below an entry that answers below 400."""
    yield from _hidden(context, throttled, "was throttled")


def _hidden(context: RuleContext, is_culprit: Callable[[SegmentFact], bool], verb: str) -> Iterator[Finding]:
    view = context.view
    tree, entry = view.tree, view.tree.entry
    if entry is None or view.response.saw != "success":
        return
    suspects = (
        *((entry,) if _hides_its_own(entry) else ()),
        *(fact for top in (entry, *_invocations_beside(entry, tree)) for fact in tree.below(top)),
    )
    culprits = [fact for fact in suspects if is_culprit(fact) and not context.expects(fact) and not view.recovered(fact)]
    above: set[str] = set()
    for fact in culprits:
        # what is above a segment in the set is in it, too
        above.update(ancestor.id for ancestor in takewhile(lambda ancestor: ancestor.id not in above, tree.ancestors(fact)))
    for fact in culprits:
        if fact.id not in above:
            happened = what_happened(fact, view)
            yield context.of_segment(fact, f"the caller was told {view.response} by {view.response.by}, but {fact.name} {verb}: {happened}")


def _invocations_beside(entry: SegmentFact, tree: SegmentTree) -> Iterator[SegmentFact]:
    """The other invocations of the durable execution that the entry is one of: each is a top of its own, as their parent is no span."""
    if entry.durable:
        arn = entry.durable.execution_arn
        yield from (
            fact for fact in tree if fact.durable and fact.durable.execution_arn == arn and fact is not entry and not tree.parent(fact)
        )


def _hides_its_own(entry: SegmentFact) -> bool:
    """Whether a service marks its own request as failed, and answered below 400; Lambda, executions and GraphQL have other rules."""
    of_other_rules = entry.origin in {SERVICE, FUNCTION} or is_execution(entry) or entry.graphql_errors
    return entry.fault and (entry.status or SERVER_ERROR) < CLIENT_ERROR and not of_other_rules


def _own_failure(tree: SegmentTree) -> frozenset[str]:
    """The attempts and spans of the entry's own function, if it is a failed Lambda function: other rules find those."""
    entry = tree.entry
    if entry is None or entry.origin != SERVICE:
        return frozenset()
    functions = tree.functions_of(entry)
    waiting = [function for function in functions if failed(function) or (failed(entry) and len(functions) == 1)]
    waiting += [handler for function in functions for handler in tree.handlers_of(function) if crashed(handler)]
    own = {fact.id for fact in (*waiting, *tree.attempts_of(entry))}
    while waiting:
        for child in tree.children(waiting.pop()):
            if child.subsegment and child.namespace not in {"aws", "remote"} and child.id not in own:
                own.add(child.id)
                waiting.append(child)
    return frozenset(own)
