"""Rules on functions: they failed, and their caller was answered a success."""

import pytest

from pipeline.detect.failures import group_failures
from tests.support.events import NOW, REQUEST, TRACE, call, edge, function, service
from tests.support.verdicts import CAUSE, attempts, behind_edge, findings_of, fired, verdict_of

HEADER = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=0123456789abcdef;Sampled=1"
GATEWAY = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
LATE = NOW + 1_000_000


@pytest.mark.parametrize("flags", [{"error": True}, {"fault": True}, CAUSE, {"error": True, "fault": True} | CAUSE])
@pytest.mark.parametrize("where", ["service", "function"])
def test_service_ok_function_failed(flags, where):
    """Lambda says 200, and the function failed: whichever flag AWS sets, on whichever of the two segments."""
    verdict = verdict_of(service(**(flags if where == "service" else {})), function(**(flags if where == "function" else {})))
    assert findings_of(verdict) == [("service-ok-function-failed", "alert")]
    assert verdict.hidden_fault


def test_an_empty_cause_is_no_failure():
    """Step Functions writes `"cause": {}` on success."""
    assert verdict_of(service(cause={}), function(cause={})).findings == ()


def test_a_502_that_the_client_saw_is_a_notice():
    """The service segment still claims 200, but nobody was told a success."""
    verdict = verdict_of(*behind_edge(502, {"error": True}, error=True, **CAUSE))
    assert findings_of(verdict) == [("service-ok-function-failed", "notice")]
    assert not verdict.hidden_fault


def test_invoke_ok_function_error():
    """The X-Ray SDK sets no flag on a failed invocation: only aws.function_error says so."""
    invoke = call("lambda", "c" * 16, namespace="aws", http={"response": {"status": 200}},
                  aws={"operation": "Invoke", "function_error": "Unhandled", "status_code": 200})  # fmt: skip
    assert findings_of(verdict_of(service(), function(subsegments=[invoke]))) == [("invoke-ok-function-error", "alert")]


def test_async_attempt_failed():
    """All attempts of an accepted event failed; not so where a later one went well, and not before Lambda has tried its times."""
    verdict = verdict_of(*attempts(True, True, True), asked=NOW + 400_000)
    assert {("async-attempt-failed", "alert"), ("service-ok-function-failed", "alert")} <= fired(verdict)
    assert "last of 3 attempts" in next(finding.evidence for finding in verdict.findings if finding.rule.startswith("async"))
    assert fired(verdict_of(*attempts(True, True, False), asked=NOW + 400_000)) == set()
    early = verdict_of(*attempts(True), asked=NOW + 400_000)
    assert (early.state, early.missing) == ("partial", ("another attempt of orders is missing: 1 failed so far",))
    assert verdict_of(*attempts(True), asked=NOW + 2_000_000).state == "incomplete"


def test_what_api_gateway_says_of_the_function():
    """A 502 whose Lambda answered 200 with a function error: a notice for who saw the 502, an alert where a mapping turned it into a 200."""
    lines = [f"({GATEWAY}) Endpoint request headers: {{X-Amzn-Trace-Id={HEADER}}}",
             f"({GATEWAY}) Lambda execution failed with status 200 due to customer function error: no stock. Lambda request id: {REQUEST}"]  # fmt: skip
    for status, severity in ((502, "notice"), (200, "alert")):
        answered = [*lines, f"({GATEWAY}) Method completed with status: {status}"]
        verdict = verdict_of(edge(status, aws={"api_gateway": {"request_id": GATEWAY}}, **({"fault": True} if status == 502 else {})),
                             service(parent_id="b" * 16), function(), access_log=answered)  # fmt: skip
        assert ("service-ok-function-failed", severity) in fired(verdict)
        assert (verdict.edge_status, verdict.client_saw) == (status, "error" if status == 502 else "success")


def tried(*failed: bool, id_: str = "0285bf1261be05ff", **more):
    """An event with flagged attempts, of which none names its exception."""
    marks = [
        (f"{number}" * 16, f"f{number}" * 8, NOW / 1000 + number, {"fault": True} if bad else {}) for number, bad in enumerate(failed, 1)
    ]
    tries = [{"id": tried, "name": f"Attempt #{number}", "start_time": at, "end_time": at + 0.5,
              "http": {"response": {"status": 500 if flags else 200}}} | flags for number, (tried, _, at, flags) in enumerate(marks, 1)]  # fmt: skip
    functions = [function(id_, tried, start_time=at, end_time=at + 0.5, **flags) for tried, id_, at, flags in marks]
    return service(id_, http={"response": {"status": 202}}, end_time=NOW / 1000 + 9, subsegments=tries, **more), *functions


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
