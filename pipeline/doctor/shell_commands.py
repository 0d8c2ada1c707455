"""Shell commands: the commands in remedies, quoted so that they can be pasted whatever the names hold."""

import shlex
from typing import Final

from pipeline.settings import Settings

# the shell's variables, so that no secret is printed
_KEYS: Final = '-u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN"'
_NAMED: Final = '-u "$TRACEJOIN_USERNAME:$TRACEJOIN_PASSWORD"'


def is_serverless(endpoint: str) -> bool:
    """Whether the endpoint is a collection of OpenSearch Serverless."""
    return Settings(endpoint=endpoint).service == "aoss"


def aws(region: str, *words: str) -> str:
    """The command of the AWS CLI with these ``words``, for this region."""
    return shlex.join(["aws", *words, *(["--region", region] if region else [])])


def curl(endpoint: str, settings: Settings, path: str, method: str = "GET") -> str:
    """The curl command of a request to OpenSearch, with the user name where one is set, else with a signature for Amazon's services."""
    words = ["curl", "-sS", *(["-X", method] if method != "GET" else [])]
    if settings.username:
        words.append(_NAMED)
    elif service := Settings(endpoint=endpoint).service:
        words.append(f"--aws-sigv4 aws:amz:{settings.region}:{service} {_KEYS}")
    return " ".join([*words, shlex.quote(f"{endpoint}{path}")])


def setup(endpoint: str, settings: Settings) -> str:
    """The command `tracejoin setup` for this endpoint, with those of its settings that are not the defaults."""
    default = Settings()
    given = [f"TRACEJOIN_PREFIX={settings.prefix}"] if settings.prefix != default.prefix else []
    given += [f"TRACEJOIN_RETENTION_DAYS={settings.retention_days}"] if settings.retention_days != default.retention_days else []
    return " ".join([*given, "tracejoin setup --endpoint", shlex.quote(endpoint)])
