"""Durable outcomes: which failures of a durable execution are findings, by spans, by lines, and by both."""

import itertools
import json

import pytest

from pipeline.detect.evaluate import evaluate
from pipeline.detect.rule import default_rules
from pipeline.model.trace_state import merge
from tests.support.durable import ARN
from tests.support.events import NOW, OTHER_REQUEST, REQUEST, TRACE, report, start
from tests.support.otel_spans import event, otel_span
from tests.support.verdicts import GIVE_UP, fired, function, service, state_of, verdict_of

OTHER_ARN = ARN.replace("order-7", "order-8")
LAMBDA = (service(), function())


def span(id_, parent, attributes, *, code="UNSET", arn=ARN, raised="", after=0):
    """A span of the plugin."""
    return otel_span(id_, parent, kind="INTERNAL", code=code, after=after, events=[event("ValueError", raised)] if raised else []) | {
        "attributes": {"durable.execution.arn": arn, **attributes}
    }


def invocation(id_="1", status="PENDING", **more):
    """The span of an invocation, whose parent nobody sent."""
    return span(id_, "f", {"durable.invocation.status": status, "durable.invocation.first": id_ == "1"}, code="OK", **more)


def attempt(id_, number, outcome, parent="9", **more):
    """The span of an attempt of the step charge."""
    code, raised = ("ERROR", "card down") if outcome == "FAILED" else ("OK", "")
    return span(id_, parent, {"durable.operation.id": "o1", "durable.attempt.number": number, "durable.attempt.outcome": outcome}, code=code,
                raised=raised, **more)  # fmt: skip


def operation(id_, status, parent="f", **more):
    """The span of the step charge."""
    failed = status == "FAILED"
    return span(id_, parent, {"durable.operation.id": "o1", "durable.operation.status": status}, code="ERROR" if failed else "UNSET",
                raised="card down" if failed else "", **more)  # fmt: skip


def workflow(status, **more):
    """The span of the whole execution."""
    return span("8", "", {"durable.execution.status": status}, code="ERROR" if status == "FAILED" else "OK", **more)


def durable_line(level, message, **keys):
    """A line of the SDK's logger."""
    return json.dumps({"level": level, "message": message, "requestId": REQUEST, "traceId": TRACE, **keys})


FAILED_STEP = durable_line(
    "ERROR",
    "❌ failed step for id: o1, name: charge",
    logger="aws_durable_execution_sdk_python.operation.step",
    errorType="ValueError",
    errorMessage="card down",
)
IN_ATTEMPT = durable_line("ERROR", "card down", executionArn=ARN, operationId="o1", operationName="charge", attempt=1)
WENT_ON = durable_line("INFO", "order charged", executionArn=ARN)
EXECUTION_FAILED = durable_line("ERROR", "Execution failed", logger="aws_durable_execution_sdk_python.execution", errorType="ValueError",
                                errorMessage="card down", stackTrace=[])  # fmt: skip
BY_SPANS = [
    ("tried again, and not over", [invocation(), attempt("2", 1, "FAILED")], set()),
    ("well on the second attempt", [attempt("2", 1, "FAILED"), attempt("3", 2, "SUCCEEDED"), operation("9", "SUCCEEDED"), invocation("1", "SUCCEEDED")], set()),
    ("a call inside an attempt that failed", [invocation(), attempt("2", 1, "FAILED"), otel_span("3", "2", kind="CLIENT", code="ERROR", http__status_code=503)], set()),
    ("used up, and caught", [invocation("1", "SUCCEEDED"), attempt("2", 1, "FAILED"), operation("9", "FAILED", "1")], {("edge-ok-downstream-fault", "alert")}),
    ("the same operation of another execution", [invocation(), attempt("2", 1, "FAILED", "1"), operation("9", "FAILED", "7", arn=OTHER_ARN),
                                                 invocation("7", "SUCCEEDED", arn=OTHER_ARN, after=5)], set()),
    ("failed", [workflow("FAILED"), invocation("1", "FAILED")], {("durable-execution-failed", "alert")}),
    ("its last invocation failed", [invocation("1"), invocation("2", "FAILED", after=5)], {("durable-execution-failed", "alert")}),
    ("timed out", [workflow("TIMED_OUT")], {("durable-execution-failed", "alert")}),
    ("stopped by a person", [workflow("STOPPED")], set()),
    ("an invocation that Lambda repeats", [invocation("1", "RETRYING")], set()),
]  # fmt: skip


@pytest.mark.parametrize(("spans", "expected"), [case[1:] for case in BY_SPANS], ids=[case[0] for case in BY_SPANS])
def test_by_spans(spans, expected):
    """What failed for good is found, whatever the order; what may be tried again is not."""
    assert fired(verdict_of(*spans)) == expected
    for order in itertools.islice(itertools.permutations(spans), 6):
        assert evaluate(merge(*map(state_of, order)), rules=default_rules(), give_up_after_ms=GIVE_UP) == verdict_of(*spans)


