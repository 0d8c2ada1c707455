"""What OpenTelemetry's spans say of success and failure, as spans and as the segments that X-Ray makes of them."""

import json

import pytest

from pipeline.detect.segment_outcome import faulted, throttled
from pipeline.traces.otel_spans import read_span
from pipeline.traces.read_document import read_trace_document
from tests.support.events import TRACE
from tests.support.otel_spans import event, otel_span

NEW, OLD = "http__response__status_code", "http__status_code"


@pytest.mark.parametrize("name", [NEW, OLD])
@pytest.mark.parametrize("status", [500, "503"])
@pytest.mark.parametrize("code", ["UNSET", "ERROR", None, "OK"])
def test_a_5xx_of_a_server_is_a_fault_whatever_its_span_says(name, status, code):
    """The status decides, by its new and its old name; only where the span says nothing of it is it unmarked."""
    fact = read_span(otel_span("a", code=code, **{name: status})).fact
    assert (fact.fault, fact.error, fact.status) == (True, False, int(status))
    assert fact.unmarked == (code != "ERROR")


@pytest.mark.parametrize("name", [NEW, OLD])
@pytest.mark.parametrize(("kind", "code"), [("SERVER", "UNSET"), ("CLIENT", "ERROR")])
def test_a_4xx_is_an_error_and_no_fault(name, kind, code):
    """UNSET on a server's span and ERROR on a client's, as the conventions want it; 429 is a throttle."""
    fact = read_span(otel_span("a", kind=kind, code=code, **{name: 404})).fact
    assert (fact.fault, fact.error, fact.throttle) == (False, True, False)
    assert not faulted(fact)
    assert read_span(otel_span("a", kind=kind, code=code, **{name: 429})).fact.throttle


@pytest.mark.parametrize(
    ("code", "more", "fault", "error", "named"),
    [
        ("UNSET", {"error__type": "timeout"}, True, False, "timeout"),
        ("UNSET", {"error__type": "503"}, True, False, ""),
        ("UNSET", {"error__type": "404"}, False, True, ""),
        ("UNSET", {"error__type": "IOError", NEW: 200}, True, False, "IOError"),
        ("OK", {"error__type": "timeout"}, False, False, ""),
        ("UNSET", {"error__type": ""}, False, False, ""),
        ("UNSET", {"error__type": 7}, False, False, ""),
    ],
)
def test_error_type_says_that_it_failed(code, more, fault, error, named):
    """Only what failed has one, unless somebody says OK; a status in it is a status, as the conventions allow."""
    fact = read_span(otel_span("a", kind="CLIENT", code=code, **more)).fact
    assert (fact.fault, fact.error, fact.exception_type) == (fault, error, named)


def test_the_last_exception_of_a_failed_span_is_its_own():
    """Those before it were handled; all of them are shown, each with its stack."""
    segment = read_span(otel_span("a", code="ERROR", message="it failed", events=[event("KeyError", "x"), event("IOError", "")]))
    assert (segment.fact.exception_type, segment.fact.exception_message) == ("IOError", "it failed")
    assert [(each.type, each.stack) for each in segment.exceptions] == [("KeyError", "at f"), ("IOError", "at f")]


def test_a_handled_exception_neither_fails_nor_throttles():
    """An exception on a span that went well is shown, and says nothing of how the span ended."""
    segment = read_span(otel_span("a", events=[event("ThrottlingException", "rate exceeded")], **{NEW: 200}))
    assert segment.exceptions
    assert not faulted(segment.fact)
    assert not throttled(segment.fact)


@pytest.mark.parametrize(
    ("more", "number"),
    [
        ({"graphql__error__count": 2}, 2),
        ({"graphql__errors__count": "3"}, 3),
        ({"hive__graphql__error__count": 1.0}, 1),
        ({"graphql__error__count": 0, "graphql__operation__name": "errors"}, 0),
        ({"graphql__error__count": True}, 0),
        ({"graphql__error__count": "many"}, 0),
        ({"graphql__error__count": -1}, 0),
        ({"scan__graphql__error__counter": 4}, 0),
        ({"events": [event("A", "a", "graphql.error"), event("B", "b", "graphql.error")]}, 2),
        ({"events": [event("A", "a"), event("B", "b")], "graphql__document": "{a}"}, 0),
        ({"events": [event("A", "a"), event("B", "b")], "graphql__document": "{a}", "code": "ERROR"}, 2),
        ({"graphql__document": "{a}", "code": "ERROR", "kind": "CLIENT"}, 0),
        ({"code": "ERROR"}, 0),
    ],
)
def test_errors_of_a_graphql_response(more, number):
    """A count, an event for each, or the exceptions of an operation that is marked as failed; not what a client could not reach."""
    assert read_span(otel_span("a", **more)).fact.graphql_errors == number


