"""Functions: the Lambda service answers well, and the function failed."""

from collections.abc import Iterator

from pipeline.detect.edge_response import is_http
from pipeline.detect.rule_context import RuleContext, in_short, what_happened
from pipeline.detect.segment_outcome import ACCEPTED, CLIENT_ERROR, FUNCTION, RAN, SERVICE, crashed
from pipeline.detect.verdict import Finding


def service_ok_function_failed(context: RuleContext) -> Iterator[Finding]:
    """Finds a function that failed, by its segments or API Gateway's log, while the Lambda service answered 200 or 202."""
    found: set[str] = set()
    tree = context.view.tree
    for service in tree:
        if service.origin != SERVICE or service.status not in RAN:
            continue
        culprit = tree.culprit_of(service)
        if culprit and not context.expects(culprit) and not context.view.recovered(service):
            found.add(service.request_id)
            happened = what_happened(culprit, context.view)
            evidence = f"Lambda answered {service.status}, but the function {service.name} failed: {happened}"
            yield context.of_segment(service, evidence, culprit=culprit)
    yield from _without_service(context)
    yield from _as_api_gateway_says(context, found)


def invoke_ok_function_error(context: RuleContext) -> Iterator[Finding]:
    """Finds an Invoke call that answers 200 with a function error, for which the X-Ray SDK sets no flag."""
    for call in context.view.tree:
        if call.function_error and (call.status or 0) < CLIENT_ERROR and not context.view.recovered(call) and not context.expects(call):
            answered = f"{call.operation or 'Invoke'} answered {call.status or 'success'}"
            about = f" of {call.target}" if call.target else ""
            yield context.of_segment(call, f"{answered}, but with a function error{about}: {call.function_error}")


def async_attempt_failed(context: RuleContext) -> Iterator[Finding]:
    """Finds an event that the Lambda service accepted with 202 and whose attempts failed, the last one included."""
    tree = context.view.tree
    for service in tree:
        if service.origin != SERVICE or service.status != ACCEPTED:
            continue
        attempts = tree.attempts_of(service)
        if attempts and not tree.attempt_went_well(attempts[-1]) and not attempts[-1].in_progress and not context.expects(attempts[-1]):
            happened = what_happened(attempts[-1], context.view)
            times = "the attempt" if len(attempts) == 1 else f"the last of {len(attempts)} attempts"
            yield context.of_segment(attempts[-1], f"{service.name} accepted the event with 202, but {times} failed: {happened}")


def _without_service(context: RuleContext) -> Iterator[Finding]:
    """Findings of functions whose only span is OpenTelemetry's: Lambda answers an Invoke with 200 whatever they do."""
    tree = context.view.tree
    for fact in tree:
        parent = tree.parent(fact)
        alone = fact.handler and (parent is None or parent.origin not in {SERVICE, FUNCTION})
        if alone and crashed(fact) and not is_http(fact) and not context.expects(fact) and not context.view.recovered(fact):
            failure = f"the function {tree.service_name(fact)} failed: {what_happened(fact, context.view)}"
            yield context.of_segment(fact, f"Lambda answers 200 to an Invoke, but {failure}")


def _as_api_gateway_says(context: RuleContext, found: set[str]) -> Iterator[Finding]:
    """Findings by API Gateway's execution log: "Lambda execution failed with status 200 due to customer function error"."""
    for signal in context.lines_with("function-error"):
        request = context.view.state.requests.get(signal.request)
        integration = request.integration_request_id if request else ""
        service = context.view.service_of(integration)
        if integration in found or (service and context.view.recovered(service)):
            continue
        found.add(integration)
        yield context.of_lines([signal], f"Lambda answered 200, but API Gateway's log says that the function failed: {in_short(signal)}")
