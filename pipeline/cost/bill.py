"""Bill: what was used, in dollars a month, by who used it and by part. Pure.

Prices are list prices: no free tier, no discount, and of prices that fall with the amount the first. A month has 730 hours, as AWS counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pipeline.cost.aws_usage import AwsUsage, Domain
from pipeline.cost.consumers import Consumer, Known, consumers
from pipeline.cost.prices import Prices
from pipeline.model.log_groups import LAMBDA_LOG_GROUPS
from pipeline.search.stored_usage import StoredUsage

By = Literal["service", "function", "log-group"]
NOT_SHIPPED: Final = "(not shipped)"
NO_NAME: Final = "(unknown)"
NO_FUNCTION: Final = "(no function)"
HOURS_A_MONTH: Final = 730
SHORTEST_HOURS: Final = 1.0
"""A period counts as no shorter, since a month of it would be a guess."""
_GB: Final = 1e9
_GIB: Final = 2**30
# the parts that each consumer has a share of
_SHARED: Final = ("CloudWatch ingestion", "CloudWatch storage", "X-Ray recorded", "X-Ray retrieved", "OpenSearch disk")
_INGESTION, _STORAGE, _RECORDED, _RETRIEVED, _DISK = _SHARED
_NODES: Final = "OpenSearch nodes"
_NO_STACK: Final = "needs the stack: --stack, and AWS credentials"
_OTHER_OPENSEARCH: Final = {
    "serverless": "OpenSearch Serverless bills the hours of its units, which are not asked for",
    "existing": "an OpenSearch that the stack did not make",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the bill.

    Attributes:
        name: what is paid for.
        amount: how much of it in a month; None where it is unknown.
        unit: what ``amount`` counts.
        usd: dollars a month; None where they are unknown.
        known: how both are known.
        note: how they were worked out, or why they are unknown; may be empty.
    """

    name: str
    amount: float | None
    unit: str
    usd: float | None
    known: Known
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Row:
    """What one service, function or log group used within the period, and what that costs in a month.

    Attributes:
        name: its name.
        lines, bytes, spans, recorded, retrieved, disk: as `Consumer` has them, added up.
        known: how ``bytes`` is known; estimated where any of it is.
        usd: dollars a month by part.
    """

    name: str
    lines: float = 0.0
    bytes: float = 0.0
    spans: float = 0.0
    recorded: float = 0.0
    retrieved: float = 0.0
    disk: float = 0.0
    known: Known = "measured"
    usd: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_SHARED, 0.0))

    @property
    def total(self) -> float:
        """Dollars a month."""
        return sum(self.usd.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a period costs, projected to a month.

    Attributes:
        hours: the length of the period that was projected.
        rows: who logs most comes first.
        parts: those that the rows share, then those of tracejoin itself.
    """

    hours: float
    rows: tuple[Row, ...]
    parts: tuple[Part, ...]

    @property
    def total(self) -> float:
        """Dollars a month, of all parts that are known."""
        return sum(part.usd or 0.0 for part in self.parts)


def bill(stored: StoredUsage, aws: AwsUsage, prices: Prices, *, by: By = "service") -> Bill:
    """What the period costs in a month.

    Args:
        stored: what is stored; the period is the part of its own that has lines.
        aws: what AWS measured of the same period.
        prices: every price.
        by: what makes a row.
    """
    begun = max(stored.since, stored.first) if stored.first else stored.since
    hours = max((stored.until - begun).total_seconds() / 3600, SHORTEST_HOURS)
    # CloudWatch has the whole of what was asked for
    asked = max((stored.until - stored.since).total_seconds() / 3600, SHORTEST_HOURS)
    found = consumers(stored, aws, bytes_per_event=prices.bytes_per_event)
    rows: defaultdict[str, Row] = defaultdict(lambda: Row(name=""))
    ingested = 0.0
    for consumer in found:
        name = _name(consumer, by)
        row = rows[name]
        row.name = name
        for field_ in ("lines", "bytes", "spans", "recorded", "retrieved", "disk"):
            setattr(row, field_, getattr(row, field_) + getattr(consumer, field_))
        row.known = consumer.known if row.known == "measured" else row.known
        gigabytes = consumer.bytes / _GB * HOURS_A_MONTH / (asked if consumer.known == "measured" else hours)
        ingested += gigabytes
        for part, usd in _dollars(consumer, gigabytes, HOURS_A_MONTH / hours, prices, by_span=stored.traces.by_span).items():
            row.usd[part] += usd
    ordered = tuple(sorted(rows.values(), key=lambda row: (-row.bytes, -row.total, row.name)))
    shared = _shared_parts(stored, found, ordered, prices, ingested, HOURS_A_MONTH / hours)
    return Bill(hours=hours, rows=ordered, parts=(*shared, *_own_parts(stored, aws, prices, HOURS_A_MONTH / asked)))


def _name(consumer: Consumer, by: By) -> str:
    writer = consumer.writer
    if by == "log-group":
        return writer.log_group or NO_NAME
    if by == "function":
        name = writer.log_group.removeprefix(LAMBDA_LOG_GROUPS)
        return name if name != writer.log_group else NO_FUNCTION
    return (writer.service or NO_NAME) if consumer.is_shipped else NOT_SHIPPED


def _dollars(consumer: Consumer, gigabytes: float, months: float, prices: Prices, *, by_span: bool) -> Mapping[str, float]:
    """What a consumer pays in a month in which it logs so many ``gigabytes``; ``months`` projects what is stored of it."""
    return {
        _INGESTION: gigabytes * prices.usd("logs_ingestion"),
        _STORAGE: gigabytes * prices.compression * prices.usd("logs_storage"),
        _RECORDED: 0.0 if by_span else consumer.recorded * months * prices.usd("xray_recorded"),
        _RETRIEVED: consumer.retrieved * months * prices.usd("xray_retrieved"),
        _DISK: consumer.disk / _GIB * prices.usd("opensearch_volume"),
    }


def _shared_parts(
    stored: StoredUsage, found: Iterable[Consumer], rows: Sequence[Row], prices: Prices, ingested: float, months: float
) -> Iterable[Part]:
    traces, lines = stored.traces, stored.lines.values()
    is_measured = all(consumer.known == "measured" for consumer in found)
    read, stored_lines = sum(usage.sampled for usage in lines), sum(usage.count for usage in lines)
    from_sample = f"from the size of {read:,} of {stored_lines:,} stored lines, where CloudWatch does not tell"
    by_the_gb = "Transaction Search bills spans by the GB, for which there is no price here"
    segments = f"the traces with segments here, without {traces.unrecorded:,} that have none; X-Ray may have more"
    disk = None if stored.disk is None else sum(stored.disk.values()) / _GIB

    def part(name: str, amount: float | None, unit: str, known: Known, note: str) -> Part:
        usd = None if known == "unknown" else sum(row.usd[name] for row in rows)
        return Part(name=name, amount=amount, unit=unit, usd=usd, known=known, note=note)

    yield part(_INGESTION, ingested, "GB", "measured" if is_measured else "estimated", "" if is_measured else from_sample)
    yield part(_STORAGE, ingested * prices.compression, "GB-months", "estimated", "one month; each month of retention costs this again")
    yield part(
        _RECORDED,
        sum(traces.recorded.values()) * months,
        "traces",
        *(("unknown", by_the_gb) if traces.by_span else ("estimated", segments)),
    )
    yield part(
        _RETRIEVED,
        traces.retrieved * months,
        "traces",
        "measured" if traces.exact else "estimated",
        "by tracejoin; not what people look at",
    )
    yield part(_DISK, disk, "GiB", *(("unknown", "OpenSearch does not tell the size of its indices") if disk is None
                                     else ("measured", "all that is stored now, as a part of a gp3 volume")))  # fmt: skip


def _own_parts(stored: StoredUsage, aws: AwsUsage, prices: Prices, months: float) -> Iterable[Part]:
    if aws.domain:
        yield from _domain_parts(stored, aws.domain, prices)
    else:
        yield Part(name=_NODES, amount=None, unit="nodes", usd=None, known="unknown", note=_OTHER_OPENSEARCH.get(aws.opensearch, _NO_STACK))
    if aws.invocations is None or aws.gb_seconds is None:
        yield _unread("Lambda", "invocations")
    else:
        usd = aws.gb_seconds * prices.usd("lambda_compute") + aws.invocations * prices.usd("lambda_requests")
        yield Part(name="Lambda", amount=aws.invocations * months, unit="invocations", usd=usd * months, known="measured",
                   note="of the stack's functions, without their own logs")  # fmt: skip
    yield _counted(
        "SQS", aws.queue_requests, months, "requests", prices.usd("sqs_requests"), "estimated", "each message as its own request"
    )
    yield _counted("CloudWatch metrics", aws.metrics, 1, "metrics", prices.usd("cloudwatch_metrics"), "measured", "of all tracejoin stacks")
    yield _counted("CloudWatch alarms", aws.alarms, 1, "alarms", prices.usd("cloudwatch_alarms"), "measured", "")


def _domain_parts(stored: StoredUsage, domain: Domain, prices: Prices) -> Iterable[Part]:
    hourly = prices.opensearch_nodes.get(domain.node)
    if hourly is None:
        yield Part(name=_NODES, amount=domain.count, unit="nodes", usd=None, known="unknown",
                   note=f"there is no price of {domain.node}: give one under opensearch_nodes in a file for --prices")  # fmt: skip
    else:
        yield Part(name=_NODES, amount=domain.count, unit="nodes", usd=domain.count * hourly * HOURS_A_MONTH, known="measured",
                   note=domain.node)  # fmt: skip
    free = max(domain.count * domain.volume_gib - sum((stored.disk or {}).values()) / _GIB, 0.0)
    yield Part(name="OpenSearch free disk", amount=free, unit="GiB", usd=free * prices.usd("opensearch_volume"), known="measured",
               note="the rest of the volumes, which is paid, too")  # fmt: skip


def _counted(name: str, count: float | None, months: float, unit: str, usd: float, known: Known, note: str) -> Part:
    if count is None:
        return _unread(name, unit)
    return Part(name=name, amount=count * months, unit=unit, usd=count * months * usd, known=known, note=note)


def _unread(name: str, unit: str) -> Part:
    return Part(name=name, amount=None, unit=unit, usd=None, known="unknown", note=_NO_STACK)
