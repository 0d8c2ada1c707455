"""Lambda's own events in its JSON log format."""

import json

from pipeline.logs.extract.read_lines import extract
from tests.support.events import REQUEST, TRACE

XRAY = "1-5759e988-bd862e3fe1be46a994272793"
SPAN = "53995c3f42cd8ad8"


def test_platform_json():
    """Lambda's JSON system log gives request, trace, sampling and status."""
    record = {
        "requestId": REQUEST,
        "status": "timeout",
        "tracing": {"spanId": SPAN, "type": "X-Amzn-Trace-Id", "value": f"Root={XRAY};Sampled=1"},
    }
    line = extract(json.dumps({"time": "2023", "type": "platform.report", "record": record}))
    assert (line.format, line.request_id, line.trace_id, line.span_id, line.sampled, line.signals) == (
        "platform.report", REQUEST, TRACE, SPAN, True, ("timeout",))  # fmt: skip
