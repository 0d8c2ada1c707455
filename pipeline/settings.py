"""Settings: the one reader of the environment. It reports every fault at once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.model.log_groups import API_GATEWAY_LOG_GROUPS
from pipeline.model.service_url import endpoint_url, keeps_a_password, service_url

T = TypeVar("T")
TraceSource = Literal["auto", "BatchGetTraces", "StartTraceRetrieval", "aws/spans"]
TraceFormat = Literal["XRAY", "OTEL"]
OpenSearchService = Literal["auto", "es", "aoss"]

_PREFIX = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_TOPIC = re.compile(r"arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", re.ASCII)
_SECRET = re.compile(
    r"arn:[\w-]+:(secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}|ssm:[a-z0-9-]+:\d{12}:parameter/[\w./-]+)", re.ASCII
)
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=.@/-]+", re.ASCII)
_LONGEST_SQS_DELAY = 900
# the last one is that of dual-stack endpoints
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws")


def _setting(variable: str, default: T, parse: Callable[[str], T] | None = None, *, fallback: str = "", shown: bool = True) -> T:
    """A field of the settings, read from ``variable``, else from ``fallback``; without ``parse`` it is the text as it stands.

    A value that may hold a secret is not ``shown``: neither where it is wrong nor by `repr`.
    """
    return field(default=default, repr=shown, metadata={"variable": variable, "fallback": fallback, "parse": parse, "shown": shown})


def _read(setting: Field[Any], environment: Mapping[str, str], problems: list[str]) -> Any:
    """The value of one field; adds to ``problems`` and returns the default where the variable's value is wrong."""
    variable, fallback, parse = (setting.metadata[key] for key in ("variable", "fallback", "parse"))
    text = environment.get(variable, "") or (environment.get(fallback, "") if fallback else "")
    if parse is None:
        return text or setting.default
    if not (text := text.strip()):
        return setting.default
    try:
        return parse(text)
    except ValueError as error:
        problems.append(f"{variable}={text!r}: {error}" if setting.metadata["shown"] else f"{variable} {error}")
    except MisconfiguredError as error:
        # a rule file with problems of its own
        problems += error.problems
    return setting.default


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("must be a whole number above 0")
    return int(text)


def _endpoint(text: str) -> str:
    try:
        return endpoint_url(text)
    except ValueError as error:
        login = "a login goes into TRACEJOIN_OPENSEARCH_SECRET, or TRACEJOIN_USERNAME and TRACEJOIN_PASSWORD"
        raise ValueError(f"{error}, such as https://search.example.com:9200; {login}") from None


def _secret_arn(text: str) -> str:
    if not _SECRET.fullmatch(text):
        secret, parameter = (
            f"arn:aws:{name}" for name in ("secretsmanager:REGION:ACCOUNT:secret:NAME-a1B2c3", "ssm:REGION:ACCOUNT:parameter/NAME")
        )
        raise ValueError(f"must be the whole ARN of a secret of Secrets Manager or of a parameter of SSM: {secret} or {parameter}")
    return text


def _role_arns(text: str) -> tuple[str, ...]:
    roles = _names(text)
    if not all(_ROLE.fullmatch(role) for role in roles):
        raise ValueError("must be ARNs of IAM roles such as arn:aws:iam::123456789012:role/tracejoin-ship, commas between")
    return roles


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError("must start with a lower-case letter and hold only a-z, 0-9, _ and -, 50 characters at most")
    return text


def _paths(text: str) -> tuple[str, ...]:
    # imported here: few installations set any
    from pipeline.logs.extract.correlation_paths import paths  # noqa: PLC0415

    return paths(text)


def _on_or_off(text: str) -> bool:
    if text.lower() not in {"on", "off"}:
        raise ValueError("must be on or off")
    return text.lower() == "on"


def _secret_keys(text: str) -> tuple[str, ...]:
    # imported here: few installations set any
    from pipeline.redact.secret_keys import SecretKeys  # noqa: PLC0415

    names = _names(text)
    SecretKeys(names)
    return names


def _secret_patterns(text: str) -> tuple[str, ...]:
    # imported here: few installations set any
    from pipeline.redact.own_patterns import OwnPatterns  # noqa: PLC0415

    patterns = tuple(part.strip() for line in text.splitlines() for part in line.split(";") if part.strip())
    OwnPatterns(patterns)
    return patterns


