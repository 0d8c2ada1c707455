"""Scene: what all rules look at: the tree, what the caller was told, and which failures were made good again."""

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
        state: everything known.
        tree: its segments.
        standing: how far it has come, and what is missing.
        told: what the caller was told.
    """

    def __init__(self, state: TraceState, tree: SegmentTree, standing: Completeness, told: EdgeResponse) -> None:
        self.state = state
        self.tree = tree
        self.standing = standing
        self.told = told
        self._amends = Recovery(state, tree)

    @cached_property
    def signals(self) -> tuple[SignalFact, ...]:
        """The lines that speak of a failure which nothing made good again, in time order."""
        told = (signal for signal in self.state.signals.values() if signal.signals and not self._amends.made_good(signal))
        return tuple(sorted(told, key=lambda signal: (signal.at, signal.line_id)))

    @cached_property
    def by_request(self) -> dict[str, list[SignalFact]]:
        """All lines that speak of a failure, by request id, in time order."""
        found: dict[str, list[SignalFact]] = {}
        for signal in sorted(self.state.signals.values(), key=lambda signal: (signal.at, signal.line_id)):
            if signal.signals:
                found.setdefault(signal.request_id, []).append(signal)
        return found

    def lines_around(self, fact: SegmentFact) -> list[SignalFact]:
        """The lines of the nearest request around ``fact`` that wrote any which speak of a failure, in time order."""
        return self._lines_around.get(fact.id, [])

    @cached_property
    def _lines_around(self) -> dict[str, list[SignalFact]]:
        found: dict[str, list[SignalFact]] = {}
        for id_, place in self.tree.lineage.items():
            own = self.by_request.get(place.fact.request_id) if place.fact.request_id else None
            if lines := own or (found.get(place.above.id) if place.above else None):
                found[id_] = lines
        return found

    def is_error(self, signal: SignalFact) -> bool:
        """Whether a line tells of an error that its writer did not call harmless: an exception in a warning was handled."""
        return bool(ERRORS & set(signal.signals)) and (signal.severity == 0 or signal.severity >= _ERROR_NUMBER)

    def service_of(self, request_id: str) -> SegmentFact | None:
        """The Lambda service's segment of a request."""
        return self._amends.service_of(request_id)

    def segment_of(self, request_id: str) -> SegmentFact | None:
        """Where a request failed: its last function segment, else its service's."""
        service = self.service_of(request_id)
        functions = self.tree.functions_of(service) if service else []
        return functions[-1] if functions else service

    def recovered(self, fact: SegmentFact) -> bool:
        """Whether what failed was tried again with success: the call itself, a call that it is part of, or the whole invocation."""
        return self._amends.recovered(fact)

    @cached_property
    def nearest_exception(self) -> dict[str, SegmentFact]:
        """By id, the segment itself where it names an exception, else the nearest one below it that does."""
        return nearest_exceptions(self.tree.lineage, self.tree.children)
