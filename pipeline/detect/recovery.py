"""Recovery: which failures were recovered by a repeated call, a later attempt or a later invocation."""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property

from pipeline.detect.durable_outcomes import DurableOutcomes
from pipeline.detect.segment_outcome import SERVICE, Call, call_of, failed
from pipeline.detect.segment_tree import SegmentTree
from pipeline.model.bounds import complete_since
from pipeline.model.facts import SegmentFact, SignalFact
from pipeline.model.trace_state import TraceState

_NANOS_PER_MS = 1_000_000
_Period = tuple[int, int]
# calls with many items, of which some may fail while the call goes well
_BATCH_CALLS = frozenset({"BatchWriteItem", "BatchGetItem", "PutRecords", "PutRecordBatch", "PutEvents", "SendMessageBatch",
                          "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "PublishBatch"})  # fmt: skip


class Recovery:
    """Tells which failures of a trace were recovered.

    Args:
        state: the merged state of the trace.
        tree: its segments.
    """

    def __init__(self, state: TraceState, tree: SegmentTree) -> None:
        self.state = state
        self.tree = tree
        self._durable = DurableOutcomes(state, tree)

    def recovered(self, fact: SegmentFact) -> bool:
        """Whether a failed segment was retried with success: the call itself, a call around it, or the whole invocation."""
        return fact.id in self._recovered

    @cached_property
    def _recovered(self) -> frozenset[str]:
        superseded = (self._earlier_attempts | self._durable.excused).union(*(earlier for _, earlier in self._good_attempts.values()))
        found: set[str] = set()
        for id_, ancestry in self.tree.ancestries.items():
            retried = not self.tree.went_well(ancestry.fact) and self._repeated(ancestry.fact)
            if retried or id_ in superseded or (ancestry.above and ancestry.above.id in found):
                found.add(id_)
        return frozenset(found)

    @cached_property
    def _earlier_attempts(self) -> frozenset[str]:
        """The ids of the earlier attempts of events whose last attempt went well."""
        tried = (self.tree.attempts_of(fact) for fact in self.tree if fact.origin == SERVICE and not fact.in_progress)
        good = (tries for tries in tried if tries and not tries[-1].in_progress and self.tree.attempt_went_well(tries[-1]))
        return frozenset(attempt.id for tries in good for attempt in tries[:-1])

    def _repeated(self, fact: SegmentFact) -> bool:
        """Whether the same call was repeated later with success; a refusal of the caller's own mistake is not repeated."""
        parent = self.tree.parent(fact)
        if parent is None or self.tree.is_refusal(fact):
            return False
        return self.tree.last_success(parent).get(call_of(fact), -1) >= (fact.end or fact.start or 0)

    def recovered_line(self, signal: SignalFact) -> bool:
        """Whether the failure that a log line shows was recovered."""
        service = self.service_of(signal.request_id)
        if (service and self.recovered(service)) or self._durable.excuses_line(signal):
            return True
        return bool(signal.at) and (
            signal.at < self._last_good_start(signal)
            or (bool({"error", "exception", "error-payload"} & set(signal.signals)) and self._before_a_repeated_call(signal))
            or ("partial-failure" in signal.signals and self._before_another_batch(signal))
        )

    def _last_good_start(self, signal: SignalFact) -> int:
        """When the successful attempt of a line's request began, in epoch milliseconds, by segments or else by lines; 0 if unknown."""
        began, _ = self._good_attempts.get(signal.request_id, (0, frozenset()))
        return began // _NANOS_PER_MS or self._good_invocations.get(signal.request, 0)

    @cached_property
    def _good_invocations(self) -> dict[str, int]:
        """By request key, when the last of several invocations began (epoch milliseconds), if it ended without a line about a failure."""
        failing: dict[str, int] = {}
        for signal in self.state.failures:
            failing[signal.request] = max(signal.at, failing.get(signal.request, 0))
        # where there are very many lines about failures, those in the middle are not known
        complete = complete_since(self.state.signals.values())
        found: dict[str, int] = {}
        for key, request in self.state.requests.items():
            starts = sorted(position for marks in request.runs.values() for position in marks.starts)
            ends = [position for marks in request.runs.values() for position in marks.ends]
            if len(starts) > 1 and any(end > starts[-1] for end in ends):
                began = int(starts[-1].partition(".")[0])
                if failing.get(key, -1) < began and complete.get((request.log_group, request.account), -1) < began:
                    found[key] = began
        return found

    def _before_a_repeated_call(self, signal: SignalFact) -> bool:
        """Whether a line was written between a failed call of its request and the start of the same call's success."""
        return _within(signal.at, self._repetitions.get(signal.request_id, ()))

    @cached_property
    def _repetitions(self) -> dict[str, list[_Period]]:
        """By request id, the periods from the start of a failed call to its repetition, in epoch milliseconds."""
        found: dict[str, list[_Period]] = {}
        for request_id, calls in self._calls.items():
            for fact in calls:
                if (parent := self.tree.parent(fact)) and not self.tree.went_well(fact) and self._repeated(fact):
                    repeated = self.tree.last_success(parent)[call_of(fact)]
                    found.setdefault(request_id, []).append(((fact.start or 0) // _NANOS_PER_MS, repeated // _NANOS_PER_MS + 1))
        return {request_id: _merged(periods) for request_id, periods in found.items()}

    def _before_another_batch(self, signal: SignalFact) -> bool:
        """Whether a line's request made the same batch call before and after it, so that the failed items were retried."""
        return _within(signal.at, self._batches.get(signal.request_id, ()))

    @cached_property
    def _batches(self) -> dict[str, list[_Period]]:
        """By request id, the periods from the first of the same batch calls to the last successful one, in epoch milliseconds."""
        found: dict[str, list[_Period]] = {}
        for request_id, calls in self._calls.items():
            first: dict[Call, int] = {}
            last: dict[Call, int] = {}
            for fact in calls:
                if fact.operation in _BATCH_CALLS:
                    at, call = (fact.start or 0) // _NANOS_PER_MS, call_of(fact)
                    first[call] = min(at, first.get(call, at))
                    if self.tree.went_well(fact):
                        last[call] = max(at, last.get(call, at))
            found[request_id] = _merged((first[call], at) for call, at in last.items())
        return found

    def service_of(self, request_id: str) -> SegmentFact | None:
        """Gives the Lambda service's segment of a request; None if it is unknown."""
        return self._services.get(request_id) if request_id else None

    @cached_property
    def _services(self) -> dict[str, SegmentFact]:
        return {fact.request_id: fact for fact in self.tree if fact.origin == SERVICE and fact.request_id and not fact.inferred}

    @cached_property
    def _good_attempts(self) -> dict[str, tuple[int, frozenset[str]]]:
        """By request id, if the last of several attempts succeeded: its start in nanoseconds, and the ids of the earlier ones."""
        found: dict[str, tuple[int, frozenset[str]]] = {}
        for fact in self.tree:
            functions = self.tree.functions_of(fact) if fact.origin == SERVICE else []
            if len(functions) > 1 and not failed(functions[-1]) and not functions[-1].in_progress:
                found[fact.request_id or fact.id] = (functions[-1].start or 0, frozenset(function.id for function in functions[:-1]))
        return found

    @cached_property
    def _calls(self) -> dict[str, list[SegmentFact]]:
        """By request id, the subsegments of its function; of OpenTelemetry's span of it where Lambda's own segments are missing."""
        request: dict[str, str] = {}
        found: dict[str, list[SegmentFact]] = {}
        for id_, ancestry in self.tree.ancestries.items():
            above = ancestry.above
            if above and (above.origin == SERVICE or (above.handler and above.id not in request)):
                request[id_] = above.request_id
            elif above and above.id in request:
                request[id_] = request[above.id]
            if ancestry.fact.subsegment and id_ in request:
                found.setdefault(request[id_], []).append(ancestry.fact)
        return found


def _merged(periods: Iterable[_Period]) -> list[_Period]:
    """The periods in order, with overlapping ones merged."""
    found: list[_Period] = []
    for begin, end in sorted(periods):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found


def _within(at: int, periods: Sequence[_Period]) -> bool:
    """Whether ``at`` is in one of ``periods``, which are sorted and do not overlap."""
    index = bisect_right(periods, (at, sys.maxsize)) - 1
    return index >= 0 and at <= periods[index][1]