def _redact_classes(text: str) -> tuple[str, ...]:
    # imported here: few installations set any
    from pipeline.redact.personal_data import checked_classes  # noqa: PLC0415

    return checked_classes(_names(text))


def _accounts(text: str) -> tuple[str, ...]:
    accounts = tuple(dict.fromkeys(_names(text)))
    if wrong := [account for account in accounts if not _ACCOUNT.fullmatch(account)]:
        raise ValueError(f"{wrong[0]!r} is no account id: give 12 digits each, with commas between")
    return accounts


def _log_groups(text: str) -> tuple[str, ...]:
    # imported here: only the subscribe function needs it
    from pipeline.provision.subscriptions.selector import LogGroupSelector  # noqa: PLC0415

    try:
        return LogGroupSelector(_names(text)).patterns
    except BadInputError as error:
        raise ValueError(str(error)) from error


def _topic(text: str) -> str:
    if not _TOPIC.fullmatch(text):
        raise ValueError("must be the ARN of an SNS topic such as arn:aws:sns:eu-west-1:123456789012:alerts")
    return text


def _rule_file(path: str) -> str:
    # imported here: few installations have one
    from pipeline.detect.rule_file import read_rule_file  # noqa: PLC0415

    read_rule_file(path)
    return path


def _delays(text: str) -> tuple[int, ...]:
    delays = tuple(_positive(part.strip()) for part in text.split(","))
    if max(delays) > _LONGEST_SQS_DELAY:
        raise ValueError(f"no delay may exceed {_LONGEST_SQS_DELAY} s, the longest that SQS keeps a message back")
    return delays


