"""Document facts: reads what stored lines and spans say of their traces."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pipeline.logs.line_facts import facts_of_line, is_provisional, ran_in_other_trace
from pipeline.model.facts import SegmentFact
from pipeline.model.trace_state import TraceState, merge_by_trace
from pipeline.store.results import Hit


def facts_of(hit: Hit) -> TraceState:
    """Returns what a stored log line or span says of its trace."""
    source = hit.source
    if source["doc"]["kind"] == "span":
        fact = stored_fact(source)
        return TraceState(segments={fact.id: fact}) if fact else TraceState()
    return facts_of_line(hit.id, source)


def facts_by_trace(hits: Iterable[Hit]) -> dict[str, TraceState]:
    """Returns what stored lines and spans say, merged by trace id; a line with a stale trace id says so of that trace, too."""
    return merge_by_trace(_facts(hits))


def stored_fact(source: Mapping[str, Any]) -> SegmentFact | None:
    """Returns the segment fact that a stored span holds; None where another program wrote the span."""
    try:
        return msgspec.convert(source.get("state"), SegmentFact)
    except msgspec.ValidationError:
        return None


def _facts(hits: Iterable[Hit]) -> Iterator[tuple[str, TraceState]]:
    for hit in hits:
        if trace_id := hit.source.get("traceId"):
            yield trace_id, facts_of(hit)
        if (claimed := hit.source.get("staleTraceId")) and not is_provisional(hit.source):
            yield claimed, ran_in_other_trace(hit.id, hit.source, claimed)
