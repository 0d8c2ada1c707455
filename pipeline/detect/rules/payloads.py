"""Payloads: the failure is in the data that comes with a success."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, in_short, what_happened
from pipeline.detect.segment_outcome import CLIENT_ERROR, failed, is_execution
from pipeline.detect.verdict import Finding
from pipeline.model.facts import SegmentFact


def error_payload_behind_200(context: RuleContext) -> Iterator[Finding]:
    """Finds a logged response with a status of 500 or more, an error's type and message, or GraphQL errors, behind a success."""
    response = context.view.response
    if response.saw == "success":
        by_span = dict(_graphql_errors(context))
        yield from by_span.values()
        for service, signals in context.by_speaker(context.lines_with("error-payload")):
            if service in by_span:
                continue
            evidence = f"the caller was told {response}, but a response that {service} shows is an error: {in_short(signals[0])}"
            yield context.of_lines(signals, evidence)


def _graphql_errors(context: RuleContext) -> Iterator[tuple[str, Finding]]:
    """By service, a finding of the GraphQL response with errors that its spans tell of: several may tell of one, the first with a name."""
    tree = context.view.tree
    found: dict[str, list[SegmentFact]] = {}
    for fact in tree:
        hidden = fact.graphql_errors and (fact.status or 0) < CLIENT_ERROR and not context.view.recovered(fact)
        if hidden and not context.expects(fact):
            found.setdefault(tree.service_name(fact), []).append(fact)
    for service, facts in sorted(found.items()):
        fact = min(facts, key=lambda each: (not each.exception_type, tree.depth(each), each.start or 0, each.id))
        errors = f"{fact.graphql_errors} error{'s' if fact.graphql_errors > 1 else ''}"
        said = ": ".join(filter(None, (fact.exception_type, fact.exception_message)))
        evidence = f"the caller was told {context.view.response}, but a GraphQL response of {service} has {errors}"
        yield service, context.of_segment(fact, f"{evidence}: {said}" if said else evidence)


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
        if is_execution(fact) and failed(fact) and not context.view.recovered(fact):
            found = True
            yield context.of_segment(fact, f"the execution of {fact.name} failed: {what_happened(fact, context.view)}")
    if not found:
        for service, signals in context.by_speaker(context.lines_with("state-machine-failed")):
            yield context.of_lines(signals, f"an execution that {service} tells of failed: {in_short(signals[0])}")
