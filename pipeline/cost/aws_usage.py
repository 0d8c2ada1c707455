"""AWS usage: what CloudWatch and CloudFormation know of a period; `pipeline.doctor.collect.usage` reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroupUsage:
    """What a log group took in: log events, and their uncompressed bytes."""

    events: float = 0.0
    bytes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The OpenSearch domain of a stack: the type and the number of its nodes, and the volume of each in GiB."""

    node: str
    count: int
    volume_gib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsUsage:
    """What AWS says of one account and region within a period; None is what could not be read, or does not exist.

    Attributes:
        account, region: empty where AWS was not asked.
        log_groups: by name, those that took something in.
        invocations: how often the stack's functions were invoked.
        gb_seconds: what they ran, by the memory that they have.
        queue_requests: requests to the stack's queues, each message counted as its own.
        alarms: how many the stack has now.
        metrics: how many custom metrics tracejoin wrote within the last two weeks.
        opensearch: the stack's parameter `OpenSearch`: domain, serverless or existing; empty where no stack was read.
        domain: the domain that the stack made.
        missing: what could not be read and why, a sentence each.
    """

    account: str = ""
    region: str = ""
    log_groups: Mapping[str, LogGroupUsage] = field(default_factory=dict)
    invocations: float | None = None
    gb_seconds: float | None = None
    queue_requests: float | None = None
    alarms: int | None = None
    metrics: int | None = None
    opensearch: str = ""
    domain: Domain | None = None
    missing: tuple[str, ...] = ()
