"""Synthetic subscription events with the mix of a Lambda account: Powertools, API Gateway, platform, Node, plain lines."""

import base64
import gzip
import json
import random
import uuid

_TRACES = 50


def subscription_event(events: int, seed: int) -> dict[str, object]:
    """A CloudWatch Logs event of Lambda with so many log events; the same for the same seed."""
    rng = random.Random(seed)
    traces = [f"1-{0x66000000 + number:08x}-{rng.getrandbits(96):024x}" for number in range(_TRACES)]
    requests = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(_TRACES)]
    at = 1_780_000_000_000
    log_events = []
    for number in range(events):
        at += rng.randrange(5)
        place = rng.randrange(_TRACES)
        message = _message(rng, traces[place], requests[place], number)
        log_events.append({"id": str(37_000_000_000_000_000_000 * 10**36 + number), "timestamp": at, "message": message})
    document = {
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/lambda/orders-create",
        "logStream": f"2026/11/24/[$LATEST]{rng.getrandbits(128):032x}", "subscriptionFilters": ["tracejoin"],
        "logEvents": log_events,
    }  # fmt: skip
    data = base64.b64encode(gzip.compress(json.dumps(document, separators=(",", ":")).encode(), 6)).decode()
    return {"awslogs": {"data": data}}


def _message(rng: random.Random, trace: str, request: str, number: int) -> str:
    share = rng.random()
    if share < 0.48:
        return json.dumps(_powertools(rng, trace, request, number))
    if share < 0.64:
        return json.dumps(_access_log(rng, trace, request))
    if share < 0.68:
        return f"START RequestId: {request} Version: $LATEST\n"
    if share < 0.72:
        return f"END RequestId: {request}\n"
    if share < 0.76:
        return (
            f"REPORT RequestId: {request}\tDuration: {rng.uniform(1, 900):.2f} ms\tBilled Duration: 47 ms\t"
            f"Memory Size: 192 MB\tMax Memory Used: 72 MB\t\nXRAY TraceId: {trace}\t"
            f"SegmentId: {rng.getrandbits(64):016x}\tSampled: true\t\n"
        )
    if share < 0.90:
        return (
            f"2026-05-28T20:26:40.{number % 1000:03d}Z\t{request}\tINFO\tGET /orders/{rng.getrandbits(40):x} took {rng.randrange(900)} ms\n"
        )
    return f"connection pool: {rng.randrange(50)} of 50 in use, waited {rng.uniform(0, 3):.3f} s for item {rng.getrandbits(48):x}"


def _powertools(rng: random.Random, trace: str, request: str, number: int) -> dict[str, object]:
    return {
        "level": rng.choice(("INFO", "INFO", "INFO", "DEBUG", "WARNING", "ERROR")), "location": "create_order:42",
        "message": f"order {rng.getrandbits(48):x} accepted for customer {rng.randrange(10**6)}",
        "timestamp": f"2026-05-28 20:26:40,{number % 1000:03d}+0000", "service": "orders", "cold_start": False,
        "function_name": "orders-create", "function_memory_size": "512",
        "function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:orders-create", "function_request_id": request,
        "correlation_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "xray_trace_id": trace,
        "order": {"id": rng.randrange(10**9), "lines": rng.randrange(20), "total": rng.randrange(10**5) / 100},
    }  # fmt: skip


def _access_log(rng: random.Random, trace: str, request: str) -> dict[str, object]:
    return {
        "requestId": request, "xrayTraceId": trace, "ip": f"10.0.{rng.randrange(255)}.{rng.randrange(255)}",
        "httpMethod": "POST", "resourcePath": "/orders", "status": "201", "protocol": "HTTP/1.1",
        "responseLength": str(rng.randrange(5000)), "integrationLatency": str(rng.randrange(900)),
        "integrationStatus": "200", "requestTime": "28/May/2026:20:26:40 +0000", "userAgent": "curl/8.5.0",
    }  # fmt: skip
