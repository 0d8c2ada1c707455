"""Resources: what the checks evaluate, narrowed from the responses of AWS. `pipeline.doctor.account` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of the stack: its type such as `AWS::SQS::Queue`, and its physical id (name or URL)."""

    type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The deployed CloudFormation stack.

    Attributes:
        name, region, account, partition: those of its ARN.
        status: CloudFormation's status, such as UPDATE_COMPLETE.
        reason: CloudFormation's reason for the status.
        version: the output `Version`; empty where the stack has none.
        parameters: its parameters as text; what is secret is masked by CloudFormation.
        resources: its resources by logical id.
    """

    name: str
    region: str
    account: str
    partition: str = "aws"
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    version: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)

    def id_of(self, logical_id: str) -> str:
        """The name or URL of the resource with this logical id; empty where the stack has none."""
        return self.resources[logical_id].id if logical_id in self.resources else ""

    def function_arn(self, name: str) -> str:
        """The ARN of a Lambda function of this account and region."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}"

    def log_group_arn(self, name: str) -> str:
        """The ARN of a log group of this account and region, without the `:*` at the end."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:{name}"

    @property
    def ship_arn(self) -> str:
        """The ARN of the ship function."""
        return self.function_arn(self.id_of("ShipFunction"))

    def is_ship(self, arn: str) -> bool:
        """Whether ``arn`` is the ship function's, with or without a version or an alias."""
        return arn == self.ship_arn or arn.startswith(f"{self.ship_arn}:")

    def names(self, type_: str) -> list[str]:
        """The names of the stack's resources of one type."""
        return [resource.id for resource in self.resources.values() if resource.type == type_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function.

    Attributes:
        name: its name.
        log_group: the name of its log group.
        tracing: Active or PassThrough.
        log_format: Text or JSON.
        system_level: the least level of platform records that are logged: DEBUG, INFO, WARN; empty for text.
        application_level: the least level of its own lines that are logged; empty for text.
        environment: its environment variables.
        memory_mb: the memory that it has.
        state, reason: Lambda's state of it, and the reason; the state is empty where only ListFunctions was read.
    """

    name: str
    log_group: str = ""
    tracing: str = "PassThrough"
    log_format: str = "Text"
    system_level: str = ""
    application_level: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    state: str = ""
    reason: str = ""

    @property
    def is_pipeline(self) -> bool:
        """Whether it belongs to a tracejoin stack, this one or another, known by its environment variables."""
        return {"TRACEJOIN_ENDPOINT", "TRACEJOIN_QUEUE_URL"} <= self.environment.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A statement of a function's resource policy that lets a service invoke it; an empty ARN or account means any."""

    service: str
    source_arn: str = ""
    source_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """An X-Ray sampling rule: its reservoir in requests per second, and the rate beyond it (0 to 1)."""

    rule: str
    fixed_rate: float
    reservoir: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of API Gateway.

    Attributes:
        kind: REST or HTTP.
        api_id, api_name, name: those of the API and the stage.
        destination: the ARN of its access log's destination; empty for none.
        format: the format of its access log.
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
        """The API's name or id, and the stage's name, as API/STAGE."""
        return f"{self.api_name or self.api_id}/{self.name}"

    @property
    def log_group(self) -> str:
        """The log group of its access log; empty where it has no access log or another destination."""
        _, found, rest = self.destination.partition(":log-group:")
        return rest.removesuffix(":*") if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An SQS queue: its ARN, and the approximate number of messages in it."""

    arn: str
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A CloudWatch alarm: its state (OK, ALARM, INSUFFICIENT_DATA), the reason, its description and its metric."""

    name: str
    state: str
    reason: str = ""
    description: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A function's invocations, errors and throttles within the last hour."""

    invocations: int = 0
    errors: int = 0
    throttles: int = 0
