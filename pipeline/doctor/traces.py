"""Traces: checks that the source of traces works, and that X-Ray records traces."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from pipeline.doctor.check import Check
from pipeline.doctor.check_result import CheckResult, fine, problem, warning
from pipeline.doctor.resources import Function, Sampling, Stack
from pipeline.doctor.shell_commands import aws
from pipeline.doctor.subscription_state import Subscriptions
from pipeline.model.log_groups import SPANS_LOG_GROUP
from pipeline.model.places import ACCESS
from pipeline.settings import Settings, TraceSource

_SEARCH: Final = "CloudWatchLogs"
_DEFAULT_RULE: Final = "Default"
_MOST: Final = 0.5


def source(setting: TraceSource, destination: str, region: str, stack: str) -> Iterator[CheckResult]:
    """Reports a setting of the trace source that can't work in this account.

    Args:
        setting: TRACEJOIN_TRACE_SOURCE.
        destination: where X-Ray stores segments, XRay or CloudWatchLogs.
        region: X-Ray's AWS region.
        stack: the stack's name; empty on a laptop.
    """
    searching = destination == _SEARCH
    change = f"Deploy {stack} again with the parameter TraceSource=auto." if stack else "Set TRACEJOIN_TRACE_SOURCE=auto."
    turn_on = aws(region, "xray", "update-trace-segment-destination", "--destination", _SEARCH)
    if setting == "BatchGetTraces" and searching:
        message = "Transaction Search is on, so BatchGetTraces finds no trace: all of them end as sourceDisabled"
        yield problem("TRACEJOIN_TRACE_SOURCE", message, change)
    elif setting == "StartTraceRetrieval" and not searching:
        message = "Transaction Search is off, so StartTraceRetrieval has nothing to retrieve"
        yield problem("TRACEJOIN_TRACE_SOURCE", message, f"{change} Or turn Transaction Search on: {turn_on}")
    elif setting == "aws/spans" and not searching:
        message = "Transaction Search is off, so X-Ray writes no spans to aws/spans"
        yield problem(SPANS_LOG_GROUP, message, f"Turn Transaction Search on: {turn_on}")


def accounts(stack: Stack, settings: Settings, linked: Callable[[], Collection[str]]) -> Iterator[CheckResult]:
    """Warns of accounts whose lines are shipped, and whose traces can't be looked up.

    Args:
        stack: the stack that ships them.
        settings: the accounts, the source of traces, and the role that reads traces.
        linked: reads which accounts share their traces with the stack's own; not called where nobody need know.
    """
    others = settings.allowed_accounts[1:]
    if not others or settings.trace_reader_role_arn or settings.trace_source == SPANS_LOG_GROUP:
        return
    shared = linked()
    for account in others:
        if account not in shared:
            message = "its lines are shipped, and there is no way to its traces: those that ran in it alone end as sourceUnavailable"
            yield warning(account, message, f"{ACCESS[0].upper()}{ACCESS[1:]} of {stack.name}.")


def spans_group(stack: Stack, setting: TraceSource, found: Subscriptions, filter_name: str) -> Iterator[CheckResult]:
    """Reports that aws/spans does not reach ship, where it is the source of traces."""
    if setting != "aws/spans" or any(group.name == SPANS_LOG_GROUP for group in found.subscribed()):
        return
    message = "TRACEJOIN_TRACE_SOURCE is aws/spans, and this log group has no subscription filter to ship"
    if SPANS_LOG_GROUP not in found.groups:
        message = "TRACEJOIN_TRACE_SOURCE is aws/spans, and there is no such log group: Transaction Search makes it"
    words = ["--log-group-name", SPANS_LOG_GROUP, "--filter-name", filter_name, "--filter-pattern", "", "--destination-arn", stack.ship_arn]
    yield problem(SPANS_LOG_GROUP, message, aws(stack.region, "logs", "put-subscription-filter", *words))


def sampling(region: str, rules: Sequence[Sampling], indexed: float | None) -> Iterator[CheckResult]:
    """Hints that X-Ray's default sampling rule does not record most requests.

    Args:
        region: X-Ray's AWS region.
        rules: X-Ray's sampling rules.
        indexed: the percentage of spans that Transaction Search indexes; None where it is off or can't be read.
    """
    default = next((rule for rule in rules if rule.rule == _DEFAULT_RULE), None)
    if default is None or default.fixed_rate >= _MOST:
        return
    message = (
        f"X-Ray's rule {default.rule} records {default.reservoir} requests a second and {default.fixed_rate:.0%} of the others:"
        " the lines of the rest end as unsampled, with their errors found all the same"
    )
    if indexed is not None:
        message += f"; the {indexed:g} % of spans that Transaction Search indexes are for X-Ray's own search, tracejoin needs none"
    shown = aws(region, "xray", "get-sampling-rules")
    yield fine(default.rule, message, f"Change one with aws xray update-sampling-rule; what there is: {shown}")


def tracing(region: str, functions: Sequence[Function], groups: Collection[str]) -> Iterator[CheckResult]:
    """Warns of shipped functions without active tracing: X-Ray records only those invocations whose caller was traced."""
    for function in functions:
        if function.tracing == "PassThrough" and function.log_group in groups and not function.is_pipeline:
            message = "its log group is shipped, and active tracing is off: its lines have a trace only where its caller was traced"
            words = ["update-function-configuration", "--function-name", function.name, "--tracing-config", "Mode=Active"]
            yield warning(function.name, message, aws(region, "lambda", *words))


CHECKS: Final = (
    Check("trace-source", "The source of traces that is set answers in this account.",
          lambda it: source(it.settings().trace_source, it.destination(), it.region, it.name if it.found_stack_or_none() else "")),
    Check("trace-accounts", "The traces of every account whose events are shipped can be looked up.",
          lambda it: accounts(it.stack(), it.settings(), it.linked_accounts)),
    Check("trace-spans", "Where traces come from aws/spans, that log group sends to ship.",
          lambda it: spans_group(it.stack(), it.settings().trace_source, it.subscriptions(), it.filter_name())),
    Check("trace-sampling", "X-Ray records most requests.", lambda it: sampling(it.region, it.sampling(), it.indexed_share())),
    Check("tracing-function", "Every Lambda function whose log group is shipped has active tracing.",
          lambda it: tracing(it.region, it.functions(), it.subscribed_names())),
)  # fmt: skip
