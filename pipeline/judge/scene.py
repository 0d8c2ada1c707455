"""Scene: what all rules look at: the tree, what the caller was told, and which failures were made good again."""

from functools import cached_property
from typing import Final

from pipeline.judge.standing import Standing
from pipeline.judge.told import Told
from pipeline.judge.tree import FUNCTION, SERVICE, Tree, call_of, failed
from pipeline.state import SegmentFact, SignalFact, TraceState

ERRORS: Final = frozenset({"error", "exception", "crash"})
_ERROR_NUMBER = 17
_NANOS = 1_000_000
# calls that take many items, of which some may fail while the call goes well
_BATCH_CALLS = frozenset({"BatchWriteItem", "BatchGetItem", "PutRecords", "PutRecordBatch", "PutEvents", "SendMessageBatch",
                          "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "PublishBatch"})  # fmt: skip


class Scene:
    """A trace as the rules see it.

    Args:
        state: everything known.
        tree: its segments.
        standing: how far it has come, and what is missing.
        told: what the caller was told.
    """

    def __init__(self, state: TraceState, tree: Tree, standing: Standing, told: Told) -> None:
        self.state = state
        self.tree = tree
        self.standing = standing
        self.told = told

    @cached_property
    def signals(self) -> tuple[SignalFact, ...]:
        """The lines that speak of a failure which nothing made good again, in time order."""
        told = (signal for signal in self.state.signals.values() if signal.signals and not self._made_good(signal))
        return tuple(sorted(told, key=lambda signal: (signal.at, signal.line_id)))

    @cached_property
    def by_request(self) -> dict[str, list[SignalFact]]:
        """All lines that speak of a failure, by request id, in time order."""
        found: dict[str, list[SignalFact]] = {}
        for signal in sorted(self.state.signals.values(), key=lambda signal: (signal.at, signal.line_id)):
            if signal.signals:
                found.setdefault(signal.request_id, []).append(signal)
        return found

    def is_error(self, signal: SignalFact) -> bool:
        """Whether a line tells of an error that its writer did not call harmless: an exception in a warning was handled."""
        return bool(ERRORS & set(signal.signals)) and (signal.severity == 0 or signal.severity >= _ERROR_NUMBER)

    def service_of(self, request_id: str) -> SegmentFact | None:
        """The Lambda service's segment of a request."""
        return self._services.get(request_id) if request_id else None

    def segment_of(self, request_id: str) -> SegmentFact | None:
        """Where a request failed: its last function segment, else its service's."""
        service = self.service_of(request_id)
        functions = self.tree.functions_of(service) if service else []
        return functions[-1] if functions else service

    def recovered(self, fact: SegmentFact) -> bool:
        """Whether what failed was tried again with success: the call itself, a call that it is part of, or the whole invocation."""
        return any(
            (not self.tree.went_well(step) and self._repeated(step)) or self._superseded(step)
            for step in (fact, *self.tree.ancestors(fact))
        )  # fmt: skip

    def _repeated(self, fact: SegmentFact) -> bool:
        """Whether the same call was made again later, and went well; nobody repeats what was refused as his own mistake."""
        parent = self.tree.parent(fact)
        if parent is None or self.tree.is_refusal(fact):
            return False
        return self.tree.last_success(parent).get(call_of(fact), -1) >= (fact.end or fact.start or 0)

    def _superseded(self, fact: SegmentFact) -> bool:
        """Whether a function's segment is an attempt after which another one went well."""
        return fact.origin == FUNCTION and any(fact.id in earlier for _, earlier in self._good_attempts.values())

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

    def _made_good(self, signal: SignalFact) -> bool:
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
        found: dict[str, int] = {}
        for key, request in self.state.requests.items():
            starts = sorted(spot for run in request.runs.values() for spot in run.starts)
            ends = [spot for run in request.runs.values() for spot in run.ends]
            if len(starts) > 1 and any(end > starts[-1] for end in ends):
                began = int(starts[-1].partition(".")[0])
                failing = (signal for signal in self.state.signals.values() if signal.request == key and signal.signals)
                if not any(signal.at >= began for signal in failing):
                    found[key] = began
        return found

    def _beside_a_repeated_call(self, signal: SignalFact) -> bool:
        """Whether a line was written between a call of its request that failed and the beginning of the same call's success."""
        return any(failed_at <= signal.at <= made_good_at for failed_at, made_good_at in self._repetitions.get(signal.request_id, ()))

    @cached_property
    def _repetitions(self) -> dict[str, list[tuple[int, int]]]:
        """By request, from when to when a call that failed was not made good yet, in milliseconds."""
        found: dict[str, list[tuple[int, int]]] = {}
        for request_id, calls in self._calls.items():
            for fact in calls:
                if (parent := self.tree.parent(fact)) and not self.tree.went_well(fact) and self._repeated(fact):
                    made_good = self.tree.last_success(parent)[call_of(fact)]
                    found.setdefault(request_id, []).append(((fact.start or 0) // _NANOS, made_good // _NANOS + 1))
        return found

    def _before_another_batch(self, signal: SignalFact) -> bool:
        """Whether its request made the same kind of batch call after the line as before it: what was left over was tried again."""
        calls = [fact for fact in self._calls.get(signal.request_id, ()) if fact.operation in _BATCH_CALLS]
        before = {call_of(fact) for fact in calls if (fact.start or 0) // _NANOS <= signal.at}
        after = {call_of(fact) for fact in calls if (fact.start or 0) // _NANOS >= signal.at and self.tree.went_well(fact)}
        return bool(before & after)

    @cached_property
    def _calls(self) -> dict[str, list[SegmentFact]]:
        """What each request did, as subsegments of its function."""
        found: dict[str, list[SegmentFact]] = {}
        for fact in self.tree:
            if fact.subsegment and (around := next((above for above in self.tree.ancestors(fact) if above.origin == SERVICE), None)):
                found.setdefault(around.request_id, []).append(fact)
        return found
