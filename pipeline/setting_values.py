"""Setting values: reads the text of one setting each. Pure but for files that a setting names.

Each raises ValueError with what the text must be; what reads a file raises MisconfiguredError with every mistake in it.
"""

import re
from collections.abc import Callable
from typing import Any, get_args

from pipeline.errors import BadInputError
from pipeline.model.service_url import endpoint_url

_PREFIX = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_TOPIC = re.compile(r"arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", re.ASCII)
_SECRET = re.compile(
    r"arn:[\w-]+:(secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}|ssm:[a-z0-9-]+:\d{12}:parameter/[\w./-]+)", re.ASCII
)
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=.@/-]+", re.ASCII)
_ROLE_PATTERN = re.compile(r"arn:[\w-]+:iam::\{account\}:role/(?:[\w+=,.@/-]|\{account\}){1,512}", re.ASCII)
# AWS STS API reference, AssumeRole
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_LONGEST_SQS_DELAY = 900
_REGION = re.compile(r"(?=.*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII | re.IGNORECASE)
_SWITCH = {"on": True, "true": True, "off": False, "false": False}
_MOST_DAYS = 10_000
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)


def positive(text: str) -> int:
    """Reads a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("must be a whole number above 0")
    return int(text)


def retention_days(text: str) -> int:
    """Reads a number of days that OpenSearch can count back from now: it knows no time before 1970."""
    if (days := positive(text)) > _MOST_DAYS:
        raise ValueError(f"must be {_MOST_DAYS:,} at most, which is 27 years")
    return days


def endpoint(text: str) -> str:
    """Reads the URL of OpenSearch, without a login in it."""
    try:
        return endpoint_url(text)
    except ValueError as error:
        login = "a login goes into TRACEJOIN_OPENSEARCH_SECRET, or TRACEJOIN_USERNAME and TRACEJOIN_PASSWORD"
        raise ValueError(f"{error}, such as https://search.example.com:9200; {login}") from None


def ca_file(path: str) -> str:
    """Reads the path of a file with certificates of authorities, and checks the file."""
    # imported here: few installations have one
    import ssl  # noqa: PLC0415

    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ValueError("must be a file with certificates in PEM: -----BEGIN CERTIFICATE-----") from None
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None
    return path


def secret_arn(text: str) -> str:
    """Reads the ARN of a secret of Secrets Manager or of a parameter of SSM."""
    if not _SECRET.fullmatch(text):
        secret, parameter = (
            f"arn:aws:{name}" for name in ("secretsmanager:REGION:ACCOUNT:secret:NAME-a1B2c3", "ssm:REGION:ACCOUNT:parameter/NAME")
        )
        raise ValueError(f"must be the whole ARN of a secret of Secrets Manager or of a parameter of SSM: {secret} or {parameter}")
    return text


def bucket(text: str) -> str:
    """Reads the name of an S3 bucket."""
    if not _BUCKET.fullmatch(text):
        raise ValueError("must be the name of an S3 bucket: 3 to 63 of a-z, 0-9, . and -")
    return text


def role_arns(text: str) -> tuple[str, ...]:
    """Reads ARNs of IAM roles, comma separated."""
    roles = names(text)
    if not all(_ROLE.fullmatch(role) for role in roles):
        raise ValueError("must be ARNs of IAM roles such as arn:aws:iam::123456789012:role/tracejoin-ship, commas between")
    return roles


def role_pattern(text: str) -> str:
    """Reads the ARN of an IAM role with a placeholder for the account."""
    if not _ROLE_PATTERN.fullmatch(text):
        raise ValueError(
            "must be the ARN of an IAM role with {account} for the account: arn:aws:iam::{account}:role/tracejoin-trace-reader"
        )
    return text


def external_id(text: str) -> str:
    """Reads the external id of a role's trust policy."""
    if not _EXTERNAL_ID.fullmatch(text):
        raise ValueError("must be 2 to 1,224 of a-z, A-Z, 0-9 and _+=,.@:/-")
    return text


def prefix(text: str) -> str:
    """Reads the start of index names."""
    if not _PREFIX.fullmatch(text):
        raise ValueError("must start with a lower-case letter and hold only a-z, 0-9, _ and -, 50 characters at most")
    return text


