"""A span as OpenTelemetry writes it."""

from tests.support.events import TRACE

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
