"""Trace view: what all rules see: the segments, the edge response, and the failures that were not recovered."""

from functools import cached_property
from typing import Final

from pipeline.detect.ancestry import nearest_exceptions
from pipeline.detect.completeness import Completeness
from pipeline.detect.edge_response import EdgeResponse
from pipeline.detect.recovery import Recovery
from pipeline.detect.segment_tree import SegmentTree
from pipeline.model.facts import SegmentFact, SignalFact
from pipeline.model.trace_state import TraceState

ERRORS: Final = frozenset({"error", "exception", "crash"})
_ERROR_NUMBER = 17


class TraceView:
    """A trace as the rules see it.

    Args:
        state: the merged state of the trace.
        tree: its segments.
        completeness: how complete it is, and what is missing.
        response: what the caller was answered.
    """

    def __init__(self, state: TraceState, tree: SegmentTree, completeness: Completeness, response: EdgeResponse) -> None:
        self.state = state
        self.tree = tree
        self.completeness = completeness
        self.response = response
        self._recovery = Recovery(state, tree)

    @cached_property
    def signals(self) -> tuple[SignalFact, ...]:
        """The lines about a failure that was not recovered, in time order."""
        found = (signal for signal in self.state.signals.values() if signal.signals and not self._recovery.recovered_line(signal))
        return tuple(sorted(found, key=lambda signal: (signal.at, signal.line_id)))

    @cached_property
    def by_request(self) -> dict[str, list[SignalFact]]:
        """All lines about a failure, by request id, in time order."""
        found: dict[str, list[SignalFact]] = {}
        for signal in sorted(self.state.signals.values(), key=lambda signal: (signal.at, signal.line_id)):
            if signal.signals:
                found.setdefault(signal.request_id, []).append(signal)
        return found

    def lines_around(self, fact: SegmentFact) -> list[SignalFact]:
        """Gives the lines about a failure of the nearest request around ``fact`` that has any, in time order."""
        return self._lines_around.get(fact.id, [])

    @cached_property
    def _lines_around(self) -> dict[str, list[SignalFact]]:
        found: dict[str, list[SignalFact]] = {}
        for id_, ancestry in self.tree.ancestries.items():
            own = self.by_request.get(ancestry.fact.request_id) if ancestry.fact.request_id else None
            if lines := own or (found.get(ancestry.above.id) if ancestry.above else None):
                found[id_] = lines
        return found

    def is_error(self, signal: SignalFact) -> bool:
        """Whether a line is about an error, and not below severity error if it names one: an exception in a warning was handled."""
        return bool(ERRORS & set(signal.signals)) and (signal.severity == 0 or signal.severity >= _ERROR_NUMBER)

    def service_of(self, request_id: str) -> SegmentFact | None:
        """Gives the Lambda service's segment of a request; None if it is unknown."""
        return self._recovery.service_of(request_id)

    def segment_of(self, request_id: str) -> SegmentFact | None:
        """Gives the last function segment of a request, else its Lambda service's; None if both are unknown."""
        service = self.service_of(request_id)
        functions = self.tree.functions_of(service) if service else []
        return functions[-1] if functions else service

    def recovered(self, fact: SegmentFact) -> bool:
        """Whether a failed segment was retried with success: the call itself, a call around it, or the whole invocation."""
        return self._recovery.recovered(fact)

    @cached_property
    def nearest_exception(self) -> dict[str, SegmentFact]:
        """By segment id, the segment itself if it names an exception, else the nearest one below it that does."""
        return nearest_exceptions(self.tree.ancestries, self.tree.children)
