"""Payloads: the failure is in the data that comes with a success."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, in_short, what_happened
from pipeline.detect.segment_outcome import failed
from pipeline.detect.verdict import Finding

_STEP_FUNCTIONS = "AWS::STEPFUNCTIONS"


def error_payload_behind_200(context: RuleContext) -> Iterator[Finding]:
    """Finds a logged response with a status of 500 or more, an error's type and message, or GraphQL errors, behind a success."""
    response = context.view.response
    if response.saw == "success":
        for service, signals in context.by_speaker(context.lines_with("error-payload")):
            evidence = f"the caller was told {response}, but a response that {service} shows is an error: {in_short(signals[0])}"
            yield context.of_lines(signals, evidence)


def batch_partial_failure(context: RuleContext) -> Iterator[Finding]:
    """Finds a batch that went well as a whole while some of its items failed."""
    for call in context.view.tree:
        if call.failed_items and not failed(call) and not context.view.recovered(call):
            answered = f"{call.operation or call.name} answered {call.status or 'success'}"
            yield context.of_segment(call, f"{answered}, but {call.failed_items} of its items failed")
    for service, signals in context.by_speaker(context.lines_with("partial-failure")):
        yield context.of_lines(signals, f"a batch of {service} went well, but some of its items failed: {in_short(signals[0])}")


def state_machine_failed(context: RuleContext) -> Iterator[Finding]:
    """Finds a Step Functions execution that failed or timed out while its caller was answered with 200."""
    tree = context.view.tree
    found = False
    for fact in tree:
        if fact.origin.upper().startswith(_STEP_FUNCTIONS) and not fact.subsegment and failed(fact) and not context.view.recovered(fact):
            found = True
            yield context.of_segment(fact, f"the execution of {fact.name} failed: {what_happened(fact, context.view)}")
    if not found:
        for service, signals in context.by_speaker(context.lines_with("state-machine-failed")):
            yield context.of_lines(signals, f"an execution that {service} tells of failed: {in_short(signals[0])}")
