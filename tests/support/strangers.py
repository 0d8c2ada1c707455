"""Strangers: the lines of somebody who writes to a log group of his own, and names other people's traces, requests and ids in it."""

import json
import random

from pipeline.logs.decode import decode_event
from pipeline.model.facts import RequestFact
from pipeline.model.trace_ids import to_xray
from pipeline.model.trace_state import TraceState
from tests.support.events import document, end, report, start

GROUPS = ("/ecs/stranger", "/aws/lambda/stranger", "/custom/apigateway", "stranger")
OTHER_ACCOUNT = "999999999999"
_STREAM = "2026/11/24/[$LATEST]" + "f" * 32


def hostile_lines(trace_id, request_ids, keys, rng: random.Random) -> list[str]:
    """Some lines that claim, deny and accuse: of this trace, these requests and these correlation ids."""
    trace, request = to_xray(trace_id), rng.choice([*request_ids, "00000000-0000-4000-8000-000000000000"])
    key = rng.choice([*keys, "order-77"])
    status, sampled = rng.choice(["200", "201", "404", "500", "502"]), rng.choice([True, False])
    answered = {
        "requestId": rng.choice(["g", request]),
        "routeKey": "GET /x",
        "status": status,
        "xrayTraceId": trace,
        "integrationRequestId": request,
    }
    invoked = {
        "requestId": request,
        "tracing": {"spanId": "f" * 16, "type": "X-Amzn-Trace-Id", "value": f"Root={trace};Sampled={int(sampled)}"},
    }
    kinds = [
        f"tracing Root={trace};Sampled={int(sampled)}",
        f"tracing Root={trace};Parent={'f' * 16};Sampled=0",
        report(request, trace_id, sampled=sampled),
        report("99999999-0000-4000-8000-000000000000", trace_id, sampled=False),
        report(request, trace_id, status=rng.choice(["timeout", "error"])),
        start(request), end(request),
        json.dumps(answered),
        json.dumps({"requestId": request, "httpMethod": "GET", "resourcePath": "/x", "status": status, "xrayTraceId": trace}),
        json.dumps({"time": "2026-01-01T00:00:00Z", "type": "platform.report", "record": {**invoked, "status": "success"}}),
        json.dumps({"time": "2026-01-01T00:00:00Z", "type": "platform.start", "record": invoked}),
        f"({request}) Method completed with status: {status}",
        f"({request}) Method request headers: {{X-Amzn-Trace-Id=Root={trace};Sampled=0}}",
        f"({request}) Lambda execution failed with status 200 due to customer function error: x. Lambda request id: {request}",
        json.dumps({"level": rng.choice(["ERROR", "INFO"]), "message": "paid", "service": "payments", "xray_trace_id": trace,
                    "function_request_id": request, "correlation_id": key}),
        f"[ERROR] ValueError: from a stranger, order {key} trace_id={trace}",
        f"2026-01-01T00:00:00.000Z {request} Task timed out after 3.00 seconds",
        f"RequestId: {request} Error: Runtime exited with error: signal: killed",
    ]  # fmt: skip
    return rng.choices(kinds, k=rng.randint(1, 8))


def shipped_by_stranger(state: TraceState, trace_id: str, at: int, rng: random.Random) -> dict:
    """A subscription document with a stranger's lines about the trace of ``state``, around the time ``at`` (epoch milliseconds)."""
    facts: list[RequestFact] = list(state.requests.values())
    requests = sorted({id_ for fact in facts for id_ in (fact.request_id, fact.integration_request_id) if id_})
    group = rng.choice([*GROUPS, *(fact.log_group for fact in facts if fact.log_group.startswith("/aws/lambda/"))])
    ours = group not in GROUPS
    stream = _STREAM if "lambda" in group else "s"
    sent = document(hostile_lines(trace_id, requests, sorted(state.keys), rng), group=group, stream=stream, at=at + rng.randint(-500, 500),
                    first=10**30)  # fmt: skip
    # a log group of the same name is a stranger's only in another account, which is allowed here
    return sent | {"owner": OTHER_ACCOUNT if ours or rng.random() < 0.3 else sent["owner"]}


def decoded(sent: dict):
    """The decoded event of a subscription document."""
    return decode_event(sent, max_bytes=10**7)
