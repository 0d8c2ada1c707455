"""Either kind of document is told by its content."""

from pipeline.traces.read_document import read_trace_document
from tests.support.events import service
from tests.support.otel_spans import SPAN


def test_either_kind_of_document():
    """What ListRetrievedTraces gives may be a segment document or a span."""
    assert [segment.fact.id for segment in (*read_trace_document(SPAN), *read_trace_document(service()))] == [
        SPAN["spanId"],
        service()["id"],
    ]
