"""Functions: the Lambda service answers well, and the function failed."""

from collections.abc import Iterator

from pipeline.detect.rule_context import RuleContext, in_short, what_happened
from pipeline.detect.segment_outcome import ACCEPTED, CLIENT_ERROR, RAN, SERVICE
from pipeline.detect.verdict import Finding


def service_ok_function_failed(case: RuleContext) -> Iterator[Finding]:
    """The Lambda service answers 200 or 202 while it, or its function, says that it failed; API Gateway's log says it, too."""
    found: set[str] = set()
    tree = case.scene.tree
    for service in tree:
        if service.origin != SERVICE or service.status not in RAN:
            continue
        culprit = tree.culprit_of(service)
        if culprit and not case.expects(culprit) and not case.scene.recovered(service):
            found.add(service.request_id)
            happened = what_happened(culprit, case.scene)
            evidence = f"Lambda answered {service.status}, but the function {service.name} failed: {happened}"
            yield case.of_segment(service, evidence, culprit=culprit)
    yield from _as_api_gateway_says(case, found)


def invoke_ok_function_error(case: RuleContext) -> Iterator[Finding]:
    """An Invoke call answers 200 with a function error, on which the X-Ray SDK sets no flag."""
    for call in case.scene.tree:
        if call.function_error and (call.status or 0) < CLIENT_ERROR and not case.scene.recovered(call) and not case.expects(call):
            answered = f"{call.operation or 'Invoke'} answered {call.status or 'success'}"
            about = f" of {call.target}" if call.target else ""
            yield case.of_segment(call, f"{answered}, but with a function error{about}: {call.function_error}")


def async_attempt_failed(case: RuleContext) -> Iterator[Finding]:
    """The Lambda service accepts an event with 202, and its attempts fail, the last one included."""
    tree = case.scene.tree
    for service in tree:
        if service.origin != SERVICE or service.status != ACCEPTED:
            continue
        attempts = tree.attempts_of(service)
        if attempts and not tree.attempt_went_well(attempts[-1]) and not attempts[-1].in_progress and not case.expects(attempts[-1]):
            happened = what_happened(attempts[-1], case.scene)
            times = "the attempt" if len(attempts) == 1 else f"the last of {len(attempts)} attempts"
            yield case.of_segment(attempts[-1], f"{service.name} accepted the event with 202, but {times} failed: {happened}")


def _as_api_gateway_says(case: RuleContext, found: set[str]) -> Iterator[Finding]:
    """What API Gateway's execution log says: Lambda execution failed with status 200 due to customer function error."""
    for signal in case.lines_with("function-error"):
        request = case.scene.state.requests.get(signal.request)
        integration = request.integration_request_id if request else ""
        service = case.scene.service_of(integration)
        if integration in found or (service and case.scene.recovered(service)):
            continue
        found.add(integration)
        yield case.of_lines([signal], f"Lambda answered 200, but API Gateway's log says that the function failed: {in_short(signal)}")
