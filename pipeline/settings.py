"""Settings: the one reader of the environment. It reports every fault at once."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from pipeline import setting_values as values
from pipeline.errors import MisconfiguredError
from pipeline.model.log_groups import API_GATEWAY_LOG_GROUPS
from pipeline.model.service_url import endpoint_url, keeps_a_password, service_url

T = TypeVar("T")
TraceSource = Literal["auto", "BatchGetTraces", "StartTraceRetrieval", "aws/spans"]
TraceFormat = Literal["XRAY", "OTEL"]
AlertPer = Literal["issue", "trace"]
OpenSearchService = Literal["auto", "es", "aoss"]
EnrichLines = Literal["all", "notable"]

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
        password: TRACEJOIN_PASSWORD, of that user.
        ca: TRACEJOIN_CA, a PEM file with the certificates of the authorities to trust for OpenSearch and Dashboards instead of the
            system's; of the command line, since the stack has none.
        insecure: TRACEJOIN_INSECURE, on or off: whether their certificates are not checked, for a trial on a laptop. A function refuses it.
        function_roles: TRACEJOIN_FUNCTION_ROLES, comma separated ARNs of the IAM roles of `ship` and `resolve`, which `setup` maps to a
            role of OpenSearch's security plugin with the rights that they need; empty for none.
        region: AWS_REGION or AWS_DEFAULT_REGION, where Amazon's endpoints are.
        queue_url: TRACEJOIN_QUEUE_URL, the SQS queue from `ship` to `resolve`; empty on a laptop.
        sweep_queue_url: TRACEJOIN_SWEEP_QUEUE_URL, the SQS queue whose messages run the sweep by need; empty where a schedule runs it.
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
        policy_file: TRACEJOIN_POLICY, a YAML file that says what of healthy traffic is kept (`pipeline.retain.policy_file`); empty for all.
        alert_topic: TRACEJOIN_ALERT_TOPIC, the ARN of the SNS topic that alerts are published to; empty for none.
        alert_per: TRACEJOIN_ALERT_PER, what is told once: an issue, which is all faults of one cause, or each trace.
        alert_growth: TRACEJOIN_ALERT_GROWTH, comma separated numbers of traces at which a growing issue is told again.
        issue_quiet_days: TRACEJOIN_ISSUE_QUIET_DAYS, after how many days without a trace an issue counts as resolved.
        dashboards_url: TRACEJOIN_DASHBOARDS_URL, the URL of OpenSearch Dashboards; for an Amazon domain it follows from the endpoint.
        page_url: TRACEJOIN_PAGE_URL, where people reach the page that `tracejoin serve` opens, for links in alerts; empty for nowhere.
        notify_secret: TRACEJOIN_NOTIFY_SECRET, the ARN of the secret with the channels that `notify` tells (docs/notifications.md).
        notify_private: TRACEJOIN_NOTIFY_PRIVATE, on or off: whether these may have addresses that only this network knows.
        notify_queue_url: TRACEJOIN_NOTIFY_QUEUE_URL, the SQS queue in which a message waits for each channel.
        notify_dead_letters_url: TRACEJOIN_NOTIFY_DEAD_LETTERS_URL, the SQS queue for what could not be told.
        lookup_delays: TRACEJOIN_LOOKUP_DELAYS, seconds between the look-ups of a trace, comma separated.
        lookups_per_minute: TRACEJOIN_LOOKUPS_PER_MINUTE, the budget of calls to X-Ray of the whole account; each other one has as much.
        trace_reader_role_arn: TRACEJOIN_TRACE_READER_ROLE_ARN, the ARN of the IAM role that is assumed to look up traces of another
            account, with `{account}` for its id; empty for none.
        trace_reader_external_id: TRACEJOIN_TRACE_READER_EXTERNAL_ID, the external id that its trust policy demands; empty for none.
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
        parked_bucket: TRACEJOIN_PARKED_BUCKET, the S3 bucket with the events that `ship` failed to process; empty on a laptop.
        enrich_lines: TRACEJOIN_ENRICH_LINES, which lines are written again with the verdict on their trace: all, or those of a notable one
            (`is_notable` in `pipeline.store.trace_document`); for the others the trace's record answers. OpenSearch Serverless has all.
        retention_days: TRACEJOIN_RETENTION_DAYS, after how many days everything is deleted that is not held.
    """

    endpoint: str = _setting("TRACEJOIN_ENDPOINT", "http://localhost:9200", values.endpoint, shown=False)
    opensearch_service: OpenSearchService = _setting("TRACEJOIN_OPENSEARCH_SERVICE", "auto", values.one_of(OpenSearchService))  # noqa: RUF009
    prefix: str = _setting("TRACEJOIN_PREFIX", "tracejoin", values.prefix)
    opensearch_secret: str = _setting("TRACEJOIN_OPENSEARCH_SECRET", "", values.secret_arn, shown=False)
    username: str = _setting("TRACEJOIN_USERNAME", "", shown=False)
    password: str = _setting("TRACEJOIN_PASSWORD", "", shown=False)
    ca: str = _setting("TRACEJOIN_CA", "", values.ca_file)
    insecure: bool = _setting("TRACEJOIN_INSECURE", False, values.on_or_off)
    function_roles: tuple[str, ...] = _setting("TRACEJOIN_FUNCTION_ROLES", (), values.role_arns)
    region: str = _setting("AWS_REGION", "", values.region, fallback="AWS_DEFAULT_REGION")
    queue_url: str = _setting("TRACEJOIN_QUEUE_URL", "", service_url, shown=False)
    sweep_queue_url: str = _setting("TRACEJOIN_SWEEP_QUEUE_URL", "", service_url, shown=False)
    own_log_group: str = _setting("AWS_LAMBDA_LOG_GROUP_NAME", "")
    excluded_log_groups: tuple[str, ...] = _setting("TRACEJOIN_EXCLUDED_LOG_GROUPS", (), values.names)
    api_gateway_log_groups: tuple[str, ...] = _setting("TRACEJOIN_API_GATEWAY_LOG_GROUPS", API_GATEWAY_LOG_GROUPS, values.names)
    allowed_accounts: tuple[str, ...] = _setting("TRACEJOIN_ALLOWED_ACCOUNTS", (), values.accounts)
    max_decompressed_bytes: int = _setting("TRACEJOIN_MAX_DECOMPRESSED_BYTES", 32 * 1024 * 1024, values.positive)
    max_line_chars: int = _setting("TRACEJOIN_MAX_LINE_CHARS", 256 * 1024, values.positive)
    correlation_paths: tuple[str, ...] = _setting("TRACEJOIN_CORRELATION_PATHS", (), values.paths)
    redact: bool = _setting("TRACEJOIN_REDACT", True, values.on_or_off)
    redact_keys: tuple[str, ...] = _setting("TRACEJOIN_REDACT_KEYS", (), values.secret_keys)
    redact_patterns: tuple[str, ...] = _setting("TRACEJOIN_REDACT_PATTERNS", (), values.secret_patterns)
    redact_classes: tuple[str, ...] = _setting("TRACEJOIN_REDACT_CLASSES", (), values.redact_classes)
    rules_file: str = _setting("TRACEJOIN_RULES", "", values.rule_file)
    policy_file: str = _setting("TRACEJOIN_POLICY", "", values.policy_file)
    alert_topic: str = _setting("TRACEJOIN_ALERT_TOPIC", "", values.topic)
    alert_per: AlertPer = _setting("TRACEJOIN_ALERT_PER", "issue", values.one_of(AlertPer))  # noqa: RUF009
    alert_growth: tuple[int, ...] = _setting("TRACEJOIN_ALERT_GROWTH", (10, 100, 1000), values.growth)
    issue_quiet_days: int = _setting("TRACEJOIN_ISSUE_QUIET_DAYS", 14, values.positive)
    dashboards_url: str = _setting("TRACEJOIN_DASHBOARDS_URL", "", service_url, shown=False)
    page_url: str = _setting("TRACEJOIN_PAGE_URL", "", endpoint_url, shown=False)
    notify_secret: str = _setting("TRACEJOIN_NOTIFY_SECRET", "", values.secret_arn, shown=False)
    notify_private: bool = _setting("TRACEJOIN_NOTIFY_PRIVATE", False, values.on_or_off)
    notify_queue_url: str = _setting("TRACEJOIN_NOTIFY_QUEUE_URL", "", service_url, shown=False)
    notify_dead_letters_url: str = _setting("TRACEJOIN_NOTIFY_DEAD_LETTERS_URL", "", service_url, shown=False)
    lookup_delays: tuple[int, ...] = _setting("TRACEJOIN_LOOKUP_DELAYS", (10, 30, 120, 600), values.delays)
    lookups_per_minute: int = _setting("TRACEJOIN_LOOKUPS_PER_MINUTE", 600, values.positive)
    trace_reader_role_arn: str = _setting("TRACEJOIN_TRACE_READER_ROLE_ARN", "", values.role_pattern)
    trace_reader_external_id: str = _setting("TRACEJOIN_TRACE_READER_EXTERNAL_ID", "", values.external_id)
    trace_source: TraceSource = _setting("TRACEJOIN_TRACE_SOURCE", "auto", values.one_of(TraceSource))  # noqa: RUF009
    trace_format: TraceFormat = _setting("TRACEJOIN_TRACE_FORMAT", "XRAY", values.one_of(TraceFormat))  # noqa: RUF009
    workers: int = _setting("TRACEJOIN_WORKERS", 1, values.positive)
    enrich_lines: EnrichLines = _setting("TRACEJOIN_ENRICH_LINES", "all", values.one_of(EnrichLines))  # noqa: RUF009
    retention_days: int = _setting("TRACEJOIN_RETENTION_DAYS", 14, values.retention_days)
    dead_letters_url: str = _setting("TRACEJOIN_DEAD_LETTERS_URL", "", service_url, shown=False)
    log_groups: tuple[str, ...] = _setting("TRACEJOIN_LOG_GROUPS", (), values.log_groups)
    log_group_tag: str = _setting("TRACEJOIN_LOG_GROUP_TAG", "")
    filter_name: str = _setting("TRACEJOIN_FILTER_NAME", "tracejoin")
    filter_pattern: str = _setting("TRACEJOIN_FILTER_PATTERN", "")
    ship_arn: str = _setting("TRACEJOIN_SHIP_ARN", "")
    stack_id: str = _setting("TRACEJOIN_STACK_ID", "")
    parked_bucket: str = _setting("TRACEJOIN_PARKED_BUCKET", "", values.bucket)

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
        if settings.trace_reader_external_id and not settings.trace_reader_role_arn:
            problems.append("TRACEJOIN_TRACE_READER_EXTERNAL_ID goes with TRACEJOIN_TRACE_READER_ROLE_ARN: set that, too")
        if settings.insecure and environment.get("AWS_LAMBDA_FUNCTION_NAME"):
            problems.append("TRACEJOIN_INSECURE is for the command line: a function checks every certificate")
        if problems:
            raise MisconfiguredError(problems)
        return settings
