"""Log groups: recognises aws/spans, OpenSearch's own log groups, and the log streams of Lambda."""

import re
from typing import Final

SPANS_LOG_GROUP: Final = "aws/spans"
"""Transaction Search writes spans to this log group, one OpenTelemetry span an event (CloudWatch user guide, "Transaction Search")."""

OPENSEARCH_LOG_GROUPS: Final = ("/aws/OpenSearchService/domains/", "/aws/aes/domains/")
"""The prefixes of the log groups of domains. They log our own writes, such as slow logs, and shipping these would never end."""

_LAMBDA_STREAM = re.compile(r"\d{4}/\d\d/\d\d/[^/]*\[[^\]]+\][0-9a-f]{32}")


def is_of_lambda(log_group: str, log_stream: str) -> bool:
    """Whether a log stream is one of a Lambda function's environments (AWS Lambda developer guide, "Viewing CloudWatch logs")."""
    return log_group.startswith("/aws/lambda/") or _LAMBDA_STREAM.fullmatch(log_stream) is not None
