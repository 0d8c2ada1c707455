"""Who calls whom, out of spans."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.map_span import map_span
from pipeline.search.service_calls import calls_in
from tests.support.map_spans import stored


def calls(*documents):
    """The calls of these spans, each as caller, callee, evidence and via."""
    found = calls_in([map_span(document) for document in documents])
    return sorted((call.caller, call.callee, call.evidence, call.via) for call in found.calls)


def test_the_parent_calls_the_child_of_another_service():
    """A call across services is an edge; what happens inside a service is none."""
    spans = [stored("1"), stored("2", "1", kind="CLIENT"), stored("3", "2", "b"), stored("4", "3", "b", kind="INTERNAL")]
    assert calls(*spans) == [("a", "b", "span", "")]


def test_the_latency_is_the_caller_s_and_either_end_s_failure_counts():
    """A call takes as long as the caller waits; it failed if the callee did, although the caller was told success."""
    spans = [stored("1"), stored("2", "1", kind="CLIENT", length=30), stored("3", "2", "b", length=20, failed=True)]
    (call,) = calls_in(map(map_span, spans)).calls
    assert (call.duration, call.failed, call.span, call.by) == (30_000_000, True, ("t1", "3"), ("t1", "2"))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"namespace": "aws", "name": "dynamodb", "target": "orders"}, "dynamodb orders"),
        ({"namespace": "aws", "name": "sns", "target": "arn:aws:sns:eu-west-1:1:topic"}, "sns topic"),
        ({"namespace": "aws", "name": "sqs", "target": "https://sqs.eu-west-1.amazonaws.com/1/jobs/"}, "sqs jobs"),
        ({"namespace": "aws", "name": "lambda", "target": "arn:aws:lambda:eu-west-1:1:function:stock"}, "stock"),
        ({"namespace": "remote", "name": "api", "url": "https://api.example.com:8443/x?y=z"}, "api.example.com"),
        ({"namespace": "remote", "name": "db@host", "attributes": {"sql": {"url": "jdbc:x"}}}, "db@host"),
        ({"namespace": "remote", "name": "GET", "attributes": {"server.address": "api.example.com"}}, "api.example.com"),
        ({"namespace": "remote", "name": "GET", "attributes": {"server": {"address": "api.example.com"}}}, "api.example.com"),
        ({"namespace": "aws", "name": "S3.Get", "attributes": {"aws.remote.service": "AWS::S3", "aws.remote.resource.identifier": "b"}}, "S3 b"),
        ({"namespace": "remote", "name": "SELECT", "attributes": {"db.system": "postgresql", "db.name": "shop"}}, "postgresql shop"),
        ({"namespace": "remote", "url": "http://[::1"}, None),
        ({"namespace": "remote", "name": "loadPage"}, None),
    ],
)  # fmt: skip
def test_what_has_no_spans_is_named_by_the_call(fields, name):
    """AWS resources, hosts, databases and untraced functions, by what X-Ray and OpenTelemetry write; a call that names nothing is no edge."""
    spans = [stored("1"), stored("2", "1", kind="CLIENT", **fields)]
    assert calls(*spans) == ([("a", name, "span", "")] if name else [])


def test_a_request_inside_an_aws_call_is_the_same_call():
    """OpenTelemetry writes a span for the AWS call and one for its HTTP request."""
    inner = stored("3", "2", kind="CLIENT", namespace="remote", url="https://dynamodb.eu-west-1.amazonaws.com")
    assert calls(stored("1"), stored("2", "1", kind="CLIENT", namespace="aws", name="dynamodb", target="t"), inner) == [
        ("a", "dynamodb t", "span", "")
    ]


def test_what_x_ray_inferred_is_the_caller_s_own_word():
    """An inferred segment of a table makes no second node, and what stands below an inferred segment was called by the one above it."""
    call = stored("2", "1", kind="CLIENT", namespace="aws", name="dynamodb", target="orders")
    assert calls(stored("1"), call, stored("3", "2", "DynamoDB", inferred=True)) == [("a", "dynamodb orders", "span", "")]
    assert calls(stored("1"), call, stored("3", "2", "X", inferred=True), stored("4", "3", "b")) == [("a", "b", "span", "")]


def test_a_subsegment_without_a_service_is_of_the_one_above():
    """A subsegment that came alone is stored under its own name: it is no service, however many stand in a row, and in whatever order."""
    parts = [("2", "1", "## work"), ("3", "2", "dynamodb"), ("4", "2", "api.example")]
    nameless = [stored(own, parent, name, kind="CLIENT" if own > "2" else "INTERNAL", name=name, subsegment=True, namespace="aws" if own == "3" else "remote",
                       target="t" if own == "3" else "") for own, parent, name in parts]  # fmt: skip
    spans = [*reversed(nameless), stored("5", "4", "b"), stored("1")]
    assert calls(*spans) == [("a", "b", "span", ""), ("a", "dynamodb t", "span", "")]
    assert calls(*nameless[:2]) == [("unknown service", "dynamodb t", "span", "")]


def test_a_link_joins_traces_across_a_queue():
    """The consumer's trace names the span that sent, the sender's trace names the consumer: one call, via the topic."""
    send = stored("2", "1", kind="CLIENT", namespace="aws", name="sns", target="orders", at=1, length=1)
    work = stored("3", "1", kind="INTERNAL", links=[{"traceId": "t2", "spanId": "8"}])
    head = stored("8", service="consumer", trace="t2", at=50, transaction="t1")
    inside = stored("9", "8", "consumer", "t2", "INTERNAL", at=51, transaction="t1", links=[{"traceId": "t1", "spanId": "2"}])
    assert calls(stored("1"), send, work, head, inside) == [("a", "consumer", "link", "sns orders")]
    assert calls(stored("1"), send, work, head) == [("a", "consumer", "link", ""), ("a", "sns orders", "span", "")]


def test_each_message_of_a_batch_is_a_call():
    """A consumer's trace that names two senders was called by both."""
    sends = [stored(f"{n}s", f"{n}", service=f"sender{n}", trace=f"t{n}", kind="CLIENT", at=n, length=1, transaction="x") for n in (1, 2)]
    heads = [stored(f"{n}", service=f"sender{n}", trace=f"t{n}", at=n - 1, transaction="x") for n in (1, 2)]
    head = stored("9", service="c", trace="t9", at=50, transaction="x", links=[{"traceId": f"t{n}", "spanId": f"{n}s"} for n in (1, 2)])
    assert calls(*heads, *sends, head) == [("sender1", "c", "link", ""), ("sender2", "c", "link", "")]


