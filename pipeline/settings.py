"""The one reader of the environment. Reading never stops at the first fault: all of them are reported at once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pipeline.errors import BadInputError, MisconfiguredError

T = TypeVar("T")
TraceSource = Literal["auto", "BatchGetTraces", "StartTraceRetrieval", "aws/spans"]
TraceFormat = Literal["XRAY", "OTEL"]
OpenSearchService = Literal["auto", "es", "aoss"]

_PREFIX = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_TOPIC = re.compile(r"arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", re.ASCII)
_LONGEST_SQS_DELAY = 900
# the last is that of dual-stack endpoints
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, with its environment variable.

    Attributes:
        endpoint: TRACEJOIN_ENDPOINT, the URL of OpenSearch.
        opensearch_service: TRACEJOIN_OPENSEARCH_SERVICE, what is there: es (an Amazon OpenSearch Service domain), aoss (a collection of
            type SEARCH of Amazon OpenSearch Serverless), or auto, which goes by the endpoint's host name; to be set where Amazon's
            service has another name, such as a custom endpoint's. It also is the name that requests are signed for.
        prefix: TRACEJOIN_PREFIX, the start of every index name, and the alias that covers them all.
        username: TRACEJOIN_USERNAME, for basic authentication.
        password: TRACEJOIN_PASSWORD.
        region: AWS_REGION or AWS_DEFAULT_REGION, where Amazon's endpoints are.
        queue_url: TRACEJOIN_QUEUE_URL, the SQS queue from `ship` to `resolve`; empty on a laptop.
        own_log_group: AWS_LAMBDA_LOG_GROUP_NAME, which is never shipped.
        excluded_log_groups: TRACEJOIN_EXCLUDED_LOG_GROUPS, comma separated; never shipped either.
        max_decompressed_bytes: TRACEJOIN_MAX_DECOMPRESSED_BYTES, per record.
        max_line_chars: TRACEJOIN_MAX_LINE_CHARS; what is longer is cut and marked.
        correlation_paths: TRACEJOIN_CORRELATION_PATHS, JMESPath expressions, semicolons between: where JSON lines keep correlation ids,
            beside the keys that are known anyway.
        redact: TRACEJOIN_REDACT, on or off: whether what is secret is taken out of all that is indexed (docs/redaction.md).
        redact_keys: TRACEJOIN_REDACT_KEYS, comma separated: keys whose values are secret, beside the default ones; with a `!` before it a
            default is none.
        redact_patterns: TRACEJOIN_REDACT_PATTERNS, regular expressions, semicolons or line ends between: what they match is secret, too.
        rules_file: TRACEJOIN_RULES, a YAML file that sets the rules (`pipeline.detect.rule_file`); empty for the defaults alone.
        alert_topic: TRACEJOIN_ALERT_TOPIC, the ARN of the SNS topic that hidden faults are told to; empty for none.
        dashboards_url: TRACEJOIN_DASHBOARDS_URL, where OpenSearch Dashboards is; for an Amazon domain it follows from the endpoint.
        lookup_delays: TRACEJOIN_LOOKUP_DELAYS, seconds between the look-ups of a trace, comma separated.
        trace_source: TRACEJOIN_TRACE_SOURCE, where traces come from: BatchGetTraces, StartTraceRetrieval, aws/spans, or auto, which
            asks X-Ray which of the first two it answers.
        trace_format: TRACEJOIN_TRACE_FORMAT, what StartTraceRetrieval's traces are made of: XRAY or OTEL.
        lookups_per_minute: TRACEJOIN_LOOKUPS_PER_MINUTE, the budget of calls to X-Ray of the whole account.
        workers: TRACEJOIN_WORKERS, how many workers share that budget.
        dead_letters_url: TRACEJOIN_DEAD_LETTERS_URL, the SQS queue for messages that are no hints; empty on a laptop.
        log_groups: TRACEJOIN_LOG_GROUPS, comma separated patterns of the log groups to subscribe (`LogGroupSelector`).
        log_group_tag: TRACEJOIN_LOG_GROUP_TAG, `key` or `key=value` that these must carry.
        filter_name: TRACEJOIN_FILTER_NAME, the name of our subscription filters.
        filter_pattern: TRACEJOIN_FILTER_PATTERN, which events they let through; empty for all.
        ship_arn: TRACEJOIN_SHIP_ARN, where they send them.
        stack_id: TRACEJOIN_STACK_ID, the CloudFormation stack that all of it belongs to.
        retention_days: TRACEJOIN_RETENTION_DAYS, after which trace documents are deleted.
    """

    endpoint: str = "http://localhost:9200"
    opensearch_service: OpenSearchService = "auto"
    prefix: str = "tracejoin"
    username: str = ""
    password: str = ""
    region: str = ""
    queue_url: str = ""
    own_log_group: str = ""
    excluded_log_groups: tuple[str, ...] = ()
    max_decompressed_bytes: int = 32 * 1024 * 1024
    max_line_chars: int = 256 * 1024
    correlation_paths: tuple[str, ...] = ()
    redact: bool = True
    redact_keys: tuple[str, ...] = ()
    redact_patterns: tuple[str, ...] = ()
    rules_file: str = ""
    alert_topic: str = ""
    dashboards_url: str = ""
    lookup_delays: tuple[int, ...] = (10, 30, 120, 600)
    trace_source: TraceSource = "auto"
    trace_format: TraceFormat = "XRAY"
    lookups_per_minute: int = 600
    workers: int = 1
    retention_days: int = 14
    dead_letters_url: str = ""
    log_groups: tuple[str, ...] = ()
    log_group_tag: str = ""
    filter_name: str = "tracejoin"
    filter_pattern: str = ""
    ship_arn: str = ""
    stack_id: str = ""

    @property
    def service(self) -> Literal["", "es", "aoss"]:
        """Which of Amazon's services the endpoint is of, as SigV4 names them; empty for a cluster of one's own."""
        if self.opensearch_service != "auto":
            return self.opensearch_service
        host = urlsplit(self.endpoint).hostname or ""
        if not host.endswith(_AMAZON):
            return ""
        return "aoss" if ".aoss." in host else "es"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Settings out of ``environment``; raises MisconfiguredError that names every fault."""
        reader = _Reader(environment)
        default = cls()
        settings = cls(
            endpoint=reader.read("TRACEJOIN_ENDPOINT", _endpoint, default.endpoint),
            opensearch_service=reader.read("TRACEJOIN_OPENSEARCH_SERVICE", _one_of(OpenSearchService), default.opensearch_service),
            prefix=reader.read("TRACEJOIN_PREFIX", _prefix, default.prefix),
            username=environment.get("TRACEJOIN_USERNAME", ""),
            password=environment.get("TRACEJOIN_PASSWORD", ""),
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", ""),
            queue_url=reader.read("TRACEJOIN_QUEUE_URL", _url, default.queue_url),
            own_log_group=environment.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
            excluded_log_groups=_names(environment.get("TRACEJOIN_EXCLUDED_LOG_GROUPS", "")),
            max_decompressed_bytes=reader.read("TRACEJOIN_MAX_DECOMPRESSED_BYTES", _positive, default.max_decompressed_bytes),
            max_line_chars=reader.read("TRACEJOIN_MAX_LINE_CHARS", _positive, default.max_line_chars),
            correlation_paths=reader.read("TRACEJOIN_CORRELATION_PATHS", _paths, default.correlation_paths),
            redact=reader.read("TRACEJOIN_REDACT", _on_or_off, default.redact),
            redact_keys=reader.read("TRACEJOIN_REDACT_KEYS", _secret_keys, default.redact_keys),
            redact_patterns=reader.read("TRACEJOIN_REDACT_PATTERNS", _secret_patterns, default.redact_patterns),
            rules_file=reader.read("TRACEJOIN_RULES", _rule_file, default.rules_file),
            alert_topic=reader.read("TRACEJOIN_ALERT_TOPIC", _topic, default.alert_topic),
            dashboards_url=reader.read("TRACEJOIN_DASHBOARDS_URL", _url, default.dashboards_url),
            lookup_delays=reader.read("TRACEJOIN_LOOKUP_DELAYS", _delays, default.lookup_delays),
            lookups_per_minute=reader.read("TRACEJOIN_LOOKUPS_PER_MINUTE", _positive, default.lookups_per_minute),
            trace_source=reader.read("TRACEJOIN_TRACE_SOURCE", _one_of(TraceSource), default.trace_source),
            trace_format=reader.read("TRACEJOIN_TRACE_FORMAT", _one_of(TraceFormat), default.trace_format),
            workers=reader.read("TRACEJOIN_WORKERS", _positive, default.workers),
            retention_days=reader.read("TRACEJOIN_RETENTION_DAYS", _positive, default.retention_days),
            dead_letters_url=reader.read("TRACEJOIN_DEAD_LETTERS_URL", _url, default.dead_letters_url),
            log_groups=reader.read("TRACEJOIN_LOG_GROUPS", _log_groups, default.log_groups),
            log_group_tag=environment.get("TRACEJOIN_LOG_GROUP_TAG", ""),
            filter_name=environment.get("TRACEJOIN_FILTER_NAME") or default.filter_name,
            filter_pattern=environment.get("TRACEJOIN_FILTER_PATTERN", ""),
            ship_arn=environment.get("TRACEJOIN_SHIP_ARN", ""),
            stack_id=environment.get("TRACEJOIN_STACK_ID", ""),
        )
        if bool(settings.username) != bool(settings.password):
            reader.problems.append("TRACEJOIN_USERNAME and TRACEJOIN_PASSWORD go together: set both or neither")
        if reader.problems:
            raise MisconfiguredError(reader.problems)
        return settings


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        text = self._environment.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.problems.append(f"{name}={text!r}: {error}")
            return default
        except MisconfiguredError as error:
            # a file with problems of its own
            self.problems += error.problems
            return default


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("must be a whole number above 0")
    return int(text)


def _endpoint(text: str) -> str:
    try:
        return _url(text)
    except ValueError:
        raise ValueError("must be a URL such as https://search.example.com:9200") from None


def _url(text: str) -> str:
    parts = urlsplit(text)  # raises ValueError itself for a broken port or address
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL with http or https")
    _ = parts.port
    return text.rstrip("/")


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError("must start with a lower-case letter and hold only a-z, 0-9, _ and -, 50 characters at most")
    return text


def _paths(text: str) -> tuple[str, ...]:
    # imported here: few have any
    from pipeline.logs.extract.correlation_paths import paths  # noqa: PLC0415

    return paths(text)


def _on_or_off(text: str) -> bool:
    if text.lower() not in {"on", "off"}:
        raise ValueError("must be on or off")
    return text.lower() == "on"


def _secret_keys(text: str) -> tuple[str, ...]:
    # imported here: few have any
    from pipeline.redact.secret_keys import SecretKeys  # noqa: PLC0415

    names = _names(text)
    SecretKeys(names)
    return names


def _secret_patterns(text: str) -> tuple[str, ...]:
    # imported here: few have any
    from pipeline.redact.tokens import OwnPatterns  # noqa: PLC0415

    patterns = tuple(part.strip() for line in text.splitlines() for part in line.split(";") if part.strip())
    OwnPatterns(patterns)
    return patterns


def _log_groups(text: str) -> tuple[str, ...]:
    # imported here: one function needs them
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
    # imported here: few have one
    from pipeline.detect.rule_file import read_rule_file  # noqa: PLC0415

    read_rule_file(path)
    return path


def _delays(text: str) -> tuple[int, ...]:
    delays = tuple(_positive(part.strip()) for part in text.split(","))
    if max(delays) > _LONGEST_SQS_DELAY:
        raise ValueError(f"no delay may exceed {_LONGEST_SQS_DELAY} s, the longest that SQS keeps a message back")
    return delays


def _one_of(names: Any) -> Callable[[str], Any]:
    """Reads one of a Literal's names, in any case."""
    by_name = {name.lower(): name for name in get_args(names)}

    def parse(text: str) -> Any:
        if text.lower() not in by_name:
            raise ValueError(f"must be one of {', '.join(by_name.values())}")
        return by_name[text.lower()]

    return parse


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
