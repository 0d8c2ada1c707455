"""Span documents of made-up segments."""

import msgspec

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.detect.segment_tree import SegmentTree
from pipeline.join.enrich import patch_of_span
from pipeline.model.trace_state import TraceState
from pipeline.traces.span_document import span_document


def spans_of(*segments):
    """The spans of a trace as OpenSearch gets them, served with its verdict, by id."""
    state = TraceState(segments={segment.fact.id: segment.fact for segment in segments})
    verdict = evaluate(state, rules=default_rules(), give_up_after_ms=1)
    tree = SegmentTree(state.segments)
    documents = [span_document(segment) | patch_of_span(segment.fact, tree, verdict) for segment in segments]
    return {document["spanId"]: msgspec.json.decode(msgspec.json.encode(document)) for document in documents}
