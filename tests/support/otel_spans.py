"""Spans as OpenTelemetry writes them."""

from tests.support.events import NOW, TRACE

SPAN = {
    "resource": {"attributes": {"service.name": "orders", "cloud.platform": "aws_lambda", "faas.name": "orders"}},
    "scope": {"name": "opentelemetry.instrumentation.aws_lambda", "version": "0.54b0"},
    "traceId": TRACE, "spanId": "17e84e76450d1777", "parentSpanId": "0285bf1261be05ff", "flags": 256, "name": "orders/handler", "kind": "SERVER",
    "startTimeUnixNano": 1739913234153000001, "endTimeUnixNano": 1739913234253000002, "durationNano": 100000001,
    "attributes": {"faas.invocation_id": "52fdfc07-2182-454f-963f-5f0f9a621d72", "http.response.status_code": 502, "aws.local.service": "o",
                   "annotation.path": "/orders", "aws.xray.annotations": ["tenant"], "tenant": 7, "other": [1, {"a": 2}]},
    "events": [{"name": "exception", "timeUnixNano": 1739913234200000000,
                "attributes": {"exception.type": "ValueError", "exception.message": "boom", "exception.stacktrace": "at f"}}],
    "links": [{"traceId": "6" * 32, "spanId": "7" * 16, "attributes": {}}],
    "status": {"code": "ERROR", "message": "it failed"},
}  # fmt: skip


def otel_span(id_, parent="", *, kind="SERVER", service="cart", code="UNSET", message="", events=(), after=0, on_lambda=False, **more):
    """A span of ``service`` that begins ``after`` milliseconds from now and takes one; ``more`` are its attributes, with ``__`` for a dot."""
    start = (NOW + after) * 1_000_000
    resource = {"service.name": service} | ({"cloud.platform": "aws_lambda"} if on_lambda else {})
    return {
        "resource": {"attributes": resource}, "traceId": TRACE, "spanId": id_ * 16, "parentSpanId": parent * 16, "name": f"{service} work",
        "kind": kind, "startTimeUnixNano": start, "endTimeUnixNano": start + 1_000_000, "status": {"code": code, "message": message},
        "attributes": {name.replace("__", "."): value for name, value in more.items()}, "events": list(events), "links": [],
    }  # fmt: skip


def event(kind, message, name="exception"):
    """An event about an exception, as SDKs record it."""
    return {"name": name, "attributes": {"exception.type": kind, "exception.message": message, "exception.stacktrace": "at f"}}
