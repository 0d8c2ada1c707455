"""Engine: the table of all rules, and what runs them on a trace. `docs/findings/` has a page for each family."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from pipeline.detect.rule import Rules
from pipeline.detect.rule_context import RuleContext
from pipeline.detect.rules import downstream, durable, edge, functions, payloads, platform, unsampled
from pipeline.detect.trace_view import TraceView
from pipeline.detect.verdict import Finding

RULES: Mapping[str, Callable[[RuleContext], Iterator[Finding]]] = {
    "service-ok-function-failed": functions.service_ok_function_failed,
    "invoke-ok-function-error": functions.invoke_ok_function_error,
    "async-attempt-failed": functions.async_attempt_failed,
    "edge-ok-downstream-fault": downstream.edge_ok_downstream_fault,
    "throttled-downstream": downstream.throttled_downstream,
    "edge-ok-error-log": edge.edge_ok_error_log,
    "edge-error-trace-ok": edge.edge_error_trace_ok,
    "error-payload-behind-200": payloads.error_payload_behind_200,
    "batch-partial-failure": payloads.batch_partial_failure,
    "state-machine-failed": payloads.state_machine_failed,
    "durable-execution-failed": durable.durable_execution_failed,
    "timeout": platform.timeout,
    "out-of-memory": platform.out_of_memory,
    "crash": platform.crash,
    "unsampled-error": unsampled.unsampled_error,
}
_MOST_FINDINGS = 100


def find(view: TraceView, rules: Rules) -> tuple[Finding, ...]:
    """Runs the enabled ``rules`` on a trace and gives their findings, sorted.

    If there are too many, notices are left out first, then what only lines show, of each service the same number: one log cannot push out
    what is found in another.
    """
    found: set[Finding] = set()
    for name, run in RULES.items():
        rule = rules.get(name)
        if rule and rule.enabled:
            found |= {finding for finding in run(RuleContext(view, name, rule)) if rule.is_about(finding.service_name)}
    if len(found) <= _MOST_FINDINGS:
        return tuple(sorted(found))
    before = Counter[tuple[str, bool]]()
    ranked: list[tuple[str, bool, int, Finding]] = []
    for finding in sorted(found):
        of_lines = not finding.span_id
        group = (finding.service_name, of_lines)
        ranked.append((finding.severity, of_lines, before[group], finding))
        before[group] += 1
    return tuple(sorted(finding for *_, finding in sorted(ranked)[:_MOST_FINDINGS]))
