"""Traces of OpenTelemetry alone, from `aws/spans` to what is stored: spans, their status, findings."""

import json

import pytest

from pipeline.local.aws_spans import subscription_event
from pipeline.resolve import Resolver
from pipeline.traces.sources.spans_subscription import SpansSubscription
from tests.support.events import NOW, TRACE
from tests.support.otel_spans import event, otel_span
from tests.support.shipping import adds_up, lines_of, shipped

STATUS = "http__response__status_code"
ENTRY = otel_span("a", **{STATUS: 200})


def stored(store, settings, *batches):
    """The spans of the trace and its record, after these batches of `aws/spans` were shipped and the trace was resolved."""
    for spans in batches:
        shipment = shipped(subscription_event(spans, at=NOW), store, settings)
        assert adds_up(shipment.ledger)
        assert shipment.ledger.indexed == len(spans)
    Resolver(store=store, source=SpansSubscription(), settings=settings, clock=lambda: NOW / 1000 + 60).resolve([TRACE], force=True)
    spans = {document["spanId"][0]: document for document in lines_of(store)}
    return spans, store.get_many([(f"{store.prefix}-traces", TRACE)])[0].source


FAULTS = {
    "a callee that stays UNSET": (
        "edge-ok-downstream-fault",
        [ENTRY, otel_span("b", "a", kind="CLIENT"), otel_span("c", "b", service="prices", **{STATUS: 503})],
    ),
    "a call without an answer": (
        "edge-ok-downstream-fault",
        [
            ENTRY,
            otel_span("c", "a", kind="CLIENT", code="ERROR", error__type="ConnectionError", events=[event("ConnectionError", "refused")]),
        ],
    ),
    "a throttle": ("throttled-downstream", [ENTRY, otel_span("c", "a", kind="CLIENT", code="ERROR", http__status_code=429)]),
    "GraphQL errors": ("error-payload-behind-200", [ENTRY, otel_span("c", "a", kind="INTERNAL", graphql__errors__count=2)]),
    "an entry that stays UNSET": ("edge-error-trace-ok", [otel_span("c", http__status_code=502)]),
    "a function's exception": (
        "service-ok-function-failed",
        [otel_span("c", on_lambda=True, code="ERROR", events=[event("ValueError", "no stock")], faas__invocation_id="r")],
    ),
}


@pytest.mark.parametrize(("rule", "spans"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("one_by_one", [False, True], ids=["at once", "one by one, the last first"])
def test_a_fault_hides_in_spans_alone(store, settings, rule, spans, one_by_one):
    """The record has the finding, each span is marked with it, and the culprit shows as failed wherever it has a status of 5xx."""
    batches = [[span] for span in reversed(spans)] if one_by_one else [spans]
    found, record = stored(store, settings, *batches)
    assert [(finding["rule"], finding["severity"], finding["spanId"]) for finding in record["findings"]] == [(rule, "alert", "c" * 16)]
    assert {span["trace"]["hiddenFault"] for span in found.values()} == {True}
    assert found["c"]["status"]["code"] == (0 if rule.startswith("error-payload") else 2)


HEALTHY = {
    "a handled throttle": [otel_span("a", events=[event("ThrottlingException", "rate exceeded")], **{STATUS: 200})],
    "a refusal": [ENTRY, otel_span("b", "a", kind="CLIENT", code="ERROR", **{STATUS: 409}), otel_span("c", "b", **{STATUS: 409})],
    "no GraphQL errors": [ENTRY, otel_span("b", "a", kind="INTERNAL", graphql__error__count=0, graphql__operation__name="errors")],
    "a 404 of the client": [otel_span("a", **{STATUS: 404})],
    "a 503 that is marked": [otel_span("a", code="ERROR", **{STATUS: 503})],
}


@pytest.mark.parametrize("spans", HEALTHY.values(), ids=HEALTHY)
def test_what_looks_like_it_and_is_well(store, settings, spans):
    """Nothing is found."""
    found, record = stored(store, settings, spans)
    assert not record.get("findings")
    assert {span["trace"]["hiddenFault"] for span in found.values()} == {False}


def test_hostile_attributes_leave_their_neighbours_alone(store, settings):
    """Attributes and events that are something else are stored with the span, and the fault beside them is found."""
    odd = otel_span("b", "a", kind="CLIENT", error__type={"a": 1}, graphql__error__count="9" * 40, rpc__method="\x1b[31m/")
    odd["events"] = [7, {"name": "graphql.error", "attributes": "\u2028"}, {"name": "exception", "attributes": [{"key": 1}]}]
    found, record = stored(store, settings, [ENTRY, odd, otel_span("c", "a", kind="CLIENT", code="ERROR", **{STATUS: 500})])
    assert set(found) == {"a", "b", "c"}
    assert ("edge-ok-downstream-fault", "c" * 16) in {(finding["rule"], finding["spanId"]) for finding in record["findings"]}
    assert json.dumps(record).isascii()
