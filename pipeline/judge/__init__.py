"""Judge: the verdict, a pure function of a trace's merged state. No clock, no order, no input or output."""

from pipeline.judge.rules import Rule, Rules, default_rules, find, read_rules
from pipeline.judge.tree import SERVICE, Tree
from pipeline.judge.verdict import ClientSaw, Finding, Root, SegmentStatus, State, Verdict
from pipeline.state import TraceState

__all__ = ["ClientSaw", "Finding", "Root", "Rule", "Rules", "SegmentStatus", "State", "Verdict", "default_rules", "judge",
           "read_rules"]  # fmt: skip

_MOST_NAMED = 3
_RAN = 200


def judge(state: TraceState, *, rules: Rules, give_up_after_ms: int) -> Verdict:
    """The verdict on ``state``.

    Args:
        state: everything known of the trace.
        rules: what counts as a finding.
        give_up_after_ms: how long after the newest sign of life a look-up must have been made in vain.
    """
    tree = Tree(state.segments)
    outcome, reason = _outcome(state, tree, give_up_after_ms)
    entry = tree.entry
    return Verdict(
        state=outcome,
        state_reason=reason,
        fault=any(fact.fault for fact in tree),
        error=any(fact.error for fact in tree),
        throttle=any(fact.throttle for fact in tree),
        edge_status=entry.status if entry else None,
        client_saw=tree.client_saw,
        findings=find(state, tree, rules, outcome),
        root=Root(id=entry.id, name=entry.name, service_name=entry.service_name, start=entry.start, end=entry.end,
                  failed=entry.fault or entry.error or entry.throttle) if entry else None,
        segments_by_request=_segments_by_request(tree),
    )  # fmt: skip


def _outcome(state: TraceState, tree: Tree, give_up_after_ms: int) -> tuple[State, str]:
    """The state and its reason. What was found outweighs every reason for finding nothing."""
    outcomes = {lookup.outcome for lookup in state.lookups.values()}
    time_is_up = _time_is_up(state, give_up_after_ms)
    if not state.segments:
        if state.unsampled or any(request.sampled is False for request in state.requests.values()):
            return (
                "unsampled",
                "The trace was not sampled, so X-Ray never recorded it: these log lines are all there is.",
            )
        if "sourceDisabled" in outcomes:
            return "sourceDisabled", (
                "Transaction Search is on, so BatchGetTraces finds nothing: subscribe the log group aws/spans instead."
            )
        if "limitExceeded" in outcomes:
            return "limitExceeded", "The trace is larger than X-Ray keeps, and nothing of it came back."
        if time_is_up:
            return "notFound", "X-Ray has no trace of this id, though it was asked until long after the last log line."
        return "pending", "X-Ray has nothing on this trace yet."
    missing = _missing(tree)
    if not missing:
        return "complete", "Every segment is closed and every call has its answer."
    named = "; ".join(missing[:_MOST_NAMED]) + ("; …" if len(missing) > _MOST_NAMED else "")
    if "limitExceeded" in outcomes:
        return "limitExceeded", f"The trace is larger than X-Ray keeps: {named}."
    if time_is_up:
        return "incomplete", f"Time is up, and something never came: {named}."
    return "partial", f"Not everything is there yet: {named}."


def _time_is_up(state: TraceState, give_up_after_ms: int) -> bool:
    asked = max((lookup.at for lookup in state.lookups.values()), default=0)
    ends = (time // 1_000_000 for fact in state.segments.values() for time in (fact.start, fact.end) if time)
    return asked > 0 and asked >= max(state.last_line_at, *ends, 0) + give_up_after_ms


def _missing(tree: Tree) -> list[str]:
    """What keeps the trace from being complete, a phrase each."""
    missing = [f"{fact.name or fact.id} is still open" for fact in tree if fact.in_progress]
    missing += [
        f"the parent {fact.parent_id} of {fact.name or fact.id} is missing" for fact in tree if fact.parent_id and not tree.parent(fact)
    ]
    # Lambda sends two segments for each invocation that ran, and either may be there first
    missing += [
        f"the function segment of {fact.name or fact.id} is missing"
        for fact in tree
        if fact.origin == SERVICE and fact.status == _RAN and not fact.inferred and tree.function_of(fact) is None
    ]
    missing += [f"the answer to the call {fact.name or fact.id} is missing" for fact in tree if fact.traced and not tree.answered(fact)]
    return missing


def _segments_by_request(tree: Tree) -> dict[str, SegmentStatus]:
    """For each Lambda request its function's segment, with the status that the Lambda service answered."""
    found: dict[str, SegmentStatus] = {}
    for service in tree:
        if service.origin != SERVICE or not service.request_id:
            continue
        function = tree.function_of(service) or service
        found[service.request_id] = SegmentStatus(
            id=function.id, name=function.name, status=service.status, fault=service.fault or function.fault,
            error=service.error or function.error, throttle=service.throttle or function.throttle,
            in_progress=service.in_progress or function.in_progress,
        )  # fmt: skip
    return found