def _one_of(names: Any) -> Callable[[str], Any]:
    """A parser that takes one of a Literal's values, in upper or lower case."""
    by_name = {name.lower(): name for name in get_args(names)}

    def parse(text: str) -> Any:
        if text.lower() not in by_name:
            raise ValueError(f"must be one of {', '.join(by_name.values())}")
        return by_name[text.lower()]

    return parse


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Each field has its environment variable, default and parser beside it.

    Attributes:
        endpoint: TRACEJOIN_ENDPOINT, the URL of OpenSearch.
        opensearch_service: TRACEJOIN_OPENSEARCH_SERVICE, which service it is: es (an Amazon OpenSearch Service domain), aoss (a
            collection of type SEARCH of Amazon OpenSearch Serverless), or auto, which goes by the endpoint's host name. Set it where
            Amazon's service has another host name, such as a custom endpoint. Requests are signed for the service of this name.
        prefix: TRACEJOIN_PREFIX, the start of every index name, and the alias that covers them all.
        opensearch_secret: TRACEJOIN_OPENSEARCH_SECRET, the ARN of the secret that holds the login for OpenSearch, as JSON with `username`
            and `password`: a secret of AWS Secrets Manager, or a SecureString parameter of SSM. It is read with the first request.
        username: TRACEJOIN_USERNAME, for basic authentication without such a secret.
        password: TRACEJOIN_PASSWORD.
        function_roles: TRACEJOIN_FUNCTION_ROLES, comma separated ARNs of the IAM roles of `ship` and `resolve`, which `setup` maps to a
            role of OpenSearch's security plugin with the rights that they need; empty for none.
        region: AWS_REGION or AWS_DEFAULT_REGION, where Amazon's endpoints are.
        queue_url: TRACEJOIN_QUEUE_URL, the SQS queue from `ship` to `resolve`; empty on a laptop.
        own_log_group: AWS_LAMBDA_LOG_GROUP_NAME, the function's own log group; it is never shipped.
        excluded_log_groups: TRACEJOIN_EXCLUDED_LOG_GROUPS, comma separated; never shipped either.
        api_gateway_log_groups: TRACEJOIN_API_GATEWAY_LOG_GROUPS, comma separated, with `*` and `?`: only in these log groups are lines
            those of API Gateway's access log.
        allowed_accounts: TRACEJOIN_ALLOWED_ACCOUNTS, comma separated ids: only log events and spans of these accounts are shipped. The
            first one is the stack's own, whose spans no other account's replace. Empty on a laptop: all accounts.
        max_decompressed_bytes: TRACEJOIN_MAX_DECOMPRESSED_BYTES, the largest size of one record.
        max_line_chars: TRACEJOIN_MAX_LINE_CHARS; a longer line is cut and marked.
        correlation_paths: TRACEJOIN_CORRELATION_PATHS, JMESPath expressions, separated by semicolons, of further correlation ids in JSON
            lines; the usual keys are known without it.
        redact: TRACEJOIN_REDACT, on or off: whether secrets are taken out of everything that is indexed (docs/redaction.md).
        redact_keys: TRACEJOIN_REDACT_KEYS, comma separated: keys whose values are secret, beside the default ones; a `!` before a key takes
            it off the default ones.
        redact_patterns: TRACEJOIN_REDACT_PATTERNS, regular expressions, separated by semicolons or line ends, of further secrets.
        redact_classes: TRACEJOIN_REDACT_CLASSES, comma separated: personal data that is taken out as well, of the classes credit-cards,
            emails and ip-addresses (docs/redaction.md); none by default.
        rules_file: TRACEJOIN_RULES, a YAML file that sets the rules (`pipeline.detect.rule_file`); empty for the defaults alone.
        alert_topic: TRACEJOIN_ALERT_TOPIC, the ARN of the SNS topic that alerts are published to; empty for none.
        dashboards_url: TRACEJOIN_DASHBOARDS_URL, the URL of OpenSearch Dashboards; for an Amazon domain it follows from the endpoint.
        lookup_delays: TRACEJOIN_LOOKUP_DELAYS, seconds between the look-ups of a trace, comma separated.
        lookups_per_minute: TRACEJOIN_LOOKUPS_PER_MINUTE, the budget of calls to X-Ray of the whole account.
        trace_source: TRACEJOIN_TRACE_SOURCE, where traces come from: BatchGetTraces, StartTraceRetrieval, aws/spans, or auto, which
            asks X-Ray which of the first two works.
        trace_format: TRACEJOIN_TRACE_FORMAT, the format of StartTraceRetrieval's traces: XRAY or OTEL.
        workers: TRACEJOIN_WORKERS, how many workers share that budget.
        dead_letters_url: TRACEJOIN_DEAD_LETTERS_URL, the SQS queue for messages that can't be read as hints; empty on a laptop.
        log_groups: TRACEJOIN_LOG_GROUPS, comma separated patterns of the log groups to subscribe (`LogGroupSelector`).
        log_group_tag: TRACEJOIN_LOG_GROUP_TAG, `key` or `key=value`, the tag that these must have.
        filter_name: TRACEJOIN_FILTER_NAME, the name of the stack's subscription filters.
        filter_pattern: TRACEJOIN_FILTER_PATTERN, their filter pattern; empty for all events.
        ship_arn: TRACEJOIN_SHIP_ARN, their destination: the ship function.
        stack_id: TRACEJOIN_STACK_ID, the CloudFormation stack of the functions.
        retention_days: TRACEJOIN_RETENTION_DAYS, after how many days trace documents are deleted.
    """

    endpoint: str = _setting("TRACEJOIN_ENDPOINT", "http://localhost:9200", _endpoint, shown=False)
    opensearch_service: OpenSearchService = _setting("TRACEJOIN_OPENSEARCH_SERVICE", "auto", _one_of(OpenSearchService))  # noqa: RUF009
    prefix: str = _setting("TRACEJOIN_PREFIX", "tracejoin", _prefix)
    opensearch_secret: str = _setting("TRACEJOIN_OPENSEARCH_SECRET", "", _secret_arn, shown=False)
    username: str = _setting("TRACEJOIN_USERNAME", "", shown=False)
    password: str = _setting("TRACEJOIN_PASSWORD", "", shown=False)
    function_roles: tuple[str, ...] = _setting("TRACEJOIN_FUNCTION_ROLES", (), _role_arns)
    region: str = _setting("AWS_REGION", "", fallback="AWS_DEFAULT_REGION")
    queue_url: str = _setting("TRACEJOIN_QUEUE_URL", "", service_url, shown=False)
    own_log_group: str = _setting("AWS_LAMBDA_LOG_GROUP_NAME", "")
    excluded_log_groups: tuple[str, ...] = _setting("TRACEJOIN_EXCLUDED_LOG_GROUPS", (), _names)
    api_gateway_log_groups: tuple[str, ...] = _setting("TRACEJOIN_API_GATEWAY_LOG_GROUPS", API_GATEWAY_LOG_GROUPS, _names)
    allowed_accounts: tuple[str, ...] = _setting("TRACEJOIN_ALLOWED_ACCOUNTS", (), _accounts)
    max_decompressed_bytes: int = _setting("TRACEJOIN_MAX_DECOMPRESSED_BYTES", 32 * 1024 * 1024, _positive)
    max_line_chars: int = _setting("TRACEJOIN_MAX_LINE_CHARS", 256 * 1024, _positive)
    correlation_paths: tuple[str, ...] = _setting("TRACEJOIN_CORRELATION_PATHS", (), _paths)
    redact: bool = _setting("TRACEJOIN_REDACT", True, _on_or_off)
    redact_keys: tuple[str, ...] = _setting("TRACEJOIN_REDACT_KEYS", (), _secret_keys)
    redact_patterns: tuple[str, ...] = _setting("TRACEJOIN_REDACT_PATTERNS", (), _secret_patterns)
    redact_classes: tuple[str, ...] = _setting("TRACEJOIN_REDACT_CLASSES", (), _redact_classes)
    rules_file: str = _setting("TRACEJOIN_RULES", "", _rule_file)
    alert_topic: str = _setting("TRACEJOIN_ALERT_TOPIC", "", _topic)
    dashboards_url: str = _setting("TRACEJOIN_DASHBOARDS_URL", "", service_url, shown=False)
    lookup_delays: tuple[int, ...] = _setting("TRACEJOIN_LOOKUP_DELAYS", (10, 30, 120, 600), _delays)
    lookups_per_minute: int = _setting("TRACEJOIN_LOOKUPS_PER_MINUTE", 600, _positive)
    trace_source: TraceSource = _setting("TRACEJOIN_TRACE_SOURCE", "auto", _one_of(TraceSource))  # noqa: RUF009
    trace_format: TraceFormat = _setting("TRACEJOIN_TRACE_FORMAT", "XRAY", _one_of(TraceFormat))  # noqa: RUF009
    workers: int = _setting("TRACEJOIN_WORKERS", 1, _positive)
    retention_days: int = _setting("TRACEJOIN_RETENTION_DAYS", 14, _positive)
    dead_letters_url: str = _setting("TRACEJOIN_DEAD_LETTERS_URL", "", service_url, shown=False)
    log_groups: tuple[str, ...] = _setting("TRACEJOIN_LOG_GROUPS", (), _log_groups)
    log_group_tag: str = _setting("TRACEJOIN_LOG_GROUP_TAG", "")
    filter_name: str = _setting("TRACEJOIN_FILTER_NAME", "tracejoin")
    filter_pattern: str = _setting("TRACEJOIN_FILTER_PATTERN", "")
    ship_arn: str = _setting("TRACEJOIN_SHIP_ARN", "")
    stack_id: str = _setting("TRACEJOIN_STACK_ID", "")

    @property
    def service(self) -> Literal["", "es", "aoss"]:
        """Which of Amazon's services the endpoint belongs to, as SigV4 names it; empty for any other OpenSearch."""
        if self.opensearch_service != "auto":
            return self.opensearch_service
        host = urlsplit(self.endpoint).hostname or ""
        if not host.endswith(_AMAZON):
            return ""
        return "aoss" if ".aoss." in host else "es"

    @property
    def own_account(self) -> str:
        """The id of the account whose traces X-Ray answers for: the first allowed one; empty if all are allowed."""
        return self.allowed_accounts[0] if self.allowed_accounts else ""

    @property
    def has_login(self) -> bool:
        """Whether requests carry a user name and a password, instead of a signature or nothing."""
        return bool(self.opensearch_secret or self.username)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Reads the settings from ``environment``. Raises MisconfiguredError that names every fault."""
        problems: list[str] = []
        settings = cls(**{each.name: _read(each, environment, problems) for each in fields(cls)})
        if bool(settings.username) != bool(settings.password):
            problems.append("TRACEJOIN_USERNAME and TRACEJOIN_PASSWORD go together: set both or neither")
        if settings.opensearch_secret and settings.username:
            problems.append("TRACEJOIN_OPENSEARCH_SECRET and TRACEJOIN_USERNAME both name a login: set one of the two")
        if settings.has_login and not keeps_a_password(settings.endpoint):
            problems.append("TRACEJOIN_ENDPOINT is plain http to another computer, and would show the password on the way: use https")
        if problems:
            raise MisconfiguredError(problems)
        return settings
