"""Every call to AWS that the doctor makes: the permission that it needs, and what a refusal means."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError, UnavailableError

PERMISSIONS: Final = MappingProxyType({
    ("cloudformation", "describe_stacks"): "cloudformation:DescribeStacks",
    ("cloudformation", "list_stack_resources"): "cloudformation:ListStackResources",
    ("lambda", "list_functions"): "lambda:ListFunctions",
    ("lambda", "get_function_configuration"): "lambda:GetFunctionConfiguration",
    ("lambda", "get_function_concurrency"): "lambda:GetFunctionConcurrency",
    ("lambda", "get_policy"): "lambda:GetPolicy",
    ("logs", "describe_log_groups"): "logs:DescribeLogGroups",
    ("logs", "describe_subscription_filters"): "logs:DescribeSubscriptionFilters",
    ("logs", "describe_account_policies"): "logs:DescribeAccountPolicies",
    ("resourcegroupstaggingapi", "get_resources"): "tag:GetResources",
    ("xray", "get_trace_segment_destination"): "xray:GetTraceSegmentDestination",
    ("xray", "get_sampling_rules"): "xray:GetSamplingRules",
    ("xray", "get_indexing_rules"): "xray:GetIndexingRules",
    ("apigateway", "get_rest_apis"): "apigateway:GET",
    ("apigateway", "get_stages"): "apigateway:GET",
    ("apigatewayv2", "get_apis"): "apigateway:GET",
    ("apigatewayv2", "get_stages"): "apigateway:GET",
    ("sqs", "get_queue_attributes"): "sqs:GetQueueAttributes",
    ("s3", "list_objects_v2"): "s3:ListBucket",
    ("cloudwatch", "get_metric_data"): "cloudwatch:GetMetricData",
    ("cloudwatch", "describe_alarms"): "cloudwatch:DescribeAlarms",
})  # fmt: skip
"""The permission of each call, by service and method of boto3; docs/doctor.md has them as a policy."""

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "Forbidden", "403"})
_BAD_CREDENTIALS: Final = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
    "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure",
})  # fmt: skip
_PATIENCE: Final = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=4, read_timeout=20)


class Calls:
    """AWS, only read. Every method raises MisconfiguredError where a permission or the credentials are missing, and else UnavailableError.

    Args:
        session: credentials and region, as boto3 finds them.
    """

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self._clients: dict[str, Any] = {}
        # looked for once: where there are none, the search itself takes seconds
        self._credentials: Any = False

    @property
    def region(self) -> str:
        """The region; empty where none is set."""
        return str(self._session.region_name or "")

    def call(self, service: str, method: str, **arguments: Any) -> dict[str, Any]:
        """One call."""
        return self.find(service, method, (), **arguments) or {}

    def find(self, service: str, method: str, absent: tuple[str, ...], **arguments: Any) -> dict[str, Any] | None:
        """One call; None where AWS refuses it with one of the error codes or words in ``absent``: there is no such thing."""
        permission = PERMISSIONS[service, method]
        try:
            answer: dict[str, Any] = getattr(self._client(service), method)(**arguments)
        except ClientError as error:
            told = error.response.get("Error", {})
            if any(word == told.get("Code") or word in told.get("Message", "") for word in absent):
                return None
            raise _mapped(error, permission) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise _mapped(error, permission) from error
        return answer

    def pages(self, service: str, method: str, key: str, **arguments: Any) -> Iterator[Any]:
        """Every entry under ``key`` of all pages."""
        permission = PERMISSIONS[service, method]
        try:
            for page in self._client(service).get_paginator(method).paginate(**arguments):
                yield from page.get(key) or ()
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            raise _mapped(error, permission) from error

    def _client(self, service: str) -> Any:
        if self._credentials is False:
            self._credentials = self._session.get_credentials()
        if self._credentials is None:
            raise MisconfiguredError(["no AWS credentials are found: set AWS_PROFILE, or log in with `aws login` or `aws sso login`"])
        if not self.region:
            raise MisconfiguredError(["no AWS region is set: set AWS_REGION"])
        if service not in self._clients:
            self._clients[service] = self._session.client(service, config=_PATIENCE)
        return self._clients[service]


def _mapped(error: ClientError | BotoCoreError | ResponseParserError, permission: str) -> TracejoinError:
    if not isinstance(error, ClientError):
        # what is no answer of AWS, such as a proxy's page, can be long
        return UnavailableError(f"{permission} did not go through: {str(error)[:300]}")
    told = error.response.get("Error", {})
    code, message = told.get("Code", ""), told.get("Message", "")
    if code in _BAD_CREDENTIALS:
        return MisconfiguredError([f"AWS does not take these credentials: {message or code}"])
    if code in _DENIED or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 403:  # noqa: PLR2004
        return MisconfiguredError([f"{permission} is denied ({message or code})"])
    if code in {"ValidationError", "ValidationException", "InvalidParameterException"}:
        return BadInputError(f"{permission} was refused: {message or code}")
    return UnavailableError(f"{permission} did not go through: {code}: {message}")
