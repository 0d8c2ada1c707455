"""Read document: turns a document of either format, X-Ray's or OpenTelemetry's, into segments."""

from collections.abc import Mapping
from typing import Any

from pipeline.redact.redactor import DEFAULT, Redactor
from pipeline.traces.otel_spans import is_span, read_span_content
from pipeline.traces.segment import Segment, content_of
from pipeline.traces.xray_segments import read_segments


def read_trace_document(
    document: bytes | str | Mapping[str, Any], *, trace_id: str | None = None, redactor: Redactor = DEFAULT
) -> list[Segment]:
    """Reads a span, or a segment document with its subsegments. Takes and raises what `read_span` and `read_document` do."""
    content = content_of(document, redactor)
    return [read_span_content(content, trace_id)] if is_span(content) else read_segments(content, trace_id)
