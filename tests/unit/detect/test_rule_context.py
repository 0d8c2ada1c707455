"""What a finding says: where, how deep, which exception, which lines, and what is not known."""

import json

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.model.trace_state import TraceState
from pipeline.traces.xray_segments import read_document
from tests.support.events import OTHER_REQUEST, REQUEST, call, edge, function, powertools, service
from tests.support.verdicts import CAUSE, TRACEBACK, behind_edge, verdict_of


def test_a_finding_convinces():
    """What was told and by whom, where it failed and how deep, the exception, the lines that show it, and what was not known."""
    bad = function("7" * 16, "6" * 16, error=True, **CAUSE)
    callee = service("6" * 16, parent_id="c" * 16, name="stock", aws={"request_id": OTHER_REQUEST})
    invoke = call("stock", "c" * 16, namespace="aws", aws={"operation": "Invoke"}, traced=True)
    lines = [powertools("a", level="ERROR"), powertools("no stock left", request=OTHER_REQUEST, level="ERROR", service="stock")]
    verdict = verdict_of(*behind_edge(201, inside=[invoke]), callee, bad | {"name": "stock"}, lines=lines)
    found = next(finding for finding in verdict.findings if finding.rule == "service-ok-function-failed")
    assert (found.path, found.depth, found.client_saw) == (("api/prod", "Lambda", "orders", "stock"), 5, "success")
    assert (found.exception_type, found.exception_message) == ("ValueError", "no stock")
    assert [line.text for line in found.lines] == ["no stock left"]
    assert found.unknown == ()
    late = verdict_of(*behind_edge(201, inside=[invoke, call("x", "e" * 16, traced=True)]), callee, bad, lines=lines)
    assert {finding.unknown for finding in late.findings} == {("the answer to the call x is missing",)}


def test_the_exception_is_read_from_a_line_where_no_segment_has_it():
    """A type and a message, out of the forms in which runtimes print them."""
    node = f"2026-11-24T10:00:00.000Z\t{REQUEST}\tERROR\tInvoke Error \t" + json.dumps(
        {"errorType": "TypeError", "errorMessage": "x is undefined"}
    )
    for line, expected in ((TRACEBACK, ("ValueError", "no stock")), (node, ("TypeError", "x is undefined")),
                           (powertools("oh", level="ERROR", exception="Traceback (most recent call last):\n  File\nKeyError: 'id'"), ("KeyError", "'id'"))):  # fmt: skip
        (found,) = verdict_of(*behind_edge(200), lines=[powertools("a"), line]).findings
        assert (found.exception_type, found.exception_message) == expected


def test_paths_and_findings_have_an_end():
    """A chain of a thousand failing calls is told of in a hundred findings, each with a path that a person can read."""
    deepest = None
    for level in range(1000, 0, -1):
        leaf = call("leaf", f"{level + 5000:016x}", fault=True)
        deepest = call(f"level {level}", f"{level:016x}") | {"subsegments": [leaf, *([deepest] if deepest else [])]}
    segments = read_document(edge() | {"subsegments": [deepest]})
    state = TraceState(segments={segment.fact.id: segment.fact for segment in segments})
    findings = evaluate(state, rules=default_rules(), give_up_after_ms=1).findings
    assert len(findings) == 100
    assert max(len(finding.path) for finding in findings) == 64
