"""The rules, by family: each takes a case and yields its findings. `docs/findings/` has a page for each family."""

from collections.abc import Callable, Iterator, Mapping

from pipeline.judge.case import Case
from pipeline.judge.families import downstream, edge, functions, payloads, platform, unsampled
from pipeline.judge.verdict import Finding

LOOKS: Mapping[str, Callable[[Case], Iterator[Finding]]] = {
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
    "timeout": platform.timeout,
    "out-of-memory": platform.out_of_memory,
    "crash": platform.crash,
    "unsampled-error": unsampled.unsampled_error,
}
