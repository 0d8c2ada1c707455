"""Fingerprints: what makes two faults one issue, and what keeps them apart."""

import random

import pytest
from msgspec.structs import replace

from accuracy.evaluation import facts_of_transaction, verdict_on
from accuracy.grouping.causes import Cause
from accuracy.measure import BEGAN
from pipeline.detect.engine import RULES
from pipeline.detect.failures import group_failures
from pipeline.detect.fingerprint import FAMILIES, failures_of, fingerprint_id, issues_in
from pipeline.detect.rule import default_rules
from pipeline.detect.segment_tree import SegmentTree
from pipeline.detect.verdict import Finding, Fingerprint
from pipeline.model.facts import SegmentFact
from pipeline.model.trace_state import TraceState, merge

BASE = Cause(name="base")
PRINT = Fingerprint(family="functions", entry="POST /orders/*", service="orders", operation="orders", exception_type="E", message="m")


def verdict(cause, seed=1):
    """The verdict on a fault of this cause."""
    return verdict_on(facts_of_transaction(cause.play(random.Random(seed), BEGAN)), default_rules())


def test_every_rule_has_the_family_of_its_module():
    """A new rule without a family would be a family of its own."""
    assert {name: run.__module__.rpartition(".")[2] for name, run in RULES.items()} == FAMILIES


@pytest.mark.parametrize("part", Fingerprint.__struct_fields__)
def test_every_part_is_in_the_id(part):
    """Two fingerprints that differ in one part are two issues."""
    assert fingerprint_id(replace(PRINT, **{part: "other"})) != fingerprint_id(PRINT)


def test_an_id_never_changes():
    """Stored issues are found by it."""
    assert fingerprint_id(PRINT) == "6420cab08a37f165"


def test_a_fault_says_what_it_has_in_common_with_others():
    """The route and not the URL, the service and the operation, the type, the message without its number, and the version that ran."""
    (issue,) = verdict(BASE).issues
    assert issue.fingerprint == Fingerprint(family="downstream", entry="POST /prod/orders/*", service="orders", operation="orders",
                                            exception_type="ValueError", message="no stock for order *")  # fmt: skip
    assert issue.version == "$LATEST"
    assert "service-ok-function-failed" in issue.rules
    (other,) = verdict(BASE, 2).issues
    assert other.id == issue.id
    assert other.evidence != issue.evidence


def test_a_call_that_failed_is_the_operation():
    """The host with method and route, or the AWS service with its operation."""
    (called,) = verdict(replace_cause(way="called", operation="GET /items/<number>")).issues
    assert (called.fingerprint.service, called.fingerprint.operation) == ("orders", "stock.internal GET /items/*")
    (asked,) = verdict(replace_cause(way="asked", error="InternalServerError")).issues
    assert asked.fingerprint.operation == "dynamodb PutItem"


def test_a_segment_that_x_ray_inferred_makes_no_other_issue():
    """X-Ray infers DynamoDB's segment sometimes: with and without it, the call is what failed."""
    assert (
        len({issue.id for seed in range(20) for issue in verdict(replace_cause(way="asked", error="InternalServerError"), seed).issues})
        == 1
    )


def test_api_gateways_log_makes_no_second_issue():
    """Without X-Ray's segments, its execution log quotes the function's exception: that is one fault."""
    found = [verdict(Cause(name=f"unsampled {number}", way="unsampled")) for number in range(20)]
    assert [len(each.issues) for each in found] == [1] * 20
    assert any(len(group_failures(each.findings)) == 2 for each in found)


def test_nobody_elses_line_takes_the_fault_of_api_gateways_log_away():
    """A stranger's exception that says the same is another issue; the function's own log is the one that the platform's record is in."""
    facts = merge(*facts_of_transaction(Cause(name="unsampled 0", way="unsampled").play(random.Random(1), BEGAN)))
    strangers = {key: replace(request, integration_request_id="") for key, request in facts.requests.items()}
    assert len(verdict_on([facts], default_rules()).issues) == 1
    assert len(verdict_on([replace(facts, requests=strangers)], default_rules()).issues) == 2


@pytest.mark.parametrize(
    ("name", "entry"),
    [("GET /orders/{id}", "GET /orders/{id}"), ("GET /orders/17", "GET /orders/*"), ("/orders/17", "/orders/*"), ("orders", "orders")],
)
def test_the_entry_of_an_opentelemetry_span_is_its_route(name, entry):
    """A span that is named after its route keeps it; one that is named after the path loses its variables."""
    segment = SegmentFact(id="1" * 16, name=name, url="https://x/orders/17" if name == "orders" else "", method="")
    tree = SegmentTree({segment.id: segment})
    finding = Finding(
        rule="crash", severity="alert", service_name="s", span_id="", path=("s",), reported="", evidence="it crashed", client_saw="success"
    )
    (issue,) = issues_in([finding], tree, TraceState(segments={segment.id: segment}))
    assert issue.fingerprint.entry == ("/orders/*" if name == "orders" else entry)


def test_what_the_caller_saw_is_no_issue():
    """A notice is nobody's issue."""
    seen = verdict(BASE)
    assert seen.issues
    rules = {name: replace(rule, severity="notice") for name, rule in default_rules().items()}
    assert verdict_on(facts_of_transaction(BASE.play(random.Random(1), BEGAN)), rules).issues == ()


def test_the_failures_of_an_issue_are_found_among_others():
    """By what the finding says; where no finding says so any more, all of them are shown."""
    found = verdict(BASE)
    (issue,) = found.issues
    assert [failure.lead.evidence for failure in failures_of(issue, found.findings)] == [issue.evidence]
    assert failures_of(replace(issue, evidence="gone"), found.findings) == group_failures(found.findings)


def replace_cause(**fields):
    """The base with other fields, of a name of its own."""
    return Cause(name=f"base {fields}", **fields)
