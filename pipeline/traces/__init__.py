"""Traces: what X-Ray has on a trace becomes segments, facts and span documents.

In:    trace ids to look up; segment documents and OpenTelemetry spans as JSON.
Out:   Segment structs with their facts; span documents in the shape of Data Prepper's standard template.
Touch: X-Ray, in `sources` alone. May import `redact`, `model`, `errors`.
Order: look_up asks one of the sources; read_document (xray_segments or otel_spans), segment, span_document.
"""
