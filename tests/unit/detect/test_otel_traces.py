"""Verdicts on traces of OpenTelemetry's spans: who was told what, and which failures hide."""

import pytest
from msgspec.structs import replace

from pipeline.detect.failures import group_failures
from pipeline.detect.segment_tree import SegmentTree
from tests.support.events import NOW, call, edge, function, service
from tests.support.otel_spans import event, otel_span
from tests.support.verdicts import CAUSE, findings_of, state_of, verdict_of

STATUS = "http__response__status_code"
BOOM = event("ValueError", "no stock")


def tree_of(*documents):
    """The tree of these segments and spans."""
    return SegmentTree(state_of(*documents).segments)


def handler(**more):
    """The span of the handler of the function in `service` and `function`."""
    return otel_span("e", service="orders", on_lambda=True, after=1, **more) | {"parentSpanId": function()["id"]}


def test_a_5xx_below_a_200_is_hidden_though_its_span_is_unset():
    """The callee's own span is all that shows it."""
    verdict = verdict_of(
        otel_span("a", **{STATUS: 200}), otel_span("b", "a", kind="CLIENT"), otel_span("c", "b", service="prices", **{STATUS: 503})
    )
    assert findings_of(verdict) == [("edge-ok-downstream-fault", "alert")]
    assert verdict.findings[0].span_id == "c" * 16


def test_a_4xx_below_a_200_is_no_finding():
    """Neither on a client's span, which is an ERROR, nor on the server's."""
    spans = (
        otel_span("a", **{STATUS: 200}),
        otel_span("b", "a", kind="CLIENT", code="ERROR", **{STATUS: 409}),
        otel_span("c", "b", service="stock", on_lambda=True, **{STATUS: 409}),
    )
    assert verdict_of(*spans).findings == ()


@pytest.mark.parametrize("name", ["http__response__status_code", "http__status_code"])
def test_a_5xx_that_nothing_is_marked_with(name):
    """The caller was answered 500 while the trace looks well; where the span is an ERROR, everybody can see it."""
    verdict = verdict_of(otel_span("a", **{name: 500}))
    assert (findings_of(verdict), verdict.client_saw) == ([("edge-error-trace-ok", "alert")], "error")
    assert verdict.findings[0].evidence == "cart work answered 500, but neither it nor any other segment of the trace is marked as failed"
    assert verdict_of(otel_span("a", code="ERROR", **{name: 500})).findings == ()


def test_an_unmarked_5xx_below_an_unknown_caller_is_no_finding():
    """Its caller may have answered anything."""
    assert verdict_of(otel_span("c", "b", **{STATUS: 500})).findings == ()


@pytest.mark.parametrize(("code", "found"), [("UNSET", [("edge-error-trace-ok", "alert")]), ("ERROR", [])])
def test_what_a_function_returned_is_what_its_caller_was_told(code, found):
    """Lambda's own segments say 200; the handler's span has the status that went to the client."""
    verdict = verdict_of(service(), function(), handler(code=code, **{STATUS: 502}))
    assert (verdict.edge_status, verdict.client_saw, findings_of(verdict)) == (502, "error", found)


def test_api_gateway_outweighs_what_a_function_returned():
    """A stage that maps the function's 500 to a 200 hides it."""
    verdict = verdict_of(edge(200), service(parent_id="b" * 16), function(), handler(**{STATUS: 500}))
    assert (verdict.edge_status, findings_of(verdict)) == (200, [("edge-ok-downstream-fault", "alert")])


@pytest.mark.parametrize("flags", [{}, {"error": True}, CAUSE])
def test_an_exception_of_a_handler_is_the_function_s_failure(flags):
    """Told once, whether Lambda's own segments show it or not; the entry's own failure is no call below it."""
    verdict = verdict_of(service(), function(**flags), handler(code="ERROR", events=[BOOM]))
    assert findings_of(verdict) == [("service-ok-function-failed", "alert")]
    assert verdict.findings[0].exception_type == "ValueError"


def test_an_exception_of_a_function_without_lambda_s_segments():
    """Nobody knows what invoked it, so the finding is an alert; a request over HTTP was told of it."""
    verdict = verdict_of(otel_span("a", on_lambda=True, code="ERROR", events=[BOOM]))
    assert (findings_of(verdict), verdict.client_saw) == ([("service-ok-function-failed", "alert")], "unknown")
    told = verdict_of(otel_span("a", on_lambda=True, code="ERROR", events=[BOOM], http__method="POST"))
    assert (findings_of(told), told.client_saw) == ([], "error")


