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
    alone = [(segment.fact, span_document(segment)) for segment in segments]
    documents = [document | patch_of_span(fact, document, tree, verdict) for fact, document in alone]
    return {document["spanId"]: msgspec.json.decode(msgspec.json.encode(document)) for document in documents}
