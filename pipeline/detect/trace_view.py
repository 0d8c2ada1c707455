"""Trace view: what all rules see: the segments, the edge response, and the failures that were not recovered."""

import re
from functools import cached_property
from typing import Final

from pipeline.detect.ancestry import nearest_exceptions
from pipeline.detect.completeness import Completeness
from pipeline.detect.edge_response import EdgeResponse
from pipeline.detect.recovery import Recovery
from pipeline.detect.segment_tree import SegmentTree
from pipeline.model.facts import RequestFact, SegmentFact, SignalFact, origin_of
from pipeline.model.log_groups import LAMBDA_LOG_GROUPS, service_name_of
from pipeline.model.trace_state import TraceState

ERRORS: Final = frozenset({"error", "exception", "crash"})
_ERROR_NUMBER = 17
_EXECUTION_FAILED: Final = "durable-execution-failed"


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
        found = (signal for signal in self.state.failures if not self._recovery.recovered_line(signal))
        return tuple(sorted(found, key=lambda signal: (signal.at, signal.line_id)))

    def is_of_failed_execution(self, signal: SignalFact) -> bool:
        """Whether a line tells that a durable execution failed, or of an error in the very invocation in which another line tells so.

        Then it tells of the same failure. A crash of the invocation is one of its own.
        """
        return "crash" not in signal.signals and (
            _EXECUTION_FAILED in signal.signals or bool(signal.request_id and signal.request in self._failed_executions)
        )

    @cached_property
    def _failed_executions(self) -> frozenset[str]:
        """The keys of the requests in which a line tells that a durable execution failed."""
        return frozenset(signal.request for signal in self.signals if signal.request_id and _EXECUTION_FAILED in signal.signals)

    @cached_property
    def by_request(self) -> dict[str, list[SignalFact]]:
        """All lines about a failure, by request id: first those in the log of its function, then those beside a record, in time order."""
        found: dict[str, list[SignalFact]] = {}
        for signal in sorted(self.state.failures, key=self._closeness):
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

    def is_recorded(self, signal: SignalFact) -> bool:
        """Whether the platform's record of a line's request stands in the line's own log group, so that nobody else can have written it."""
        request = self.state.requests.get(signal.request)
        return request is not None and request.platform and bool(signal.request_id)

    def _closeness(self, signal: SignalFact) -> tuple[bool, bool, int, str]:
        return not self.is_of_function(signal), not self.is_recorded(signal), signal.at, signal.line_id

    def is_of_function(self, signal: SignalFact) -> bool:
        """Whether a line stands in the log of the function that ran its request, as the segments say; a line of a file may do so."""
        return not signal.log_group or self._logs.get(signal.request_id) == origin_of(signal.log_group, signal.account)

    @cached_property
    def _logs(self) -> dict[str, str]:
        """By request id, the only origin that can be the log of the function that ran it, as the segments say; none in doubt.

        Any function can print records of this request in its own log. That of the right one names a segment of the request, or the log
        group has the function's name.
        """
        requests: dict[str, list[RequestFact]] = {}
        for request in self.state.requests.values():
            if request.request_id and not request.elsewhere:
                requests.setdefault(request.request_id, []).append(request)
        found: dict[str, str] = {}
        for id_, named in requests.items():
            if service := self.service_of(id_):
                steps = {service.id, *(step.id for step in (*self.tree.functions_of(service), *self.tree.attempts_of(service)))}
                recorded = [request for request in named if request.platform and request.segment_id in steps]
                of_name = [request for request in recorded or named if request.log_group == f"{LAMBDA_LOG_GROUPS}{service.name}"]
                if len(own := of_name or recorded) == 1:
                    found[id_] = own[0].origin
        return found

    def speaker_of(self, signal: SignalFact) -> str:
        """Gives the name of the service whose log shows a line: by its segment or log group, and only without these what the line says.

        In a log group that functions share, the log stream of the line's request names its function.
        """
        segment = self.segment_of(signal.request_id)
        if segment and self.is_of_function(signal):
            return self.tree.service_name(segment)
        request = self.state.requests.get(signal.request)
        named = service_name_of(signal.log_group, min(request.runs, default="") if request else "")
        if named in self._logs_by_name and origin_of(signal.log_group, signal.account) not in self._logs_by_name[named]:
            # a log group that only bears the name of a function of this trace
            return signal.log_group
        return named or signal.service_name or "the log"

    @cached_property
    def _logs_by_name(self) -> dict[str, set[str]]:
        """By the name of each function whose log is known, the origins that are its log."""
        found: dict[str, set[str]] = {}
        for request_id, origin in self._logs.items():
            if service := self.service_of(request_id):
                found.setdefault(service.name, set()).add(origin)
        return found

    def speaks_for_itself(self, signal: SignalFact) -> bool:
        """Whether a line stands in the log of the service that it names, or of a function that ran in this trace."""
        named, group = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (signal.service_name, signal.log_group))
        return not group or named in group or self.is_recorded(signal)

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
