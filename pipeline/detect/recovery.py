"""Amends: which failures were made good again, by a call made once more, a later attempt, a later run."""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property

from pipeline.detect.segment_outcome import SERVICE, Call, call_of, failed
from pipeline.detect.segment_tree import SegmentTree
from pipeline.model.facts import SegmentFact, SignalFact
from pipeline.model.trace_state import TraceState

_NANOS = 1_000_000
_Span = tuple[int, int]
# calls that take many items, of which some may fail while the call goes well
_BATCH_CALLS = frozenset({"BatchWriteItem", "BatchGetItem", "PutRecords", "PutRecordBatch", "PutEvents", "SendMessageBatch",
                          "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "PublishBatch"})  # fmt: skip


class Recovery:
    """What was made good again in a trace.

    Args:
        state: everything known.
        tree: its segments.
    """

    def __init__(self, state: TraceState, tree: SegmentTree) -> None:
        self.state = state
        self.tree = tree

    def recovered(self, fact: SegmentFact) -> bool:
        """Whether what failed was tried again with success: the call itself, a call that it is part of, or the whole invocation."""
        return fact.id in self._recovered

    @cached_property
    def _recovered(self) -> frozenset[str]:
        superseded = self._earlier_attempts.union(*(earlier for _, earlier in self._good_attempts.values()))
        found: set[str] = set()
        for id_, place in self.tree.lineage.items():
            made_good = not self.tree.went_well(place.fact) and self._repeated(place.fact)
            if made_good or id_ in superseded or (place.above and place.above.id in found):
                found.add(id_)
        return frozenset(found)

    @cached_property
    def _earlier_attempts(self) -> frozenset[str]:
        """The attempts of events whose last attempt went well."""
        tried = (self.tree.attempts_of(fact) for fact in self.tree if fact.origin == SERVICE and not fact.in_progress)
        good = (tries for tries in tried if tries and not tries[-1].in_progress and self.tree.attempt_went_well(tries[-1]))
        return frozenset(attempt.id for tries in good for attempt in tries[:-1])

    def _repeated(self, fact: SegmentFact) -> bool:
        """Whether the same call was made again later, and went well; nobody repeats what was refused as his own mistake."""
        parent = self.tree.parent(fact)
        if parent is None or self.tree.is_refusal(fact):
            return False
        return self.tree.last_success(parent).get(call_of(fact), -1) >= (fact.end or fact.start or 0)

    def made_good(self, signal: SignalFact) -> bool:
        """Whether what a line speaks of was made good again."""
        service = self.service_of(signal.request_id)
        if service and self.recovered(service):
            return True
        return bool(signal.at) and (
            signal.at < self._last_good_start(signal)
            or (bool({"error", "exception", "error-payload"} & set(signal.signals)) and self._beside_a_repeated_call(signal))
            or ("partial-failure" in signal.signals and self._before_another_batch(signal))
        )

    def _last_good_start(self, signal: SignalFact) -> int:
        """When the attempt of its request began that went well, in milliseconds; 0 where none is known, by segments or by lines."""
        began, _ = self._good_attempts.get(signal.request_id, (0, frozenset()))
        return began // _NANOS or self._good_runs.get(signal.request, 0)

    @cached_property
    def _good_runs(self) -> dict[str, int]:
        """By request key, when the last of several runs began that its lines show, if no line of it speaks of a failure."""
        failing: dict[str, int] = {}
        for signal in self.state.signals.values():
            if signal.signals:
                failing[signal.request] = max(signal.at, failing.get(signal.request, 0))
        found: dict[str, int] = {}
        for key, request in self.state.requests.items():
            starts = sorted(spot for run in request.runs.values() for spot in run.starts)
            ends = [spot for run in request.runs.values() for spot in run.ends]
            if len(starts) > 1 and any(end > starts[-1] for end in ends):
                began = int(starts[-1].partition(".")[0])
                if failing.get(key, -1) < began:
                    found[key] = began
        return found

    def _beside_a_repeated_call(self, signal: SignalFact) -> bool:
        """Whether a line was written between a call of its request that failed and the beginning of the same call's success."""
        return _within(signal.at, self._repetitions.get(signal.request_id, ()))

    @cached_property
    def _repetitions(self) -> dict[str, list[_Span]]:
        """By request, from when to when a call that failed was not made good yet, in milliseconds."""
        found: dict[str, list[_Span]] = {}
        for request_id, calls in self._calls.items():
            for fact in calls:
                if (parent := self.tree.parent(fact)) and not self.tree.went_well(fact) and self._repeated(fact):
                    made_good = self.tree.last_success(parent)[call_of(fact)]
                    found.setdefault(request_id, []).append(((fact.start or 0) // _NANOS, made_good // _NANOS + 1))
        return {request_id: _united(spans) for request_id, spans in found.items()}

    def _before_another_batch(self, signal: SignalFact) -> bool:
        """Whether its request made the same kind of batch call after the line as before it: what was left over was tried again."""
        return _within(signal.at, self._batches.get(signal.request_id, ()))

    @cached_property
    def _batches(self) -> dict[str, list[_Span]]:
        """By request, from its first call of a kind of batch to the last one that went well, in milliseconds."""
        found: dict[str, list[_Span]] = {}
        for request_id, calls in self._calls.items():
            first: dict[Call, int] = {}
            last: dict[Call, int] = {}
            for fact in calls:
                if fact.operation in _BATCH_CALLS:
                    at, call = (fact.start or 0) // _NANOS, call_of(fact)
                    first[call] = min(at, first.get(call, at))
                    if self.tree.went_well(fact):
                        last[call] = max(at, last.get(call, at))
            found[request_id] = _united((first[call], at) for call, at in last.items())
        return found

    def service_of(self, request_id: str) -> SegmentFact | None:
        """The Lambda service's segment of a request."""
        return self._services.get(request_id) if request_id else None

    @cached_property
    def _services(self) -> dict[str, SegmentFact]:
        return {fact.request_id: fact for fact in self.tree if fact.origin == SERVICE and fact.request_id and not fact.inferred}

    @cached_property
    def _good_attempts(self) -> dict[str, tuple[int, frozenset[str]]]:
        """By request, of those that were tried more than once, the last time with success: when that began, and the attempts before."""
        found: dict[str, tuple[int, frozenset[str]]] = {}
        for fact in self.tree:
            functions = self.tree.functions_of(fact) if fact.origin == SERVICE else []
            if len(functions) > 1 and not failed(functions[-1]) and not functions[-1].in_progress:
                found[fact.request_id or fact.id] = (functions[-1].start or 0, frozenset(one.id for one in functions[:-1]))
        return found

    @cached_property
    def _calls(self) -> dict[str, list[SegmentFact]]:
        """What each request did, as subsegments of its function."""
        request: dict[str, str] = {}
        found: dict[str, list[SegmentFact]] = {}
        for id_, place in self.tree.lineage.items():
            above = place.above
            if above and above.origin == SERVICE:
                request[id_] = above.request_id
            elif above and above.id in request:
                request[id_] = request[above.id]
            if place.fact.subsegment and id_ in request:
                found.setdefault(request[id_], []).append(place.fact)
        return found


def _united(spans: Iterable[_Span]) -> list[_Span]:
    """The spans in order, those that meet as one."""
    found: list[_Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found


def _within(at: int, spans: Sequence[_Span]) -> bool:
    """Whether ``at`` lies in one of these spans, which are in order and apart."""
    place = bisect_right(spans, (at, sys.maxsize)) - 1
    return place >= 0 and at <= spans[place][1]
