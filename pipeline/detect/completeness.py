"""Completeness: how much of a trace has come, as a state and a sentence. Time enters as a fact: when each look-up was made."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from pipeline.detect.durable_outcomes import executions_in
from pipeline.detect.segment_outcome import ACCEPTED, FUNCTION, RAN, SERVICE
from pipeline.detect.segment_tree import SegmentTree
from pipeline.detect.verdict import SOURCE_UNAVAILABLE, State
from pipeline.model.facts import LookupFact, Outcome, SegmentFact
from pipeline.model.lookups import XRAY_KEEPS_DAYS, answered, failed_since_answer
from pipeline.model.places import ACCESS, place_in
from pipeline.model.sampling import provable_at, sampling_of
from pipeline.model.trace_state import TraceState, last_seen

_MOST_NAMED = 3
_MOST_LOOKUPS = 20
# BatchGetTraces may leave an id unprocessed for its load of the moment (X-Ray API reference)
_ENOUGH_UNPROCESSED = 4
# an event that fails is retried twice by default (AWS Lambda developer guide, "How Lambda handles errors and retries")
_MOST_ATTEMPTS = 3
_HOUR = 3_600_000
_WHY_NO_ANSWER: Final[Mapping[Outcome, str]] = {
    "denied": "X-Ray refused the credentials of tracejoin",
    "unreachable": "X-Ray did not answer",
}


class Completeness(msgspec.Struct, frozen=True):
    """How complete a trace is: its state, the reason in words, and what is missing, a phrase each."""

    state: State
    reason: str
    missing: tuple[str, ...] = ()


def completeness_of(state: TraceState, tree: SegmentTree, give_up_after_ms: int) -> Completeness:
    """Gives how complete a trace is; ``give_up_after_ms`` is as in `evaluate`. Segments outweigh every reason for having none."""
    return _with_segments(state, tree, give_up_after_ms) if state.segments else _without_segments(state, give_up_after_ms)


def _without_segments(state: TraceState, give_up_after_ms: int) -> Completeness:
    outcomes = {lookup.outcome for lookup in answered(state)}
    failed = failed_since_answer(state)
    sampling = sampling_of(state)
    if sampling == "unsampled" or (sampling == "said to be unsampled" and _looked_up_late(state, give_up_after_ms)):
        return Completeness("unsampled", "The trace was not sampled, so X-Ray never recorded it: these log lines are all there is.")
    if "sourceDisabled" in outcomes:
        return Completeness("sourceDisabled", "Transaction Search is on, so BatchGetTraces finds nothing: subscribe the log group "
                            "aws/spans to tracejoin, or set TRACEJOIN_TRACE_SOURCE to StartTraceRetrieval.")  # fmt: skip
    if "limitExceeded" in outcomes:
        return Completeness("limitExceeded", "The trace is larger than X-Ray keeps, and nothing of it came back.")
    if not state.lookups and sampling == "said to be unsampled":
        return Completeness("pending", "A line says that the trace was not sampled; X-Ray will be asked once whether that is so.")
    if not state.lookups:
        return Completeness("pending", "X-Ray was not asked for this trace yet.")
    if "refused" in outcomes:
        return Completeness("notFound", "X-Ray does not take this for a trace id, so it can have no trace of it.")
    if _time_is_up(state, _conclusive(state), give_up_after_ms):
        return Completeness("notFound", _not_found(outcomes))
    if _time_is_up(state, failed, give_up_after_ms):
        return Completeness(SOURCE_UNAVAILABLE, f"{_why_no_answer(failed[-1])} until long after the last log line: "
                            f"these log lines are all that is known.{_remedy(failed[-1:])}")  # fmt: skip
    if failed:
        return Completeness("pending", f"{_why_no_answer(failed[-1])} so far: its answer is put off.{_remedy(failed[-1:])}")
    return Completeness("pending", "X-Ray has nothing on this trace yet.")


def _why_no_answer(lookup: LookupFact) -> str:
    """Why a look-up got no answer, or only a part of one."""
    places = [place for text in lookup.refused_by if (place := place_in(text))]
    if not places:
        return _WHY_NO_ANSWER[lookup.outcome]
    named = ", ".join(f"{place.account} ({place.region})" for place in places[:_MOST_NAMED]) + (", …" if len(places) > _MOST_NAMED else "")
    return f"Accounts {named} refused to show their traces" if len(places) > 1 else f"Account {named} refused to show its traces"


def _lower(sentence: str) -> str:
    """A sentence as a part of another one."""
    return sentence if sentence.startswith("X-Ray") else sentence[0].lower() + sentence[1:]


def _remedy(lookups: Sequence[LookupFact]) -> str:
    return f" To see them, {ACCESS}." if any(lookup.refused_by for lookup in lookups) else ""


def _conclusive(state: TraceState) -> list[LookupFact]:
    """The look-ups that say whether X-Ray has something; one that left the id unprocessed says nothing, several do."""
    found = answered(state)
    unprocessed = sum(lookup.outcome == "unprocessed" for lookup in found)
    return [lookup for lookup in found if lookup.outcome != "unprocessed" or unprocessed >= _ENOUGH_UNPROCESSED]


def _not_found(outcomes: Collection[Outcome]) -> str:
    if outcomes == {"expired"}:
        return f"X-Ray keeps traces for {XRAY_KEEPS_DAYS} days, and was not asked for this older one: these log lines are all there is."
    if outcomes == {"unprocessed"}:
        return "X-Ray left this id unprocessed each time, and was asked until long after the last log line."
    if outcomes == {"subscribed"}:
        return "No span of this trace came through aws/spans, long after the last log line."
    return "X-Ray has no trace of this id, though it was asked until long after the last log line."


def _looked_up_late(state: TraceState, give_up_after_ms: int) -> bool:
    """Whether X-Ray had nothing of the trace when it would have had all of it."""
    at = provable_at(state, give_up_after_ms)
    return any(lookup.outcome in {"absent", "subscribed"} and lookup.at >= at for lookup in state.lookups.values())


def _with_segments(state: TraceState, tree: SegmentTree, give_up_after_ms: int) -> Completeness:
    executions = executions_in(tree)
    suspended = any(not execution.is_over for execution in executions.values())
    missing = tuple(_missing(state, tree, suspended=suspended))
    named = "; ".join(missing[:_MOST_NAMED]) + ("; …" if len(missing) > _MOST_NAMED else "")
    if any(lookup.outcome == "limitExceeded" for lookup in state.lookups.values()):
        return Completeness(
            "limitExceeded", f"The trace is larger than X-Ray keeps: {named or 'what lies beyond the limit is lost'}.", missing
        )
    if suspended and (not missing or _time_is_up(state, _conclusive(state), give_up_after_ms)):
        return Completeness("complete", f"A durable execution was suspended: more may come when it goes on.{_still(named)}", missing)
    if not missing:
        return Completeness("complete", "Every segment is closed and every call has its answer.")
    if _time_is_up(state, _conclusive(state), give_up_after_ms):
        refused = [lookup for lookup in _conclusive(state)[-1:] if lookup.refused_by]
        why = f"{_lower(_why_no_answer(refused[0]))}, and " if refused else ""
        return Completeness("incomplete", f"Time is up, and {why}something never came: {named}.{_remedy(refused)}", missing)
    failed = failed_since_answer(state)
    if _time_is_up(state, failed, give_up_after_ms):
        reason = f"Time is up, and {_lower(_why_no_answer(failed[-1]))} when it was asked for what is missing: {named}."
        return Completeness(SOURCE_UNAVAILABLE, f"{reason}{_remedy(failed[-1:])}", missing)
    if failed:
        reason = f"Not everything is there yet, and {_lower(_why_no_answer(failed[-1]))} so far: {named}.{_remedy(failed[-1:])}"
        return Completeness("partial", reason, missing)
    return Completeness("partial", f"Not everything is there yet: {named}.", missing)


def _time_is_up(state: TraceState, lookups: Sequence[LookupFact], give_up_after_ms: int) -> bool:
    """Whether one of these look-ups was made long enough after the last sign of life, or there are too many of them."""
    asked = max((lookup.at for lookup in lookups), default=0)
    # a time far after the look-up that found it is wrong
    active = last_seen(state, before=asked + _HOUR)
    return asked > 0 and (asked >= active + give_up_after_ms or len(lookups) >= _MOST_LOOKUPS)


def _still(named: str) -> str:
    return f" So far {named}." if named else ""


def _missing(state: TraceState, tree: SegmentTree, *, suspended: bool) -> Iterator[str]:
    """What the trace lacks to be complete, a phrase each.

    The span of a durable operation is sent when the operation ends, which may be never, and that of an execution at its end: they are no
    lack, and neither is what stands above other spans while an execution is ``suspended``.
    """
    yield from (f"{fact.name or fact.id} is still open" for fact in tree if fact.in_progress)
    for fact in tree:
        if fact.parent_id and not tree.parent(fact) and not (suspended or fact.durable):
            yield f"the parent {fact.parent_id} of {fact.name or fact.id} is missing"
    yield from (f"the function segment of {fact.name or fact.id} is missing" for fact in tree if _lacks_function(fact, tree))
    yield from (f"another attempt of {fact.name or fact.id} is missing: {len(tree.attempts_of(fact))} failed so far" for fact in tree
                if _will_be_tried_again(fact, tree))  # fmt: skip
    yield from (f"the answer to the call {fact.name or fact.id} is missing" for fact in tree if fact.traced and not tree.answered(fact))
    # the call that invoked a function has the id of its request, too
    seen = {fact.request_id for fact in tree if fact.origin in {SERVICE, FUNCTION}}
    for request in state.requests.values():
        # the platform names the segment in its REPORT line
        awaited = request.sampled and request.segment_id and not request.elsewhere
        if awaited and request.request_id not in seen and request.segment_id not in tree.segments:
            yield f"the segment of the request {request.request_id} is missing"


def _lacks_function(fact: SegmentFact, tree: SegmentTree) -> bool:
    # Lambda sends two segments for each invocation that ran, and either may come first
    ran = fact.origin == SERVICE and fact.status in RAN and not fact.inferred and not fact.in_progress
    return ran and not tree.functions_of(fact)


def _will_be_tried_again(fact: SegmentFact, tree: SegmentTree) -> bool:
    if fact.origin != SERVICE or fact.status != ACCEPTED or fact.inferred:
        return False
    attempts = tree.attempts_of(fact)
    return 0 < len(attempts) < _MOST_ATTEMPTS and not attempts[-1].in_progress and not tree.attempt_went_well(attempts[-1])