def test_another_account_s_span_returns_nothing_for_a_function():
    """Whoever sends spans may name any parent: what a function returned is said by its own account alone."""
    tree = tree_of(service(), function(), handler(**{STATUS: 500}))
    assert tree.returned_by(tree.entry).status == 500
    strange = {id_: replace(fact, account="999999999999") if fact.handler else fact for id_, fact in tree.segments.items()}
    assert SegmentTree(strange).returned_by(tree.entry) is None


def test_half_of_lambda_s_own_segments_are_no_function_without_them():
    """The function's segment alone says nothing of what its service answered."""
    assert "service-ok-function-failed" not in {rule for rule, _ in findings_of(verdict_of(function(error=True, **CAUSE)))}


def test_an_entry_that_calls_itself_failed_behind_a_200():
    """A span that is an ERROR with a 200; a segment of X-Ray likewise."""
    assert findings_of(verdict_of(otel_span("a", code="ERROR", events=[BOOM], **{STATUS: 200}))) == [("edge-ok-downstream-fault", "alert")]
    assert verdict_of(otel_span("a", events=[BOOM], **{STATUS: 200})).findings == ()


GRAPHQL = [
    {"graphql__error__count": 2},
    {"events": [event("NOT_FOUND", "no such order", "graphql.error")]},
    {"graphql__operation__name": "order", "code": "ERROR", "events": [event("NotFound", "no such order")]},
]


@pytest.mark.parametrize("more", GRAPHQL)
def test_graphql_errors_behind_a_200_are_one_failure(more):
    """On the entry or below it, however they are written; where the client saw a failure they hide nothing."""
    below = verdict_of(otel_span("a", **{STATUS: 200}), otel_span("b", "a", kind="INTERNAL", **more))
    at_entry = verdict_of(otel_span("a", **{STATUS: 200}, **more))
    for verdict in (below, at_entry):
        assert ("error-payload-behind-200", "alert") in findings_of(verdict)
        assert len(group_failures(verdict.findings)) == 1
    assert findings_of(at_entry) == [("error-payload-behind-200", "alert")]
    seen = verdict_of(otel_span("a", code="ERROR", **{STATUS: 500}), otel_span("b", "a", kind="INTERNAL", **more))
    assert "error-payload-behind-200" not in {rule for rule, _ in findings_of(seen)}


def test_several_spans_of_one_graphql_response_are_one_finding():
    """The one that names the error; the count is its own."""
    spans = (otel_span("a", graphql__error__count=1, **{STATUS: 200}), otel_span("b", "a", kind="INTERNAL", **GRAPHQL[1]))
    verdict = verdict_of(*spans)
    assert findings_of(verdict) == [("error-payload-behind-200", "alert")]
    assert verdict.findings[0].evidence.endswith("a GraphQL response of cart has 1 error: NOT_FOUND: no such order")


@pytest.mark.parametrize(("table", "found"), [("carts", []), ("others", [("edge-ok-downstream-fault", "alert")])])
def test_a_repetition_goes_to_the_same_table(table, found):
    """The same operation on another table does not make the first one good."""

    def put(id_, name, after, **more):
        return otel_span(
            id_, "a", kind="CLIENT", after=after, rpc__system="aws-api", rpc__method="PutItem", aws__dynamodb__table_names=[name], **more
        )

    entry = otel_span("a", **{STATUS: 200})
    assert findings_of(verdict_of(entry, put("b", "carts", 1, code="ERROR", **{STATUS: 500}), put("c", table, 5, **{STATUS: 200}))) == found


def test_a_line_between_two_attempts_of_a_call_is_recovered_without_lambda_s_segments():
    """The handler's span has the request id of its lines."""
    request = "52fdfc07-2182-454f-963f-5f0f9a621d72"
    line = f'{{"level": "ERROR", "message": "mail failed", "function_request_id": "{request}", "trace_id": "{otel_span("a")["traceId"]}"}}'

    def spans(second):
        made = (otel_span("a", on_lambda=True, service="orders", faas__invocation_id=request, **{STATUS: 200}),
                otel_span("b", "a", kind="CLIENT", code="ERROR", after=-5, **{STATUS: 503}))  # fmt: skip
        return (*made, otel_span("c", "a", kind="CLIENT", after=50, **{STATUS: second}, code="UNSET" if second == 200 else "ERROR"))

    assert findings_of(verdict_of(*spans(200), lines=[line], at=NOW)) == []
    assert ("edge-ok-error-log", "alert") in findings_of(verdict_of(*spans(503), lines=[line], at=NOW))


def test_an_x_ray_call_beside_a_span_is_judged_as_before():
    """A trace may have both kinds."""
    verdict = verdict_of(service(), function(subsegments=[call("mail", "c" * 16, fault=True)]), handler(**{STATUS: 200}))
    assert findings_of(verdict) == [("edge-ok-downstream-fault", "alert")]
