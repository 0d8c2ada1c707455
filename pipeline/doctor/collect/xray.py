"""X-Ray: reads X-Ray's settings."""

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.resources import Sampling


def read_destination(calls: Calls) -> str:
    """Where X-Ray stores segments: `XRay`, or `CloudWatchLogs` where Transaction Search is on."""
    return str(calls.call("xray", "get_trace_segment_destination").get("Destination") or "XRay")


def read_sampling(calls: Calls) -> tuple[Sampling, ...]:
    """X-Ray's sampling rules, by priority."""
    rules = [record["SamplingRule"] for record in calls.pages("xray", "get_sampling_rules", "SamplingRuleRecords")]
    rules.sort(key=lambda rule: rule.get("Priority", 10_000))
    return tuple(Sampling(rule=rule.get("RuleName", ""), fixed_rate=rule["FixedRate"], reservoir=rule["ReservoirSize"]) for rule in rules)


def read_indexed_share(calls: Calls) -> float:
    """The percentage of spans that Transaction Search indexes as trace summaries."""
    rules = calls.call("xray", "get_indexing_rules").get("IndexingRules", ())
    shares = [rule["Rule"]["Probabilistic"]["DesiredSamplingPercentage"] for rule in rules if "Probabilistic" in rule.get("Rule", {})]
    return float(shares[0]) if shares else 100.0
