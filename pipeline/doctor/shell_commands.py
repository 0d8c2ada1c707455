"""Shell commands: the commands in remedies, quoted so that they can be pasted whatever the names hold."""

import shlex
from typing import Final

from pipeline.settings import Settings

# the shell's variables, so that no secret is printed
_KEYS: Final = '-u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN"'
_NAMED: Final = '-u "$TRACEJOIN_USERNAME:$TRACEJOIN_PASSWORD"'
_JQ: Final = """jq -r '.username+":"+.password'"""


def is_serverless(endpoint: str) -> bool:
    """Whether the endpoint is a collection of OpenSearch Serverless."""
    return Settings(endpoint=endpoint).service == "aoss"


def aws(region: str, *words: str) -> str:
    """The command of the AWS CLI with these ``words``, for this region."""
    return shlex.join(["aws", *words, *(["--region", region] if region else [])])


def curl(endpoint: str, settings: Settings, path: str, method: str = "GET") -> str:
    """The curl command of a request to OpenSearch, with the login where one is set, else with a signature for Amazon's services."""
    words = ["curl", "-sS", *(["-X", method] if method != "GET" else [])]
    if settings.opensearch_secret:
        words.append(f'-u "$({_read_secret(settings.opensearch_secret)} | {_JQ})"')
    elif settings.username:
        words.append(_NAMED)
    elif service := Settings(endpoint=endpoint).service:
        words.append(f"--aws-sigv4 aws:amz:{settings.region}:{service} {_KEYS}")
    return " ".join([*words, shlex.quote(f"{endpoint}{path}")])


def _read_secret(arn: str) -> str:
    """The command that prints the value of the secret ``arn``."""
    service, region = arn.split(":")[2:4]
    if service == "ssm":
        return aws(region, "ssm", "get-parameter", "--name", arn, "--with-decryption", "--query", "Parameter.Value", "--output", "text")
    return aws(region, "secretsmanager", "get-secret-value", "--secret-id", arn, "--query", "SecretString", "--output", "text")


def setup(endpoint: str, settings: Settings) -> str:
    """The command `tracejoin setup` for this endpoint, with those of its settings that are not the defaults."""
    default = Settings()
    given = [f"TRACEJOIN_PREFIX={settings.prefix}"] if settings.prefix != default.prefix else []
    given += [f"TRACEJOIN_RETENTION_DAYS={settings.retention_days}"] if settings.retention_days != default.retention_days else []
    given += [f"TRACEJOIN_DASHBOARDS_URL={shlex.quote(settings.dashboards_url)}"] if settings.dashboards_url else []
    return " ".join([*given, "tracejoin setup --endpoint", shlex.quote(endpoint)])
