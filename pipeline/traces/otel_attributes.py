"""OpenTelemetry attributes: what they say of a call, in the current and the former names, on a span and on a segment made of one.

Sources: OpenTelemetry's semantic conventions (HTTP, RPC, messaging, FaaS, AWS SDK, GraphQL, `error.type`); the attributes `aws.local.…` and
`aws.remote.…` of CloudWatch Application Signals. The conventions name no attribute for the number of errors in a GraphQL response:
`graphql.error.count`, `graphql.errors.count` (also behind a vendor's prefix) are what servers write.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipeline.model.json_values import storable
from pipeline.traces.segment import http_status_in

FUNCTION: Final = "AWS::Lambda::Function"
_STATUSES: Final = ("http.response.status_code", "http.status_code")
_REQUESTS: Final = ("aws.request_id", "aws.request.id", "faas.invocation_id", "faas.execution")
# the resource of a call; a repetition of it goes to the same one
_RESOURCES: Final = (
    "aws.remote.resource.identifier", "aws.lambda.invoked_arn", "faas.invoked_name", "aws.lambda.function.name", "aws.dynamodb.table_names",
    "aws.table.name", "aws.queue.url", "aws.sqs.queue.url", "aws.queue_url", "aws.sns.topic.arn", "aws.stream.name",
    "aws.kinesis.stream_name", "aws.s3.bucket", "aws.bucket.name", "aws.secretsmanager.secret.arn",
    "aws.step_functions.state_machine.arn", "aws.stepfunctions.state_machine.arn", "messaging.destination.name", "messaging.destination",
    "messaging.url",
)  # fmt: skip
_HOSTS: Final = ("server.address", "net.peer.name", "peer.service")
_COUNT: Final = re.compile(r"(?:^|\.)graphql\.(?:response\.)?errors?[._]count$")
_MOST_ERRORS: Final = 1_000_000
# how the OpenTelemetry Collector (awsxrayexporter) names the attributes of the resource
_OF_RESOURCE: Final = "otel.resource."


def attributes_of_segment(annotations: object, metadata: object) -> dict[str, Any]:
    """Gives the attributes of the span that a segment was made of, with those of its resource; empty where an X-Ray SDK wrote it.

    X-Ray shows them as annotations and as metadata, by their own names, at its top or in the namespace ``default``.
    """
    found = values_of_segment(annotations, metadata)
    if not {"span.kind", "telemetry.sdk.name", f"{_OF_RESOURCE}telemetry.sdk.name"} & found.keys():
        return {}
    kept = storable({name: value for name, value in found.items() if not isinstance(value, dict)})
    return {str(name).removeprefix(_OF_RESOURCE): value for name, value in kept.items()} if isinstance(kept, dict) else {}


def values_of_segment(annotations: object, metadata: object) -> dict[str, Any]:
    """Gives the annotations and the metadata of a segment, at its top or in the namespace ``default``, whoever wrote it."""
    given = metadata if isinstance(metadata, dict) else {}
    inner = given.get("default")
    return {**given, **(inner if isinstance(inner, dict) else {}), **(annotations if isinstance(annotations, dict) else {})}


def status_in(attributes: Mapping[str, Any]) -> int | None:
    """Gives the HTTP status; an `error.type` that is one counts where no other attribute is there (semantic conventions, "HTTP spans")."""
    values = (http_status_in(attributes[name]) for name in _STATUSES if name in attributes)
    status = next((value for value in values if value is not None), None)
    kind = text_in(attributes, "error.type")
    return status if status is not None or not _is_status(kind) else int(kind)


def error_type_in(attributes: Mapping[str, Any]) -> str:
    """Gives `error.type` where it names an error rather than an HTTP status: only what failed has it (semantic conventions)."""
    kind = text_in(attributes, "error.type")
    return "" if _is_status(kind) else kind


def method_in(attributes: Mapping[str, Any]) -> str:
    """Gives the HTTP method."""
    return text_in(attributes, "http.request.method", "http.method")


def url_in(attributes: Mapping[str, Any]) -> str:
    """Gives the URL of a call; the path, with its query, of a server's request."""
    if whole := text_in(attributes, "url.full", "http.url"):
        return whole
    path, query = text_in(attributes, "url.path"), text_in(attributes, "url.query")
    return f"{path}?{query}" if path and query else path or text_in(attributes, "http.target")


def operation_in(attributes: Mapping[str, Any]) -> str:
    """Gives the operation of a call, such as ``PutItem``; newer RPC conventions write the service before it."""
    return text_in(attributes, "rpc.method", "aws.operation", "aws.remote.operation").rpartition("/")[2]


def target_in(attributes: Mapping[str, Any]) -> str:
    """Gives what a call goes to: the resource of an AWS call, a queue, or a host that is no endpoint of AWS."""
    return next(_texts(attributes, _RESOURCES if is_aws_call(attributes) else (*_RESOURCES, *_HOSTS)), "")


def request_id_in(attributes: Mapping[str, Any]) -> str:
    """Gives the request id of an AWS call, or of the invocation that a function's span is about."""
    return text_in(attributes, *_REQUESTS)


def function_error_in(attributes: Mapping[str, Any]) -> str:
    """Gives the function error that an Invoke was answered with."""
    return text_in(attributes, "aws.lambda.function_error", "aws.function_error")


def is_aws_call(attributes: Mapping[str, Any]) -> bool:
    """Whether a call goes to an API of AWS."""
    named = text_in(attributes, "rpc.system", "rpc.system.name") == "aws-api"
    return named or text_in(attributes, "aws.remote.service").startswith("AWS::")


def is_on_lambda(attributes: Mapping[str, Any], resource: Mapping[str, Any]) -> bool:
    """Whether a span is of a Lambda function."""
    return text_in(resource, "cloud.platform") == "aws_lambda" or text_in(attributes, "PlatformType") == "AWS::Lambda"


def graphql_errors_in(attributes: Mapping[str, Any], *, events: int, marked: int) -> int:
    """Gives the number of errors in the response to a GraphQL operation.

    Args:
        attributes: of the span.
        events: how many events named `graphql.error` it has.
        marked: how many errors it has if it is marked as failed, at least one; otherwise 0.
    """
    if events:
        return events
    if count := max((_count(value) for name, value in attributes.items() if _COUNT.search(name)), default=0):
        return count
    return marked if any(name.startswith("graphql.") for name in attributes) else 0


def text_in(attributes: Mapping[str, Any], *names: str) -> str:
    """Gives the first of these attributes that is text and not empty."""
    return next((value for name in names if isinstance(value := attributes.get(name), str) and value), "")


def _texts(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    """The texts of these attributes; of a list, such as a call's tables, all of them."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, list):
            value = ",".join(sorted(each for each in value if isinstance(each, str)))
        if isinstance(value, str) and value:
            yield value


def _is_status(kind: str) -> bool:
    return len(kind) == len("500") and kind.isdecimal() and kind.isascii()


def _count(value: object) -> int:
    """A count, from a number or its text; 0 if it is none."""
    if isinstance(value, str) and value.isdecimal() and len(value) < len(str(_MOST_ERRORS)):
        value = int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _MOST_ERRORS else 0