@pytest.mark.parametrize(
    ("more", "call"),
    [
        ({"rpc__system": "aws-api", "rpc__method": "PutItem", "aws__dynamodb__table_names": ["b", "a"]}, ("aws", "PutItem", "a,b")),
        ({"rpc__system__name": "aws-api", "rpc__method": "SQS/SendMessage", "aws__sqs__queue__url": "https://q"}, ("aws", "SendMessage", "https://q")),
        ({"aws__remote__service": "AWS::S3", "aws__remote__operation": "GetObject", "aws__remote__resource__identifier": "b"},
         ("aws", "GetObject", "b")),
        ({"rpc__system": "aws-api", "rpc__method": "ListBuckets", "server__address": "s3.amazonaws.com"}, ("aws", "ListBuckets", "")),
        ({"http__method": "GET", "net__peer__name": "mail.internal"}, ("remote", "", "mail.internal")),
        ({"messaging__destination__name": "mails"}, ("remote", "", "mails")),
        ({"aws__dynamodb__table_names": [7, None]}, ("remote", "", "")),
    ],
)  # fmt: skip
def test_what_a_call_goes_to(more, call):
    """Operation and resource, so that the same call on another table is another call."""
    fact = read_span(otel_span("a", kind="CLIENT", **more)).fact
    assert (fact.namespace, fact.operation, fact.target) == call


@pytest.mark.parametrize(
    ("more", "url"),
    [({"url__full": "https://a/b"}, "https://a/b"), ({"http__url": "https://a/b"}, "https://a/b"), ({"http__target": "/b?c"}, "/b?c"),
     ({"url__path": "/b", "url__query": "c=1"}, "/b?c=1"), ({"url__path": "/b"}, "/b")],
)  # fmt: skip
def test_urls_by_both_names(more, url):
    """A client has the whole URL, a server the path and the query."""
    assert read_span(otel_span("a", **more)).fact.url == url


def segment(**more):
    """A segment that X-Ray made of a server's span, as `shared/real_samples/adot_lambda` shows it."""
    return {
        "trace_id": TRACE, "id": "a" * 16, "name": "orders", "start_time": 1.0, "end_time": 2.0,
        "annotations": {"aws.local.service": "orders", "aws.local.operation": "orders/FunctionHandler", "span.kind": "SERVER"},
        "metadata": {"telemetry.sdk.name": "opentelemetry", "cloud.platform": "aws_lambda"}, **more,
    }  # fmt: skip


def test_a_segment_made_of_a_span_says_what_the_span_said():
    """Its metadata hold the attributes that X-Ray has no field for, at their top or in the namespace `default`."""
    attributes = {"http.status_code": 502, "faas.invocation_id": "r", "graphql.error.count": 1, "error.type": "502"}
    for document in (
        segment(metadata={"telemetry.sdk.name": "opentelemetry", "cloud.platform": "aws_lambda", **attributes}),
        segment(metadata={"default": {"otel.resource.cloud.platform": "aws_lambda", **attributes}}),
    ):
        (read,) = read_trace_document(json.dumps(document))
        fact = read.fact
        assert (fact.status, fact.unmarked, fact.request_id, fact.graphql_errors) == (502, True, "r", 1)
        assert (fact.origin, fact.handler) == ("AWS::Lambda::Function", True)
    (marked,) = read_trace_document(segment(fault=True, http={"response": {"status": 500}}))
    assert not marked.fact.unmarked


def test_metadata_of_an_x_ray_sdk_are_no_attributes():
    """Whoever names their own metadata like attributes has no span of OpenTelemetry."""
    (read,) = read_trace_document(segment(annotations={"error.type": "x"}, metadata={"default": {"http.status_code": 500}}))
    assert (read.fact.status, read.fact.fault, read.fact.origin) == (None, False, "")


@pytest.mark.parametrize(
    "odd", [{"annotations": 7}, {"metadata": []}, {"metadata": {"default": 7, "telemetry.sdk.name": None}}, {"annotations": {}}]
)
def test_odd_metadata_degrade(odd):
    """Whatever stands there, the segment is read."""
    assert read_trace_document(segment(**odd))[0].fact.id == "a" * 16


def test_the_recorded_shape_of_a_function_with_aws_layer(samples):
    """The four segments of the sample: the stage's, Lambda's two, and the handler's, with its call of S3."""
    folder = samples / "adot_lambda" / "node" / "lambda-lite-sdk"
    template = (folder / "lambda-invoke-trace.mustache").read_text().replace("{{serviceName}}", "orders")
    documents = json.loads(template.replace('"^', '"').replace('$"', '"'))
    found = [
        fact.fact for number, one in enumerate(documents) for fact in read_trace_document(one | {"trace_id": TRACE, "id": f"{number:016x}"})
    ]
    assert [fact.name for fact in found if fact.handler] == ["orders"]
    assert [(fact.name, fact.namespace, fact.operation) for fact in found if fact.name == "S3"] == [("S3", "aws", "ListBuckets")]
    assert [fact.origin for fact in found if fact.origin] == ["AWS::Lambda", "AWS::Lambda::Function", "AWS::Lambda::Function"]