@pytest.mark.parametrize(("lines", "expected"), [
    ([IN_ATTEMPT], set()),
    ([IN_ATTEMPT, FAILED_STEP], set()),
    ([FAILED_STEP], set()),
    ([WENT_ON, IN_ATTEMPT, FAILED_STEP], set()),
    ([IN_ATTEMPT, WENT_ON], {("edge-ok-error-log", "alert")}),
    ([IN_ATTEMPT, FAILED_STEP, WENT_ON], {("edge-ok-error-log", "alert")}),
    ([FAILED_STEP, WENT_ON], set()),
    ([durable_line("ERROR", "card down", executionArn=ARN, operationId="o1", parentId="p1", attempt=1), WENT_ON], set()),
    ([durable_line("ERROR", "no stock", executionArn=ARN)], {("edge-ok-error-log", "alert")}),
    ([durable_line("ERROR", "no stock", attempt=1, operationId="o1")], {("edge-ok-error-log", "alert")}),
    ([IN_ATTEMPT, FAILED_STEP, EXECUTION_FAILED], {("durable-execution-failed", "alert")}),
    ([durable_line("ERROR", "no stock", executionArn=ARN), EXECUTION_FAILED], {("durable-execution-failed", "alert")}),
    ([IN_ATTEMPT, WENT_ON, EXECUTION_FAILED], {("durable-execution-failed", "alert")}),
    ([durable_line("ERROR", "no stock", executionArn=ARN, requestId=OTHER_REQUEST), EXECUTION_FAILED],
     {("durable-execution-failed", "alert"), ("edge-ok-error-log", "alert")}),
])  # fmt: skip
def test_by_lines_alone(lines, expected):
    """The handler waits for an attempt that is to be repeated: where it goes on, nobody tries again. Parallel branches do not wait."""
    assert fired(verdict_of(*LAMBDA, lines=lines)) == expected


@pytest.mark.parametrize(("spans", "expected"), [
    ([attempt("2", 1, "FAILED")], set()),
    ([attempt("2", 1, "SUCCEEDED")], {("edge-ok-error-log", "alert")}),
    ([attempt("2", 1, "FAILED"), attempt("3", 2, "SUCCEEDED"), operation("9", "SUCCEEDED")], set()),
])  # fmt: skip
def test_a_line_counts_as_the_spans_say(spans, expected):
    """An error that is logged in an attempt that went well was swallowed; in one that failed it is that of the attempt."""
    assert fired(verdict_of(*LAMBDA, *spans, lines=[IN_ATTEMPT])) == expected


def test_the_finding_names_the_execution_and_the_exception():
    """Its evidence has the ARN and what the handler raised; lines alone have the exception, too."""
    failed = workflow("FAILED")
    failed["status"]["message"] = "order refused"
    (finding,) = verdict_of(failed).findings
    assert finding.evidence == f"the durable execution {ARN} failed: order refused"
    (finding,) = verdict_of(*LAMBDA, lines=[EXECUTION_FAILED]).findings
    assert (finding.rule, finding.exception_type, finding.exception_message) == ("durable-execution-failed", "ValueError", "card down")


@pytest.mark.parametrize("sampled", [True, False])
def test_an_execution_that_failed_without_spans_is_one_finding(sampled):
    """The finding holds the lines of its invocation; a trace that was not sampled has no second one either."""
    lines = [start(REQUEST), durable_line("ERROR", "no stock", executionArn=ARN), EXECUTION_FAILED, report(REQUEST, TRACE, sampled=sampled)]
    verdict = verdict_of(*(LAMBDA if sampled else ()), lines=lines)
    (finding,) = verdict.findings
    assert (finding.rule, [line.text for line in finding.lines]) == (
        "durable-execution-failed",
        ["Execution failed | ValueError: card down", "no stock"],
    )
    assert len(verdict.issues) == 1


def test_a_crash_beside_a_failed_execution_is_told():
    """Lambda's own word that the invocation ended is no error line of the execution."""
    crashed = f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed\nRuntime.ExitError"
    found = fired(verdict_of(*LAMBDA, lines=[EXECUTION_FAILED, crashed]))
    assert ("durable-execution-failed", "alert") in found
    assert {rule for rule, _ in found} > {"durable-execution-failed"}


@pytest.mark.parametrize("spans", [
    [invocation()], [invocation(), attempt("2", 1, "FAILED")], [invocation(), otel_span("3", "e", kind="CLIENT")],
    [invocation(), otel_span("3", "1", kind="SERVER") | {"endTimeUnixNano": None}],
])  # fmt: skip
def test_a_suspended_execution_is_never_incomplete(spans):
    """Neither parents that are sent at the end nor what is open make it so, when time is up."""
    late = verdict_of(*spans, asked=NOW + 10 * GIVE_UP)
    assert late.state == "complete"
    assert late.state_reason.startswith("A durable execution was suspended")


def test_an_execution_that_is_over_is_judged_like_any_trace():
    """What is missing beside its own spans is missing."""
    over = [workflow("SUCCEEDED"), attempt("2", 1, "SUCCEEDED", "d")]
    assert verdict_of(*over).state == "complete"
    assert verdict_of(*over, otel_span("3", "e", kind="CLIENT"), asked=NOW + 10 * GIVE_UP).state == "incomplete"
