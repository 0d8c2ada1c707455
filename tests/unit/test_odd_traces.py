"""Traces as AWS and the SDKs write them where that is odd: what must stay silent, and what is told once."""

import pytest

from pipeline.detect.evaluate import evaluate
from pipeline.detect.failures import group_failures
from pipeline.detect.rule import default_rules
from pipeline.model.facts import SegmentFact, SignalFact
from pipeline.model.trace_state import TraceState
from tests.events import NOW, call, function, powertools, service
from tests.unit.test_rules import attempts, behind_edge, fired, verdict_of

SECONDS = NOW / 1000
LATE = NOW + 1_000_000


def refused(code: str, *, id_: str = "c" * 16, type_: str = "ClientError", **more):
    """A call of DynamoDB that the X-Ray SDK notes as refused with 400: a fault and an error, whatever the code."""
    cause = {"exceptions": [{"id": "1", "type": type_, "message": f"An error occurred ({code}) when calling the PutItem operation: no"}]}
    return call("DynamoDB", id_, namespace="aws", fault=True, error=True, aws={"operation": "PutItem"}, http={"response": {"status": 400}},
                cause=cause, **more)  # fmt: skip


def tried(*failed: bool, id_: str = "0285bf1261be05ff", **more):
    """An event with flagged attempts, of which none names its exception."""
    marks = [(f"{number}" * 16, f"f{number}" * 8, SECONDS + number, {"fault": True} if bad else {}) for number, bad in enumerate(failed, 1)]
    tries = [{"id": tried, "name": f"Attempt #{number}", "start_time": at, "end_time": at + 0.5,
              "http": {"response": {"status": 500 if flags else 200}}} | flags for number, (tried, _, at, flags) in enumerate(marks, 1)]  # fmt: skip
    functions = [function(id_, tried, start_time=at, end_time=at + 0.5, **flags) for tried, id_, at, flags in marks]
    return service(id_, http={"response": {"status": 202}}, end_time=SECONDS + 9, subsegments=tries, **more), *functions


def test_an_attempt_that_another_one_made_good():
    """Its own flags say that it failed, at the entry as below a call: neither is a finding."""
    assert fired(verdict_of(*tried(True, False), asked=LATE)) == set()
    invoke = call("l", "c" * 16, namespace="aws", aws={"operation": "Invoke"}, http={"response": {"status": 202}})
    below = tried(True, False, id_="e" * 16, parent_id="c" * 16, aws={"request_id": "r"})
    assert fired(verdict_of(*behind_edge(inside=[invoke]), *below, asked=LATE)) == set()


def test_the_attempts_of_the_entry_are_no_calls_below_it():
    """Three failed attempts are told by the rules on functions, not a second time for each attempt."""
    rules = {("async-attempt-failed", "alert"), ("service-ok-function-failed", "alert")}
    assert fired(verdict_of(*tried(True, True, True), asked=LATE)) == rules
    verdict = verdict_of(*attempts(True, True, True), asked=LATE)
    assert fired(verdict) == rules
    assert len(group_failures(verdict.findings)) == 1


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "SlowDown"])
def test_a_throttle_with_status_400(code):
    """It is one by its code, so it is made good by the same call made again, which a caller's mistake is not."""
    again = call("DynamoDB", "e" * 16, namespace="aws", aws={"operation": "PutItem"}, http={"response": {"status": 200}},
                 start_time=SECONDS + 0.04, end_time=SECONDS + 0.05)  # fmt: skip
    assert fired(verdict_of(*behind_edge(inside=[refused(code)]))) == {("throttled-downstream", "alert")}
    assert fired(verdict_of(*behind_edge(inside=[refused(code), again]))) == set()
    assert fired(verdict_of(*behind_edge(inside=[refused("AccessDeniedException"), again]))) == {("edge-ok-downstream-fault", "alert")}


def test_an_expected_error_by_any_of_its_names():
    """With its package before it, as Java and OpenTelemetry write it, and passed on by the id of the exception, as the X-Ray SDK does."""
    type_ = "software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException"
    assert fired(verdict_of(*behind_edge(inside=[refused("Other", type_=type_)]))) == set()
    for code, expected in (("ConditionalCheckFailedException", set()), ("Other", {("edge-ok-downstream-fault", "alert")})):
        around = call("## put", "9" * 16, namespace="local", fault=True, cause="0123456789abcdef", subsegments=[refused(code)])
        assert fired(verdict_of(*behind_edge(inside=[around]))) == expected


def test_lines_without_a_request_stand_alone():
    """A crash that names no request is told beside a timeout that names none, either."""
    at = {"status": 200, "start": NOW * 10**6, "end": NOW * 10**6 + 1}
    lines = [SignalFact(line_id=kind, signals=(kind,), at=NOW, text=kind) for kind in ("crash", "timeout")]
    state = TraceState(segments={"a": SegmentFact(id="a", name="api", **at)}, signals={line.line_id: line for line in lines})
    found = evaluate(state, rules=default_rules(), give_up_after_ms=1).findings
    assert {"crash", "timeout"} <= {finding.rule for finding in found}


def test_the_errors_of_a_form_are_no_graphql():
    """A list of errors whose paths are text is what a client got wrong; one whose paths are lists is a failed query."""
    form = powertools("bad form", errors=[{"path": "email", "message": "required"}])
    query = powertools("answer", response={"data": None, "errors": [{"message": "no", "path": ["order"]}]})
    assert fired(verdict_of(*behind_edge(), lines=[form])) == set()
    assert fired(verdict_of(*behind_edge(), lines=[query])) == {("error-payload-behind-200", "alert")}
