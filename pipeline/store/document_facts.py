"""Document facts: what stored lines and spans say of their traces, and which of their fields that needs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from pipeline.logs.line_facts import facts_of_line, ran_in_other_trace
from pipeline.model.facts import SegmentFact
from pipeline.model.trace_state import TraceState, merge_by_trace
from pipeline.store.results import Hit

FACTS: Final = (
    "@timestamp",
    "doc.kind",
    "traceId",
    "spanId",
    "requestId",
    "sampled",
    "signals",
    "serviceName",
    "trace.version",
    "severity.number",
    "body",
    "excerpt",
    "httpStatus",
    "state",
    "annotations",
    "segment.id",
    "aws.logGroup",
    "aws.logStream",
    "eventId",
    "eventName",
    "idSource",
    "staleTraceId",
    "correlationId",
    "propagatedTraceId",
    "integrationRequestId",
)
"""What of a line or span has to be read to know what it says of its trace, and to bring it up to date."""


def facts_of(hit: Hit) -> TraceState:
    """What a stored log line or span says of its trace."""
    source = hit.source
    if source["doc"]["kind"] == "span":
        fact = stored_fact(source)
        return TraceState(segments={fact.id: fact}) if fact else TraceState()
    return facts_of_line(hit.id, source)


def facts_by_trace(hits: Iterable[Hit]) -> dict[str, TraceState]:
    """What stored lines and spans say, merged for each trace: also of the trace that a line claims, and the platform denies."""
    return merge_by_trace(_facts(hits))


def _facts(hits: Iterable[Hit]) -> Iterator[tuple[str, TraceState]]:
    for hit in hits:
        if trace_id := hit.source.get("traceId"):
            yield trace_id, facts_of(hit)
        if claimed := hit.source.get("staleTraceId"):
            yield claimed, ran_in_other_trace(hit.source)


def stored_fact(source: Mapping[str, Any]) -> SegmentFact | None:
    """The fact that a stored span holds; None where somebody else wrote it."""
    try:
        return msgspec.convert(source.get("state"), SegmentFact)
    except msgspec.ValidationError:
        return None
