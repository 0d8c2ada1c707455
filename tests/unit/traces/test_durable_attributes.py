"""Durable attributes: spans and segments that tell of a durable execution."""

import json

import pytest

from pipeline.model.durable import DurableFact
from pipeline.traces.durable_attributes import durable_in
from pipeline.traces.otel_spans import read_span
from pipeline.traces.span_document import span_document
from pipeline.traces.xray_segments import read_document
from tests.support.durable import ARN
from tests.support.events import function
from tests.support.otel_spans import otel_span

ATTEMPT = {
    "durable.execution.arn": ARN, "durable.operation.id": "1ced8f5b", "durable.operation.type": "STEP", "durable.operation.name": "charge",
    "durable.attempt.number": 2, "durable.attempt.outcome": "FAILED",
}  # fmt: skip
FACT = DurableFact(execution_arn=ARN, execution_name="order-7", operation_id="1ced8f5b", operation_type="STEP", operation_name="charge", attempt=2,
                   attempt_outcome="FAILED")  # fmt: skip


def test_a_span_has_it_as_a_fact_and_as_a_field():
    """The span's document shows it, and the record keeps it."""
    segment = read_span(otel_span("a", "b", kind="INTERNAL") | {"attributes": ATTEMPT})
    assert segment.fact.durable == FACT
    assert span_document(segment)["durable"] == FACT


@pytest.mark.parametrize("where", ["metadata", "metadata in default", "annotations"])
def test_a_segment_that_xray_made_of_a_span(where):
    """X-Ray shows attributes as metadata or, without dots in their names, as annotations."""
    given = {"annotations": {name.replace(".", "_"): value for name, value in ATTEMPT.items()}}
    if where != "annotations":
        given = {"metadata": ATTEMPT if where == "metadata" else {"default": ATTEMPT}}
    (segment,) = read_document(json.dumps(function(**given)))
    assert segment.fact.durable == FACT


@pytest.mark.parametrize(("id_", "top"), [("1ced8f5b", False), ("", True)])
def test_what_stands_for_an_execution_or_an_invocation_is_no_part(id_, top):
    """Its parent may be sent later, or never, and a trace needs an entry."""
    attributes = {"durable.execution.arn": ARN} | ({"durable.operation.id": id_} if id_ else {})
    assert read_span(otel_span("a", "b", kind="INTERNAL") | {"attributes": attributes}).fact.subsegment is not top


@pytest.mark.parametrize("attributes", [
    {}, {"durable.execution.arn": 7}, {"durable.execution.arn": ""}, {"durable.execution.arn": "a" * 513}, {"durable.operation.id": "1c"},
])  # fmt: skip
def test_what_names_no_execution(attributes):
    """Nothing is made of it."""
    assert durable_in(attributes) is None


def test_odd_values_are_left_out():
    """A number that is none, and a first invocation that is a word."""
    odd = {"durable.execution.arn": ARN, "durable.attempt.number": "2", "durable.invocation.first": "yes", "durable.operation.name": ["a"]}
    assert durable_in(odd) == DurableFact(execution_arn=ARN, execution_name="order-7")
