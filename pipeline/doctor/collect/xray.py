"""X-Ray: reads X-Ray's settings, and which accounts share their traces."""

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.resources import Sampling
from pipeline.traces.sources.linked_accounts import sharing_traces


def read_destination(calls: Calls) -> str:
    """Where X-Ray stores segments: `XRay`, or `CloudWatchLogs` where Transaction Search is on."""
    return str(calls.call("xray", "get_trace_segment_destination").get("Destination") or "XRay")


def read_linked_accounts(calls: Calls) -> frozenset[str]:
    """The ids of the accounts that share their traces with this one, a monitoring account; one call per page, and per sink and page."""
    sinks = [sink["Arn"] for sink in calls.pages("oam", "list_sinks", "Items")]
    links = (link for sink in sinks for link in calls.pages("oam", "list_attached_links", "Items", SinkIdentifier=sink))
    return sharing_traces(links)


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
