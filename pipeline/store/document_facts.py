from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from pipeline.logs.line_facts import _keys_of, _request_of, elsewhere, is_loose
from pipeline.model.facts import SegmentFact, evidence_of, signal_fact
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
    if is_loose(source):
        return TraceState()
    request = _request_of(source)
    return TraceState(
        requests={request.key: request},
        signals=signal_fact(
            hit.id,
            tuple(source.get("signals", ())),
            source.get("serviceName", ""),
            request,
            evidence_of(source.get("body", ""), source.get("excerpt")),
            (source.get("severity") or {}).get("number") or 0,
        ),
        keys={value: {request.key: fact} for value, fact in _keys_of(hit)},
    )


def facts_by_trace(hits: Iterable[Hit]) -> dict[str, TraceState]:
    """What stored lines and spans say, merged for each trace: also of the trace that a line claims, and the platform denies."""
    return merge_by_trace(_facts(hits))


def _facts(hits: Iterable[Hit]) -> Iterator[tuple[str, TraceState]]:
    for hit in hits:
        if trace_id := hit.source.get("traceId"):
            yield trace_id, facts_of(hit)
        if claimed := hit.source.get("staleTraceId"):
            yield claimed, elsewhere(hit.source)


def stored_fact(source: Mapping[str, Any]) -> SegmentFact | None:
    """The fact that a stored span holds; None where somebody else wrote it."""
    try:
        return msgspec.convert(source.get("state"), SegmentFact)
    except msgspec.ValidationError:
        return None