def paths(text: str) -> tuple[str, ...]:
    """Reads the paths of correlation ids in JSON lines."""
    # imported here: few installations set any
    from pipeline.logs.extract.correlation_paths import paths  # noqa: PLC0415

    return paths(text)


def on_or_off(text: str) -> bool:
    """Reads `on` or `off`, or TOML's `true` or `false`."""
    if text.lower() not in _SWITCH:
        raise ValueError("must be on or off")
    return _SWITCH[text.lower()]


def region(text: str) -> str:
    """Reads the name of an AWS region. Source: botocore, `validate_region_name`, which wants a label of a host's name."""
    if not _REGION.fullmatch(text):
        raise ValueError("must be the name of an AWS region, such as eu-west-1")
    return text


def secret_keys(text: str) -> tuple[str, ...]:
    """Reads names of keys whose values are secret, comma separated."""
    # imported here: few installations set any
    from pipeline.redact.secret_keys import SecretKeys  # noqa: PLC0415

    found = names(text)
    SecretKeys(found)
    return found


def secret_patterns(text: str) -> tuple[str, ...]:
    """Reads regular expressions, a line or semicolon between."""
    # imported here: few installations set any
    from pipeline.redact.own_patterns import OwnPatterns  # noqa: PLC0415

    patterns = tuple(part.strip() for line in text.splitlines() for part in line.split(";") if part.strip())
    OwnPatterns(patterns)
    return patterns


def redact_classes(text: str) -> tuple[str, ...]:
    """Reads names of classes of personal data, comma separated."""
    # imported here: few installations set any
    from pipeline.redact.personal_data import checked_classes  # noqa: PLC0415

    return checked_classes(names(text))


def accounts(text: str) -> tuple[str, ...]:
    """Reads account ids, comma separated."""
    found = tuple(dict.fromkeys(names(text)))
    if wrong := [account for account in found if not _ACCOUNT.fullmatch(account)]:
        raise ValueError(f"{wrong[0]!r} is no account id: give 12 digits each, with commas between")
    return found


def log_groups(text: str) -> tuple[str, ...]:
    """Reads patterns of log groups, comma separated."""
    # imported here: only the subscribe function needs it
    from pipeline.provision.subscriptions.selector import LogGroupSelector  # noqa: PLC0415

    try:
        return LogGroupSelector(names(text)).patterns
    except BadInputError as error:
        raise ValueError(str(error)) from error


def topic(text: str) -> str:
    """Reads the ARN of an SNS topic."""
    if not _TOPIC.fullmatch(text):
        raise ValueError("must be the ARN of an SNS topic such as arn:aws:sns:eu-west-1:123456789012:alerts")
    return text


def rule_file(path: str) -> str:
    """Reads the path of a rule file, and checks the file."""
    # imported here: few installations have one
    from pipeline.detect.rule_file import read_rule_file  # noqa: PLC0415

    read_rule_file(path)
    return path


def policy_file(path: str) -> str:
    """Reads the path of a policy, and checks the file."""
    # imported here: few installations have one
    from pipeline.retain.policy_file import read_policy_file  # noqa: PLC0415

    read_policy_file(path)
    return path


def delays(text: str) -> tuple[int, ...]:
    """Reads seconds, comma separated, none longer than SQS keeps a message back."""
    found = tuple(positive(part.strip()) for part in text.split(","))
    if max(found) > _LONGEST_SQS_DELAY:
        raise ValueError(f"no delay may exceed {_LONGEST_SQS_DELAY} s, the longest that SQS keeps a message back")
    return found


def growth(text: str) -> tuple[int, ...]:
    """Reads whole numbers above 0, comma separated, into their order."""
    return tuple(sorted({positive(part.strip()) for part in text.split(",")}))


def one_of(names: Any) -> Callable[[str], Any]:
    """Returns a parser that takes one of a Literal's values, in upper or lower case."""
    by_name = {name.lower(): name for name in get_args(names)}

    def parse(text: str) -> Any:
        if text.lower() not in by_name:
            raise ValueError(f"must be one of {', '.join(by_name.values())}")
        return by_name[text.lower()]

    return parse


def names(text: str) -> tuple[str, ...]:
    """Reads names, comma separated."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
