"""Log groups: tells who writes to a log group or log stream: Lambda, API Gateway, AppSync, Transaction Search, or any program.

What a platform writes is evidence of another weight than what a program prints, though both may be the same text.
"""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Final, Literal

Writer = Literal["lambda", "api-gateway", "appsync", "program"]
"""The platform whose own lines stand in a log stream, beside those of the programs that it runs; or only programs."""

SPANS_LOG_GROUP: Final = "aws/spans"
"""Transaction Search writes spans to this log group, one OpenTelemetry span an event (CloudWatch user guide, "Transaction Search")."""

OPENSEARCH_LOG_GROUPS: Final = ("/aws/OpenSearchService/domains/", "/aws/aes/domains/")
"""The prefixes of the log groups of domains. They log our own writes, such as slow logs, and shipping these would never end."""

EXECUTION_LOG_GROUP: Final = "API-Gateway-Execution-Logs_"
"""API Gateway itself names the log group of a stage's execution log: this, the API's id, a slash and the stage (its developer guide)."""

API_GATEWAY_LOG_GROUPS: Final = (
    f"{EXECUTION_LOG_GROUP}*", "API-Gateway-Access-Logs*", "/aws/apigateway/*", "/aws/api-gateway/*", "/aws/vendedlogs/apigateway*",
    "/aws/vendedlogs/api-gateway*",
)  # fmt: skip
"""Names that the log groups of API Gateway usually have, with `*`; the log group of an access log may have any name."""

APPSYNC_LOG_GROUPS: Final = "/aws/appsync/apis/"
"""AppSync itself names the log group of an API: this and the API's id (its developer guide, "Monitoring and logging")."""

LAMBDA_LOG_GROUPS: Final = "/aws/lambda/"
"""The log group of a function is this and its name, unless it is configured (AWS Lambda developer guide, "Working with log groups")."""

# "YYYY/MM/DD/<function>[<version>]<id>" where functions share a log group, else without the function (AWS Lambda developer guide, "Working
# with log groups")
_LAMBDA_STREAM = re.compile(r"\d{4}/\d\d/\d\d/(?P<function>[^/\[\]]*)\[(?P<version>[^\]]+)\][0-9a-f]{32}")


def is_of_lambda(log_group: str, log_stream: str) -> bool:
    """Whether a log stream is one of a Lambda function's environments (AWS Lambda developer guide, "Viewing CloudWatch logs")."""
    return log_group.startswith(LAMBDA_LOG_GROUPS) or _LAMBDA_STREAM.fullmatch(log_stream) is not None


def version_in(log_stream: str) -> str:
    """The version of the function that the name of a Lambda log stream holds, such as ``17`` or ``$LATEST``; else empty."""
    named = _LAMBDA_STREAM.fullmatch(log_stream)
    return named["version"] if named else ""


def service_name_of(log_group: str, log_stream: str = "") -> str:
    """The service that a log stream is named after: the function in its own name, as functions that share a log group have it.

    Else it is what the log group is named after: a function's name, the id and stage of an API, else the last part of its path.
    """
    if log_stream and (named := _LAMBDA_STREAM.fullmatch(log_stream)) and named["function"]:
        return named["function"]
    api = log_group.removeprefix(EXECUTION_LOG_GROUP)
    return api if api != log_group else log_group.rpartition("/")[2]


def writer_of(log_group: str, log_stream: str, api_gateway: Sequence[str] = API_GATEWAY_LOG_GROUPS) -> Writer:
    """The writer of a log stream; ``api_gateway`` names the log groups that are API Gateway's, with `*` and `?`."""
    if _any_of(tuple(api_gateway)).match(log_group):
        return "api-gateway"
    if log_group.startswith(APPSYNC_LOG_GROUPS):
        return "appsync"
    return "lambda" if is_of_lambda(log_group, log_stream) else "program"


@lru_cache(maxsize=8)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    # without patterns nothing matches
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")
