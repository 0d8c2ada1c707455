"""Payloads: the failure is in the data that came with a success."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, by_service, in_short, what_happened
from pipeline.detect.segment_outcome import failed
from pipeline.detect.verdict import Finding

_STEP_FUNCTIONS = "AWS::STEPFUNCTIONS"


def error_payload_behind_200(case: RuleContext) -> Iterator[Finding]:
    """A logged response holds a status of 500 or more, an error's type and message, or GraphQL errors, while the caller saw a success."""
    told = case.scene.told
    if told.saw == "success":
        for of, signals in by_service(case.lines_with("error-payload")):
            yield case.of_lines(signals, f"the caller was told {told}, but a response that {of} shows is an error: {in_short(signals[0])}")


def batch_partial_failure(case: RuleContext) -> Iterator[Finding]:
    """A batch went well as a whole, and some of its items failed."""
    for call in case.scene.tree:
        if call.failed_items and not failed(call) and not case.scene.recovered(call):
            answered = f"{call.operation or call.name} answered {call.status or 'success'}"
            yield case.of_segment(call, f"{answered}, but {call.failed_items} of its items failed")
    for of, signals in by_service(case.lines_with("partial-failure")):
        yield case.of_lines(signals, f"a batch of {of} went well, but some of its items failed: {in_short(signals[0])}")


def state_machine_failed(case: RuleContext) -> Iterator[Finding]:
    """An execution of Step Functions failed or timed out, while the one who started it was answered with 200."""
    tree = case.scene.tree
    found = False
    for fact in tree:
        if fact.origin.upper().startswith(_STEP_FUNCTIONS) and not fact.subsegment and failed(fact) and not case.scene.recovered(fact):
            found = True
            yield case.of_segment(fact, f"the execution of {fact.name} failed: {what_happened(fact, case.scene)}")
    if not found:
        for of, signals in by_service(case.lines_with("state-machine-failed")):
            yield case.of_lines(signals, f"an execution that {of} tells of failed: {in_short(signals[0])}")
