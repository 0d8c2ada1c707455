"""Facts: what the checks judge, narrowed from the answers of AWS. Reading them is `pipeline.doctor.account`'s."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of the stack: its type such as `AWS::SQS::Queue`, and its name or URL at its service."""

    type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The deployed stack.

    Attributes:
        name, region, account, partition: where it is.
        status: as CloudFormation writes it, such as UPDATE_COMPLETE.
        reason: CloudFormation's words on the status.
        version: the output `Version`; empty where the stack has none.
        resources: by logical id.
    """

    name: str
    region: str
    account: str
    partition: str = "aws"
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    version: str = ""
    resources: Mapping[str, Resource] = field(default_factory=dict)

    def id_of(self, logical_id: str) -> str:
        """The name or URL of a resource; empty where the stack has none."""
        return self.resources[logical_id].id if logical_id in self.resources else ""

    def function_arn(self, name: str) -> str:
        """The ARN of a Lambda function of this account and region."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}"

    def log_group_arn(self, name: str) -> str:
        """The ARN of a log group of this account and region, without the `:*` at the end."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:{name}"

    @property
    def ship_arn(self) -> str:
        """The ARN of ship."""
        return self.function_arn(self.id_of("ShipFunction"))

    def is_ship(self, arn: str) -> bool:
        """Whether this ARN is ship, with or without a version or an alias."""
        return arn == self.ship_arn or arn.startswith(f"{self.ship_arn}:")

    def names(self, type_: str) -> list[str]:
        """The names of the stack's resources of one type."""
        return [resource.id for resource in self.resources.values() if resource.type == type_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function.

    Attributes:
        name: its name.
        log_group: where it logs.
        tracing: Active or PassThrough.
        log_format: Text or JSON.
        system_level: what of the platform's JSON records is kept: DEBUG, INFO, WARN; empty for text.
        application_level: what of its own JSON lines is kept; empty for text.
        environment: its variables.
        state, reason: its state at Lambda, and why; the state is empty where only the list was read.
    """

    name: str
    log_group: str = ""
    tracing: str = "PassThrough"
    log_format: str = "Text"
    system_level: str = ""
    application_level: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    reason: str = ""

    @property
    def is_pipeline(self) -> bool:
        """Whether it belongs to a tracejoin stack, this one or another: only those have these settings."""
        return {"TRACEJOIN_ENDPOINT", "TRACEJOIN_QUEUE_URL"} <= self.environment.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A statement of a function's resource policy that lets a service invoke it: from which ARN, empty for any."""

    service: str
    source_arn: str = ""
    source_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What X-Ray records: a sampling rule's share of requests beyond its reservoir (0 to 1), which of each second."""

    rule: str
    fixed_rate: float
    reservoir: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of API Gateway.

    Attributes:
        kind: REST or HTTP.
        api_id, api_name, name: which one.
        destination: the ARN that its access log goes to; empty for none.
        format: of its access log.
        tracing: whether X-Ray traces it; always False for HTTP.
    """

    kind: str
    api_id: str
    api_name: str
    name: str
    destination: str = ""
    format: str = ""
    tracing: bool = False

    @property
    def title(self) -> str:
        """The stage as a person calls it."""
        return f"{self.api_name or self.api_id}/{self.name}"

    @property
    def log_group(self) -> str:
        """The log group of its access log; empty where it has none or logs elsewhere."""
        _, found, rest = self.destination.partition(":log-group:")
        return rest.removesuffix(":*") if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An SQS queue: its ARN, and about how many messages wait in it."""

    arn: str
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A CloudWatch alarm: its state (OK, ALARM, INSUFFICIENT_DATA), why, and what it is for."""

    name: str
    state: str
    reason: str = ""
    description: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A function's last hour."""

    invocations: int = 0
    errors: int = 0
    throttles: int = 0