def test_an_open_call_joins_traces_behind_an_http_api():
    """Of two calls without an answer the one that was open when the other trace began; a table begins no trace, whatever the time."""
    one = stored("2", "1", kind="CLIENT", namespace="remote", url="https://one.example", at=1, length=5)
    two = stored("3", "1", kind="CLIENT", namespace="remote", url="https://two.example", at=10, length=20)
    table = stored("4", "1", kind="CLIENT", namespace="aws", name="dynamodb", target="t", at=15, length=10)
    head = stored("9", service="b", trace="t2", at=16, transaction="t1")
    expected = [("a", "b", "shared id", "two.example"), ("a", "dynamodb t", "span", ""), ("a", "one.example", "span", "")]
    assert calls(stored("1", length=40), one, two, table, head) == expected


def test_a_message_sent_before_joins_traces_without_a_link():
    """Behind a queue the other trace begins when the call is over; a function is called only by a call for itself."""
    sent = stored("2", "1", kind="CLIENT", namespace="aws", name="sqs", target="jobs", at=1, length=1)
    other = stored("3", "1", kind="CLIENT", namespace="aws", name="lambda", target="other", at=5, length=1)
    head = stored("9", service="b", trace="t2", at=500, transaction="t1")
    assert calls(stored("1"), sent, other, head) == [("a", "b", "shared id", "sqs jobs"), ("a", "other", "span", "")]


def test_traces_that_only_share_an_id_call_nobody():
    """Two requests of one order: the second one is no call of the first, and both begin by themselves."""
    spans = [map_span(stored("1")), map_span(stored("9", service="b", trace="t2", at=500, transaction="t1"))]
    found = calls_in(spans)
    assert (found.calls, {entry.service for entry in found.entries}) == ((), {"a", "b"})


def test_what_is_no_span_is_nobody():
    """A document without ids or a service is left out; odd links, times and attributes are nothing."""
    assert map_span({"spanId": "1"}) is None
    span = map_span({"traceId": "t", "spanId": "1", "serviceName": "a", "startTime": "soon", "links": [1, {}], "state": 3, "status": None})
    assert (span.start, span.duration, span.links) == (0, None, ())


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from("ab"), st.sampled_from(["SERVER", "CLIENT"])), max_size=12),
    st.randoms(),
)
def test_any_shape_in_any_order_gives_the_same(shape, chance):
    """Circles, missing parents and spans named twice end, and the order of the spans changes nothing."""
    spans = list(
        {
            str(own): stored(str(own), str(parent), service, kind=kind, at=own, namespace="remote", url="http://x")
            for own, parent, service, kind in shape
        }.values()
    )
    shuffled = chance.sample(spans, len(spans))
    assert Counter(calls(*spans)) == Counter(calls(*shuffled))
