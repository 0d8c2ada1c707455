"""No secret is in what is read of X-Ray."""

import json

from pipeline.redact.redactor import Redactor
from pipeline.traces.otel_spans import read_span
from pipeline.traces.xray_segments import read_document
from tests.support.events import TRACE, call, service


def test_segments_and_spans_hold_nothing_secret():
    """URL, metadata, annotations, SQL, exceptions and stack frames, as text and as objects, at any depth; so do OTLP's attributes."""
    broken = {"exceptions": [{"message": "refused: password=hunter2", "type": "E", "stack": [{"path": "x?token=hunter2", "line": 1}]}]}
    document = service(
        metadata={"default": {"headers": {"X-Api-Key": "hunter2", "n": "kept"}}}, annotations={"token": "hunter2"},
        http={"request": {"url": "https://u:hunter2@x/y?access_token=hunter2&n=kept"}}, sql={"url": "postgres://u:hunter2@h/kept"},
        subsegments=[call("mail", "cccccccccccccccc", cause=broken)],
    )  # fmt: skip
    attributes = [{"key": "http.request.header.authorization", "value": {"stringValue": "hunter2"}},
                  {"key": "n", "value": {"stringValue": "kept"}}]  # fmt: skip
    span = {"traceId": TRACE, "spanId": "53995c3f42cd8ad8", "name": "GET", "attributes": attributes}
    for form in (json.dumps, lambda content: json.dumps(content).encode(), lambda content: content):
        for segments in (read_document(form(document)), [read_span(form(span))]):
            assert "hunter2" not in repr(segments)
            assert "kept" in repr(segments)
            assert segments[0].trace_id == TRACE
    assert repr(document).count("hunter2") == 7
    assert "hunter2" in repr(read_document(document, redactor=Redactor(on=False)))
