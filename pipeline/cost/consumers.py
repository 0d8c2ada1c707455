"""Consumers: who used how much: what is stored, with what CloudWatch measured in place of what was estimated. Pure.

Lines name their writer; spans and traces name a service alone, and OpenSearch's disk names nobody. So a service's spans and traces are
shared among its writers by their bytes, the disk of the logs among all writers by their bytes, and all other disk by spans.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.cost.aws_usage import AwsUsage, LogGroupUsage
from pipeline.search.stored_usage import StoredUsage, Writer

Known = Literal["measured", "estimated", "unknown"]
"""How a number is known: counted by AWS or on every document; worked out from a part of them or from an assumption; not at all."""


@dataclass(slots=True, kw_only=True)
class Consumer:
    """What one writer used within the period.

    Attributes:
        writer: who; its service is empty where its lines are not shipped.
        is_shipped: whether anything of it is stored.
        lines: log events.
        bytes: what CloudWatch Logs took in: the messages, and what it counts for each event beside them.
        known: how ``bytes`` is known.
        spans: stored spans.
        recorded: traces that X-Ray recorded and that began at its service.
        retrieved: traces that look-ups got from X-Ray.
        disk: bytes of OpenSearch's disk, of all that is stored.
    """

    writer: Writer
    is_shipped: bool = True
    lines: float = 0.0
    bytes: float = 0.0
    known: Known = "measured"
    spans: float = 0.0
    recorded: float = 0.0
    retrieved: float = 0.0
    disk: float = 0.0


def consumers(stored: StoredUsage, aws: AwsUsage, *, bytes_per_event: int) -> list[Consumer]:
    """Everybody who used something; ``bytes_per_event`` is what CloudWatch Logs counts for an event beside its message."""
    found = {
        writer: Consumer(
            writer=writer,
            lines=usage.count,
            bytes=usage.bytes + usage.count * bytes_per_event,
            # even an exact count of stored bytes misses what was filtered or redacted
            known="estimated",
        )
        for writer, usage in stored.lines.items()
    }
    _measure(found, aws)
    by_service: defaultdict[str, list[Consumer]] = defaultdict(list)
    for consumer in found.values():
        by_service[consumer.writer.service].append(consumer)
    for service in (*stored.spans, *stored.traces.recorded):
        if service not in by_service:
            writer = Writer(service=service)
            found[writer] = Consumer(writer=writer)
            by_service[service] = [found[writer]]
    for service, spans in stored.spans.items():
        for consumer, share in _shares(by_service[service]):
            consumer.spans += spans * share
    for service, recorded in stored.traces.recorded.items():
        for consumer, share in _shares(by_service[service]):
            consumer.recorded += recorded * share
    # what is stored of other times takes disk, too
    shipped = list(found.values()) or ([Consumer(writer=Writer())] if aws.log_groups else [])
    for consumer, share in _shares_by(shipped, [consumer.recorded for consumer in shipped]):
        consumer.retrieved = stored.traces.retrieved * share
    _share_disk(shipped, stored.disk or {})
    return [*shipped, *_not_shipped(stored.lines, aws)]


def _measure(found: Mapping[Writer, Consumer], aws: AwsUsage) -> None:
    """Puts CloudWatch's numbers of a log group in place of what is stored of it, shared among its services as they are stored."""
    groups: defaultdict[str, list[Consumer]] = defaultdict(list)
    for writer, consumer in found.items():
        if (writer.account, writer.region) == (aws.account, aws.region):
            groups[writer.log_group].append(consumer)
    for name, usage in aws.log_groups.items():
        for consumer, share in _shares(groups[name]):
            consumer.lines, consumer.bytes, consumer.known = usage.events * share, usage.bytes * share, "measured"


def _not_shipped(lines: Iterable[Writer], aws: AwsUsage) -> list[Consumer]:
    stored = {writer.log_group for writer in lines if (writer.account, writer.region) == (aws.account, aws.region)}
    rest: dict[str, LogGroupUsage] = {name: usage for name, usage in aws.log_groups.items() if name not in stored}
    return [
        Consumer(
            writer=Writer(account=aws.account, region=aws.region, log_group=name), is_shipped=False, lines=usage.events, bytes=usage.bytes
        )
        for name, usage in rest.items()
    ]


def _share_disk(shipped: Sequence[Consumer], disk: Mapping[str, int]) -> None:
    logs = disk.get("logs", 0)
    spans = [consumer.spans for consumer in shipped]
    for consumer, share in _shares(shipped):
        consumer.disk += logs * share
    for consumer, share in _shares_by(shipped, spans) if any(spans) else _shares(shipped):
        consumer.disk += (sum(disk.values()) - logs) * share


def _shares(sharers: Sequence[Consumer]) -> list[tuple[Consumer, float]]:
    return _shares_by(sharers, [consumer.bytes for consumer in sharers])


def _shares_by(sharers: Sequence[Consumer], weights: Sequence[float]) -> list[tuple[Consumer, float]]:
    """Each with its part of one; alike where nothing weighs anything."""
    total = sum(weights)
    return [(sharer, weight / total if total else 1 / len(sharers)) for sharer, weight in zip(sharers, weights, strict=True)]
