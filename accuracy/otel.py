"""OpenTelemetry: makes the spans that OpenTelemetry's SDKs leave, as `aws/spans` records them or as the segments that X-Ray makes of them.

Sources: OpenTelemetry's semantic conventions (HTTP, AWS SDK, FaaS, messaging, GraphQL), in their current and their former names; Amazon
CloudWatch user guide, "Transaction Search"; recorded traces of functions with AWS' OpenTelemetry layer (four segments: the stage's,
Lambda's two and the span of the handler). AWS documents nowhere whether X-Ray marks a 5xx on a span that stayed UNSET: either is made.
"""

import json
from types import TracebackType
from typing import Any, Final, Literal, Self

from accuracy.calls import flags
from accuracy.functions import Function
from accuracy.transaction import Document, Transaction
from pipeline.local.aws_spans import spans_of
from pipeline.local.runtime_lines import Error
from pipeline.model.trace_ids import to_xray

Form = Literal["spans", "segments"]
FORMS: Final[tuple[Form, ...]] = ("spans", "segments")
# attributes in their current and their former names
_NAMES: Final = {
    "status": ("http.response.status_code", "http.status_code"), "method": ("http.request.method", "http.method"),
    "url": ("url.full", "http.url"), "path": ("url.path", "http.target"), "host": ("server.address", "net.peer.name"),
}  # fmt: skip
_SERVER_ERROR, _CLIENT_ERROR = 500, 400
_ENTERING: Final = frozenset({"SERVER", "CONSUMER"})
_NANOS: Final = 1_000_000_000
_LAMBDA: Final = {"cloud.provider": "aws", "cloud.platform": "aws_lambda"}
_SDK: Final = {"telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "python"}


class Otel:
    """The trace of a transaction whose services use OpenTelemetry, as a context manager that gives all of it one form at its end.

    Args:
        tx: the transaction.
        form: ``spans`` for records of `aws/spans`, ``segments`` for X-Ray's; a random one if None.
        marks: whether X-Ray marks a 5xx on a span that is UNSET; either if None.
    """

    def __init__(self, tx: Transaction, form: Form | None = None, *, marks: bool | None = None) -> None:
        self.tx, self.form = tx, form or tx.rng.choice(FORMS)
        self._marks = tx.rng.random() < 0.5 if marks is None else marks
        self._current = tx.rng.random() < 0.5

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        tx = self.tx
        if self.form == "spans":
            tx.documents = [span for document in tx.documents for span in ([document] if "spanId" in document else spans_of(document))]
        else:
            tx.documents = [_as_segment(document, marks=self._marks) if "spanId" in document else document for document in tx.documents]

    def named(self, **values: Any) -> Document:
        """Returns attributes by the names that this trace's SDK uses."""
        return {_NAMES[key][not self._current]: value for key, value in values.items() if value is not None}

    def begin(self, name: str, kind: str, service: str, parent_id: str = "", attributes: Document | None = None, *,
              resource: Document | None = None) -> Document:  # fmt: skip
        """Returns a span that starts now, and records it; `end` ends it."""
        span: Document = {
            "resource": {"attributes": {"service.name": service, **_SDK, **(resource or {})}}, "scope": {"name": "opentelemetry"},
            "traceId": self.tx.trace_id, "spanId": self.tx.span_id(), "parentSpanId": parent_id, "name": name, "kind": kind,
            "startTimeUnixNano": self._nanos(), "status": {"code": "UNSET"}, "events": [], "links": [],
            "attributes": {"aws.local.service": service, **(attributes or {})},
        }  # fmt: skip
        self.tx.documents.append(span)
        return span

    def end(self, span: Document, attributes: Document | None = None, *, code: str = "UNSET", raised: Error | None = None) -> None:
        """Ends a span now; ``raised`` is the exception that it ended by."""
        span["attributes"] |= attributes or {}
        span["status"] = {"code": code}
        if raised:
            self.record(span, raised)
            span["status"] = {"code": "ERROR", "message": f"{raised[0]}: {raised[1]}"}
        span["endTimeUnixNano"] = self._nanos()
        span["durationNano"] = span["endTimeUnixNano"] - span["startTimeUnixNano"]

    def record(self, span: Document, error: Error, name: str = "exception") -> None:
        """Adds an event about an exception to a span, which says nothing about how the span ends."""
        stack = f'Traceback (most recent call last):\n  File "/var/task/app.py", line 31, in handler\n{error[0]}: {error[1]}'
        texts = {"exception.type": error[0], "exception.message": error[1], "exception.stacktrace": stack}
        attributes = texts if name == "exception" else {"message": error[1], "code": error[0], "path": ["order"]}
        span["events"].append({"name": name, "timeUnixNano": self._nanos(), "attributes": attributes})

    def _nanos(self) -> int:
        return round(self.tx.now * 1_000_000) * 1000


class Service:
    """One request to a service, or one message for it, as a context manager.

    Args:
        otel: the trace.
        name: of the service.
        parent_id: the span that called it; empty if it is the entry.
        status: what it answers; None if it is no request over HTTP.
        kind: of its span.
        resource: more attributes of the resource.

    Attributes:
        status: it may be changed until the end.
        code: the status of its span; if empty, what the conventions say.
        raised: the exception that it ends by.
    """

    def __init__(self, otel: Otel, name: str, parent_id: str = "", *, status: int | None = 200, kind: str = "SERVER", code: str = "",
                 resource: Document | None = None) -> None:  # fmt: skip
        self.otel, self.tx, self.name, self.status, self.code = otel, otel.tx, name, status, code
        self.raised: Error | None = None
        self._log_group = f"/ecs/{name}"
        self.span = otel.begin("POST /orders" if status else f"{name} process", kind, name, parent_id, resource=resource)
        self.span["attributes"]["aws.local.operation"] = self.span["name"]
        if status:
            self.span["attributes"] |= otel.named(method="POST", path="/orders")
        self.tx.wait(0.003)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        code = self.code or ("ERROR" if (self.status or 0) >= _SERVER_ERROR else "UNSET")
        self.otel.end(self.span, self.otel.named(status=self.status), code=code, raised=self.raised)
        self.tx.wait(0.001)

    def http_call(self, host: str, status: int | None = 200, *, method: str = "POST", raised: Error | None = None) -> Document:
        """Makes a call over HTTP; ``status`` is None if no answer came."""
        call = self.begin_call(method, host, method=method)
        self.tx.wait(0.03)
        failed = (status or 0) >= _CLIENT_ERROR
        if failed or raised:
            call["attributes"]["error.type"] = raised[0] if raised else str(status)
        self.otel.end(call, self.otel.named(status=status), code="ERROR" if failed else "UNSET", raised=raised)
        return call

    def begin_call(self, name: str, host: str, *, method: str = "POST") -> Document:
        """Returns a call over HTTP that has begun."""
        call = self.otel.begin(name, "CLIENT", self.name, self.span["spanId"], {"aws.remote.service": host})
        call["attributes"] |= self.otel.named(method=method, url=f"https://{host}/orders", host=host)
        return call

    def aws_call(self, service: str, operation: str, attributes: Document | None = None, *, status: int = 200, code: str = "") -> Document:
        """Makes a call of an AWS API; ``code`` is that of its error."""
        call = self.begin_aws_call(service, operation, attributes)
        self.tx.wait(0.02)
        message = f"An error occurred ({code}) when calling the {operation} operation: refused"
        self.otel.end(call, self.otel.named(status=status), raised=(f"botocore.errorfactory.{code}", message) if code else None)
        return call

    def begin_aws_call(self, service: str, operation: str, attributes: Document | None = None) -> Document:
        """Returns a call of an AWS API that has begun; ``attributes`` name its resource."""
        of_sdk = {"rpc.system": "aws-api", "rpc.service": service, "rpc.method": operation, "aws.request_id": self.tx.request_id(),
                  "aws.remote.service": f"AWS::{service}", "aws.remote.operation": operation}  # fmt: skip
        return self.otel.begin(f"{service}.{operation}", "CLIENT", self.name, self.span["spanId"], of_sdk | (attributes or {}))

    def sends(self, queue: str) -> Document:
        """Sends a message; its span is the parent of the one that receives it."""
        call = self.otel.begin(f"{queue} send", "PRODUCER", self.name, self.span["spanId"], {"messaging.system": "aws_sqs"})
        self.otel.end(call, {"messaging.destination.name": queue})
        return call

    def fails_to_call(self, host: str) -> None:
        """Makes a call that answers 5xx, or that breaks off."""
        if self.tx.rng.random() < 0.5:
            self.http_call(host, self.tx.rng.choice((500, 502, 503, 504)))
        else:
            self.http_call(host, None, raised=("ConnectionError", f"{host} did not answer"))

    def limited_call(self, *, over_http: bool, served: bool) -> None:
        """Makes a call over HTTP or of DynamoDB, which refuses it for the rate of calls unless it is ``served``."""
        if over_http:
            self.http_call("api.partner.example", 200 if served else 429)
        else:
            status, code = (200, "") if served else (400, "ProvisionedThroughputExceededException")
            self.aws_call("DynamoDB", "PutItem", {"aws.dynamodb.table_names": ["carts"]}, status=status, code=code)

    def works(self, name: str, attributes: Document | None = None, *, raised: Error | None = None,
              handled: Error | None = None) -> Document:  # fmt: skip
        """Does a piece of work with a span of its own; ``handled`` is an exception that it records and copes with."""
        work = self.otel.begin(name, "INTERNAL", self.name, self.span["spanId"], attributes)
        if handled:
            self.otel.record(work, handled)
        self.tx.wait(0.005)
        self.otel.end(work, raised=raised)
        return work

    def say(self, level: str, message: str) -> None:
        """Logs a line of JSON that names the span."""
        ids = {"trace_id": self.tx.trace_id, "span_id": self.span["spanId"]}
        line = {"timestamp": self.tx.iso(), "level": level, "message": message, **ids}
        self.tx.log(self._log_group, json.dumps(line))


class Handler(Service):
    """The span that AWS' OpenTelemetry layer writes around a function's handler, below Lambda's own two segments.

    Args:
        otel: the trace.
        function: whose invocation it is; it writes Lambda's segments and the log.
        returns: the status in the answer to a request over HTTP; None if the event is none.
    """

    def __init__(self, otel: Otel, function: Function, *, returns: int | None = None, code: str = "") -> None:
        self.function = function
        super().__init__(otel, function.name, function.function["id"], status=returns, code=code, resource=_LAMBDA)
        self.span["name"] = f"{function.name}/FunctionHandler"
        self.span["attributes"] |= {"faas.invocation_id": function.request_id, "faas.trigger": "http" if returns else "other"}

    def crashes(self, error: Error, *, marked: bool = True) -> None:
        """Ends the invocation by an exception; ``marked``: Lambda's own segments show it, too."""
        self.raised, self.status = error, None
        self.function.fails(error, traced=False)
        if marked:
            self.function.flag(self.tx.rng.choice(("error on both", "fault on both")))


def lone_handler(otel: Otel, name: str, parent_id: str = "") -> Service:
    """Returns the invocation of a function without Lambda's own segments, by an event that is no request over HTTP."""
    service = Service(otel, name, parent_id, status=None, kind=otel.tx.rng.choice(("SERVER", "CONSUMER")), resource=_LAMBDA)
    service.span["attributes"] |= {"faas.invocation_id": otel.tx.request_id(), "faas.trigger": "pubsub"}
    return service


def _as_segment(span: Document, *, marks: bool) -> Document:
    """The segment or subsegment that X-Ray makes of a span; ``marks``: it calls a 5xx a fault though the span is UNSET."""
    attributes = dict(span["attributes"])
    http = {"request": {key: value for key in ("method", "url", "path") if (value := _taken(attributes, key)) is not None},
            "response": {"status": status} if (status := _taken(attributes, "status")) is not None else {}}  # fmt: skip
    if path := http["request"].pop("path", None):
        http["request"]["url"] = f"https://{span['resource']['attributes']['service.name']}.internal{path}"
    failed = span["status"]["code"] == "ERROR"
    segment: Document = {
        "trace_id": to_xray(span["traceId"]), "id": span["spanId"], "name": _segment_name(span, attributes),
        "start_time": span["startTimeUnixNano"] / _NANOS, "end_time": span["endTimeUnixNano"] / _NANOS,
        "annotations": {name: attributes.pop(name) for name in list(attributes) if name.startswith("aws.")} | {"span.kind": span["kind"]},
        "metadata": attributes | span["resource"]["attributes"],
    }  # fmt: skip
    segment |= {"http": {name: part for name, part in http.items() if part}} if any(http.values()) else {}
    segment |= {"parent_id": span["parentSpanId"]} if span["parentSpanId"] else {}
    if span["kind"] not in _ENTERING and span["parentSpanId"]:
        segment["type"] = "subsegment"
    if span["kind"] in {"CLIENT", "PRODUCER"}:
        segment["namespace"] = "aws" if "rpc.system" in attributes else "remote"
    if (status or 0) < _SERVER_ERROR or failed or marks:
        segment |= flags(status or 0)
    if failed:
        segment |= {} if _CLIENT_ERROR <= (status or 0) < _SERVER_ERROR else {"fault": True}
        exceptions = [_exception(event["attributes"]) for event in span["events"] if event["name"] == "exception"]
        segment |= {"cause": {"exceptions": exceptions}} if exceptions else {}
    return segment


def _segment_name(span: Document, attributes: Document) -> str:
    if span["kind"] in _ENTERING:
        return str(span["resource"]["attributes"]["service.name"])
    if span["kind"] == "CLIENT":
        return str(attributes["aws.remote.service"]).removeprefix("AWS::")
    return str(span["name"])


def _taken(attributes: Document, key: str) -> Any:
    """Takes the attribute out that has one of the two names of ``key``."""
    return next((attributes.pop(name) for name in _NAMES[key] if name in attributes), None)


def _exception(attributes: Document) -> Document:
    frames = [{"path": "/var/task/app.py", "line": 31, "label": "handler"}]
    return {"id": "e" * 16, "type": attributes["exception.type"], "message": attributes["exception.message"], "stack": frames}
