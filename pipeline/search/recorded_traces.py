"""Recorded traces: how a query finds lines whose state, annotations and correlation ids stand in their traces' records alone. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.model.line_states import IN_RECORD

COMPLETE: Final = "complete"
# OpenSearch takes so many values in one `terms` (index.max_terms_count)
_MOST_TERMS: Final = 65_536
LEAVES_TO_RECORD: Final[dict[str, Any]] = {"term": {"trace.state": IN_RECORD}}
"""The lines whose state stands in their trace's record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTraces:
    """What is known of the traces whose lines leave their state to the record, as far as a query asks for it.

    Attributes:
        unfinished: by state, the ids of the traces that are not settled; all others of these are complete.
        annotated: by annotation, as ``key=value``, the ids of the traces that have it.
        correlated: by correlation id, the ids of the traces that show it.
        told: by HTTP status as it is asked for, the ids of the traces whose caller was told such a one.
    """

    unfinished: Mapping[str, Sequence[str]] = field(default_factory=dict)
    annotated: Mapping[str, Sequence[str]] = field(default_factory=dict)
    correlated: Mapping[str, Sequence[str]] = field(default_factory=dict)
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def in_states(self, states: Iterable[str]) -> list[dict[str, Any]]:
        """Returns the queries for such lines of traces in one of these states."""
        wanted = set(states)
        found = _of_traces(id_ for state in wanted for id_ in self.unfinished.get(state, ()))
        if COMPLETE in wanted:
            others = _of_traces(id_ for state, ids in self.unfinished.items() if state != COMPLETE for id_ in ids)
            found.append({"bool": {"filter": [LEAVES_TO_RECORD], "must_not": others}})
        return found

    def with_annotation(self, annotation: str) -> list[dict[str, Any]]:
        """Returns the queries for such lines of traces with an annotation."""
        return _of_traces(self.annotated.get(annotation, ()))

    def with_edge_status(self, statuses: Iterable[str]) -> list[dict[str, Any]]:
        """Returns the queries for such lines of traces whose caller was told one of these HTTP statuses."""
        return _of_traces(trace_id for status in statuses for trace_id in self.told.get(status, ()))

    def with_correlation_ids(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Returns the queries for such lines of traces that show one of these correlation ids."""
        return _of_traces(trace_id for id_ in ids for trace_id in self.correlated.get(id_, ()))


NOTHING_RECORDED: Final = RecordedTraces()
"""Where every line carries its state itself."""


def _of_traces(trace_ids: Iterable[str]) -> list[dict[str, Any]]:
    ids = list(dict.fromkeys(trace_ids))
    return [{"bool": {"filter": [LEAVES_TO_RECORD, {"terms": {"traceId": ids[start : start + _MOST_TERMS]}}]}}
            for start in range(0, len(ids), _MOST_TERMS)]  # fmt: skip
