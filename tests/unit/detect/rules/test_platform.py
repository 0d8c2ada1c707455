"""Rules on what the platform ended: time-outs, memory, crashes."""

import pytest

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.model.facts import SegmentFact, SignalFact
from pipeline.model.trace_state import TraceState
from tests.support.events import NOW, REQUEST, function, powertools, report, service
from tests.support.verdicts import GIVE_UP, behind_edge, findings_of, fired, verdict_of


def test_timeout_from_a_line_and_from_a_segment_that_never_closed():
    """One finding per request, however often the platform says it; an open Lambda segment counts once time is up."""
    signals = {str(number): SignalFact(line_id=str(number), signals=("timeout",), request_id=REQUEST, text=text)
               for number, text in enumerate(("REPORT … Status: timeout", "Task timed out after 3.00 seconds"))}  # fmt: skip
    verdict = verdict_of(service(), function(), signals=signals)
    assert findings_of(verdict) == [("timeout", "alert")]
    assert "Task timed out" in verdict.findings[0].evidence
    open_segment = service(in_progress=True, end_time=None)
    assert verdict_of(open_segment).findings == ()
    assert findings_of(verdict_of(open_segment, asked=NOW + 2 * GIVE_UP)) == [("timeout", "alert")]


@pytest.mark.parametrize(("line", "rule"), [
    (f"2026-11-24T10:00:03.000Z {REQUEST} Task timed out after 3.00 seconds", "timeout"),
    (f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed Runtime.ExitError", "out-of-memory"),
    (report(status="error\tError Type: Runtime.OutOfMemory"), "out-of-memory"),
    (f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 1 Runtime.ExitError", "crash"),
])  # fmt: skip
def test_what_the_platform_ends(line, rule):
    """Out of time, out of memory, a process that died: the nearest reason is named, and the caller who saw it gets a notice."""
    rules = {name for name, _ in fired(verdict_of(*behind_edge(200), lines=[powertools("a"), line]))}
    assert rules - {"edge-ok-error-log"} == {rule}
    assert {severity for name, severity in fired(verdict_of(*behind_edge(502), lines=[powertools("a"), line])) if name == rule} == {
        "notice"
    }
    assert fired(verdict_of(*behind_edge(200), lines=[powertools("a"), report(status="success")])) == set()


def test_lines_without_a_request_stand_alone():
    """A crash that names no request is told beside a timeout that names none, either."""
    at = {"status": 200, "start": NOW * 10**6, "end": NOW * 10**6 + 1}
    lines = [SignalFact(line_id=kind, signals=(kind,), at=NOW, text=kind) for kind in ("crash", "timeout")]
    state = TraceState(segments={"a": SegmentFact(id="a", name="api", **at)}, signals={line.line_id: line for line in lines})
    found = evaluate(state, rules=default_rules(), give_up_after_ms=1).findings
    assert {"crash", "timeout"} <= {finding.rule for finding in found}
