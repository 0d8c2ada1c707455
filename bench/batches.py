"""Batches: makes subscription events with a Lambda account's mix of lines: Powertools, API Gateway, Lambda's own, Node.js, plain."""

import base64
import gzip
import json
import random
import uuid
from typing import Any

from pipeline.local.lambda_lines import Invocation, end, report, start
from pipeline.local.runtime_lines import LineContext, NodeText, Powertools
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray

_TRACES = 50
_BEGAN = 1_780_000_000_000


def subscription_event(events: int, seed: int, began: int = _BEGAN) -> dict[str, Any]:
    """Returns the Lambda event of a CloudWatch Logs subscription with ``events`` log events; the same for the same seed.

    ``began`` is the time of its first events in milliseconds since the epoch, UTC.
    """
    rng = random.Random(seed)
    traces = [f"{0x66000000 + number:08x}{rng.getrandbits(96):024x}" for number in range(_TRACES)]
    requests = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(_TRACES)]
    at = began
    log_events = []
    for number in range(events):
        at += rng.randrange(5)
        transaction = rng.randrange(_TRACES)
        message = _message(rng, traces[transaction], requests[transaction], at)
        log_events.append({"id": str(37_000_000_000_000_000_000 * 10**36 + number), "timestamp": at, "message": message})
    document = {
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/lambda/orders-create",
        "logStream": f"2026/11/24/[$LATEST]{rng.getrandbits(128):032x}", "subscriptionFilters": ["tracejoin"],
        "logEvents": log_events,
    }  # fmt: skip
    data = base64.b64encode(gzip.compress(json.dumps(document, separators=(",", ":")).encode(), 6)).decode()
    return {"awslogs": {"data": data}}


def _message(rng: random.Random, trace_id: str, request_id: str, written_at: int) -> str:
    share = rng.random()
    at = LineContext(iso=iso_millis(written_at), request_id=request_id, trace_id=to_xray(trace_id), function="orders-create")
    if share < 0.48:
        return _powertools(rng, at)
    if share < 0.64:
        return json.dumps(_access_log(rng, to_xray(trace_id), request_id))
    if share < 0.68:
        return start(request_id)
    if share < 0.72:
        return end(request_id)
    if share < 0.76:
        return report(Invocation(request_id=request_id, trace_id=trace_id, milliseconds=rng.uniform(1, 900),
                                 segment_id=f"{rng.getrandbits(64):016x}"))  # fmt: skip
    if share < 0.90:
        return NodeText().line(at, "INFO", f"GET /orders/{rng.getrandbits(40):x} took {rng.randrange(900)} ms")
    return f"connection pool: {rng.randrange(50)} of 50 in use, waited {rng.uniform(0, 3):.3f} s for item {rng.getrandbits(48):x}"


def _powertools(rng: random.Random, at: LineContext) -> str:
    level = rng.choice(("INFO", "INFO", "INFO", "DEBUG", "WARNING", "ERROR"))
    message = f"order {rng.getrandbits(48):x} accepted for customer {rng.randrange(10**6)}"
    return Powertools(json_platform=False).line(at, level, message, {
        "correlation_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "order": {"id": rng.randrange(10**9), "lines": rng.randrange(20), "total": rng.randrange(10**5) / 100},
    })  # fmt: skip


def _access_log(rng: random.Random, trace: str, request: str) -> dict[str, object]:
    return {
        "requestId": request, "xrayTraceId": trace, "ip": f"10.0.{rng.randrange(255)}.{rng.randrange(255)}",
        "httpMethod": "POST", "resourcePath": "/orders", "status": "201", "protocol": "HTTP/1.1",
        "responseLength": str(rng.randrange(5000)), "integrationLatency": str(rng.randrange(900)),
        "integrationStatus": "200", "requestTime": "28/May/2026:20:26:40 +0000", "userAgent": "curl/8.5.0",
    }  # fmt: skip
