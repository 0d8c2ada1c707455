"""Durable outcomes: how the executions of durable functions, their operations and attempts ended, by spans and lines.

A step is tried again, by the same invocation or a later one, until it goes well or its attempts are used up. So what failed in one attempt
says nothing until the operation has ended: an operation that failed, or an execution that did, tells of it.
"""

from collections.abc import Mapping
from functools import cached_property

import msgspec

from pipeline.detect.segment_tree import SegmentTree
from pipeline.model.durable import FAILED_STATUSES
from pipeline.model.facts import SegmentFact, SignalFact
from pipeline.model.trace_state import TraceState

_Operation = tuple[str, str]


class Execution(msgspec.Struct, frozen=True):
    """One durable execution, as far as a trace's segments tell.

    Attributes:
        is_over: whether one of them tells that it ended.
        failed: the one that tells best that it failed: that of the whole execution, else of its last invocation; None if it did not.
    """

    is_over: bool
    failed: SegmentFact | None


def executions_in(tree: SegmentTree) -> dict[str, Execution]:
    """Gives the durable executions that a trace's segments name, by ARN."""
    named: dict[str, list[SegmentFact]] = {}
    for fact in tree:
        if fact.durable:
            named.setdefault(fact.durable.execution_arn, []).append(fact)
    return {arn: _execution(facts) for arn, facts in sorted(named.items())}


def _execution(facts: list[SegmentFact]) -> Execution:
    failed = [fact for fact in facts if fact.durable and fact.durable.execution_failed]
    return Execution(
        is_over=any(fact.durable.is_over for fact in facts if fact.durable),
        failed=min(failed, key=lambda fact: (not (fact.durable and fact.durable.execution_status), fact.start or 0, fact.id), default=None),
    )


class DurableOutcomes:
    """Tells which failures are those of an attempt whose operation did not fail.

    Args:
        state: the merged state of the trace.
        tree: its segments.
    """

    def __init__(self, state: TraceState, tree: SegmentTree) -> None:
        self._state = state
        self._tree = tree

    @cached_property
    def excused(self) -> frozenset[str]:
        """The ids of the segments of failures that say nothing: others came after them, or say the same of an operation that failed.

        Of an operation that did not fail, or has not ended, no attempt tells; of one that failed for good the last attempt does, and the
        first span of its end: a later invocation, which replays, may send another one.
        """
        attempts: dict[_Operation, list[tuple[int, str]]] = {}
        ends: dict[_Operation, list[tuple[int, str]]] = {}
        for fact in self._tree:
            if (of := fact.durable) and of.attempt_outcome == "FAILED":
                attempts.setdefault((of.execution_arn, of.operation_id), []).append((of.attempt or 0, fact.id))
            elif of and of.operation_status in FAILED_STATUSES:
                ends.setdefault((of.execution_arn, of.operation_id), []).append((fact.start or 0, fact.id))
        early = (id_ for operation, found in attempts.items()
                 for _, id_ in (sorted(found)[:-1] if operation in self._failed else found))  # fmt: skip
        return frozenset((*early, *(id_ for found in ends.values() for _, id_ in sorted(found)[1:])))

    def excuses_line(self, signal: SignalFact) -> bool:
        """Whether a line about a failure was written in an attempt that may be followed by another one.

        It is not where the spans tell that its operation failed or its attempt went well, or where the handler went on after it in the same
        invocation. The handler waits for an attempt that is to be repeated; a step in a parallel branch may be repeated beside others.
        """
        of = signal.durable
        if of is None or not of.operation_id or not (of.attempt or of.attempt_outcome):
            return False
        operation = (self._execution_of(signal), of.operation_id)
        if operation in self._failed or self._outcomes.get((*operation, of.attempt)) == "SUCCEEDED":
            return False
        request = self._state.requests.get(signal.request)
        may_be_repeated = of.attempt is None or bool(of.parent_id)
        return may_be_repeated or request is None or request.went_on_at <= signal.at

    @cached_property
    def _failed(self) -> frozenset[_Operation]:
        """The operations that failed in the end, by the ARN of their execution and their id."""
        ended = (fact.durable for fact in self._tree if fact.durable and fact.durable.operation_status in FAILED_STATUSES)
        return frozenset((of.execution_arn, of.operation_id) for of in ended)

    @cached_property
    def _outcomes(self) -> Mapping[tuple[str, str, int | None], str]:
        """How attempts ended, by the ARN of their execution, the id of their operation, and their number."""
        attempts = (fact.durable for fact in self._tree if fact.durable and fact.durable.attempt_outcome)
        return {(of.execution_arn, of.operation_id, of.attempt): of.attempt_outcome for of in attempts}

    def _execution_of(self, signal: SignalFact) -> str:
        """The ARN of the execution that a line belongs to: as the line says, or others of its request; else the trace's only one."""
        own = signal.durable.execution_arn if signal.durable else ""
        return own or (self._named.get(signal.request, "") if signal.request else "") or self._only

    @cached_property
    def _named(self) -> Mapping[str, str]:
        """By the key of a request the ARN that its lines about failures name."""
        named = ((signal.request, signal.durable) for signal in self._state.failures)
        return {request: of.execution_arn for request, of in named if of and of.execution_arn}

    @cached_property
    def _only(self) -> str:
        found = list(executions_in(self._tree))
        return found[0] if len(found) == 1 else ""
