"""Resolve metrics: one invocation of resolve as CloudWatch metrics of the faults found and of the pipeline's own health."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from pipeline.alert.dispatch import Dispatch
from pipeline.resolution import Resolution
from shipper_function.metric_dimensions import NamedCounts
from shipper_function.stale_id_metric import count_stale

_HIDDEN_FAULTS: Final = NamedCounts("HiddenFaults", "service", "rule")
_MOST_NAMED = 10


def count(resolution: Resolution, metrics: Metrics, logger: Logger) -> None:
    """Adds all numbers of ``resolution`` to ``metrics``, and logs its warnings."""
    metrics.add_metric("traces_settled", MetricUnit.Count, resolution.settled)
    metrics.add_metric("xray_calls", MetricUnit.Count, resolution.calls)
    metrics.add_metric("lookups_put_off", MetricUnit.Count, resolution.put_off)
    metrics.add_metric("lookups_failed", MetricUnit.Count, resolution.failed_lookups)
    metrics.add_metric("traces_unwritable", MetricUnit.Count, len(resolution.unwritable))
    metrics.add_metric("bad_documents", MetricUnit.Count, resolution.bad_documents + len(resolution.passed_over))
    metrics.add_metric("glue_ids", MetricUnit.Count, len(resolution.too_common))
    metrics.add_metric("lines_sampled_out", MetricUnit.Count, resolution.sampled_out_lines)
    metrics.add_metric("bytes_sampled_out", MetricUnit.Bytes, resolution.sampled_out_bytes)
    count_stale(resolution.stale)
    if resolution.too_common:
        logger.warning("ids that too many traces show join none", extra={"ids": resolution.too_common[:_MOST_NAMED]})
    for reason in resolution.lookup_failures:
        logger.error("look-ups are put off, and traces are told by their log lines alone", extra={"reason": reason})
    metrics.add_metric("accounts_refused", MetricUnit.Count, len(resolution.refusals))
    for reason in resolution.refusals:
        logger.warning("another account refuses its traces, which are told by their log lines alone", extra={"reason": reason})
    for reason, number in Counter(resolution.unwritable.values()).most_common(_MOST_NAMED):
        logger.error("traces are left, since an index takes no writes", extra={"traces": number, "reason": reason})
    for reason in resolution.undeleted:
        logger.error("the sweep could not delete what is past its retention, or write service maps", extra={"reason": reason})
    if resolution.passed_over:
        logger.warning("documents of another program are passed over: delete them, or let it write to indices of its own",
                       extra={"documents": len(resolution.passed_over), "examples": resolution.passed_over[:_MOST_NAMED]})  # fmt: skip
    _count_faults(resolution.new_faults, metrics)
    _count_alerts(resolution.alerts, metrics, logger)


def _count_faults(noted: Mapping[str, Mapping[str, int]], metrics: Metrics) -> None:
    """Counts `HiddenFaults`, in all and by service and rule; ``noted`` holds the number of traces by service and rule."""
    pairs: dict[tuple[str, ...], int] = {(service, rule): number for service, rules in noted.items() for rule, number in rules.items()}
    metrics.add_metric("HiddenFaults", MetricUnit.Count, sum(pairs.values()))
    _HIDDEN_FAULTS.add(pairs)


def _count_alerts(alerts: Dispatch, metrics: Metrics, logger: Logger) -> None:
    metrics.add_metric("alerts_sent", MetricUnit.Count, alerts.sent)
    metrics.add_metric("alerts_held", MetricUnit.Count, len(alerts.held))
    metrics.add_metric("alerts_withdrawn", MetricUnit.Count, alerts.withdrawn)
    metrics.add_metric("alert_failures", MetricUnit.Count, len(alerts.failures))
    for latency in alerts.latencies:
        metrics.add_metric("alert_latency", MetricUnit.Milliseconds, latency)
    for reason in alerts.failures:
        logger.error("alerts wait", extra={"reason": reason})
