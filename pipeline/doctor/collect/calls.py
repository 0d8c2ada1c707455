"""Calls: makes the calls to AWS of `doctor` and `cost`, and names the permission that each needs and what an error means."""

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
    ("oam", "list_sinks"): "oam:ListSinks",
    ("oam", "list_attached_links"): "oam:ListAttachedLinks",
    ("apigateway", "get_rest_apis"): "apigateway:GET",
    ("apigateway", "get_stages"): "apigateway:GET",
    ("apigatewayv2", "get_apis"): "apigateway:GET",
    ("apigatewayv2", "get_stages"): "apigateway:GET",
    ("sqs", "get_queue_attributes"): "sqs:GetQueueAttributes",
    ("s3", "list_objects_v2"): "s3:ListBucket",
    ("cloudwatch", "get_metric_data"): "cloudwatch:GetMetricData",
    ("cloudwatch", "list_metrics"): "cloudwatch:ListMetrics",
    ("cloudwatch", "describe_alarms"): "cloudwatch:DescribeAlarms",
    ("sts", "get_caller_identity"): "sts:GetCallerIdentity",
})  # fmt: skip
"""The IAM permission of each call, by boto3's service and method; docs/doctor.md has them as a policy."""

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "Forbidden", "403"})
_BAD_CREDENTIALS: Final = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
    "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure",
})  # fmt: skip
_PATIENCE: Final = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=4, read_timeout=20)


class Calls:
    """Read-only calls to AWS. Every method raises MisconfiguredError without permission or credentials, else UnavailableError.

    Args:
        session: boto3's session, with its credentials and region.
    """

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self._clients: dict[str, Any] = {}
        # False until boto3 has searched: where there are no credentials, the search takes seconds
        self._credentials: Any = False

    @property
    def region(self) -> str:
        """The session's AWS region; empty where none is set."""
        return str(self._session.region_name or "")

    def call(self, service: str, method: str, **arguments: Any) -> dict[str, Any]:
        """The response of one call."""
        return self.find(service, method, (), **arguments) or {}

    def find(self, service: str, method: str, absent: tuple[str, ...], **arguments: Any) -> dict[str, Any] | None:
        """The response of one call; None where AWS's error has a code or words in ``absent``: the resource does not exist."""
        permission = PERMISSIONS[service, method]
        try:
            answer: dict[str, Any] = getattr(self._client(service), method)(**arguments)
        except ClientError as error:
            refusal = error.response.get("Error", {})
            if any(word == refusal.get("Code") or word in refusal.get("Message", "") for word in absent):
                return None
            raise _mapped(error, permission) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise _mapped(error, permission) from error
        return answer

    def pages(self, service: str, method: str, key: str, **arguments: Any) -> Iterator[Any]:
        """The entries under ``key`` in all pages of a call's response."""
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
            raise MisconfiguredError(["no AWS region is set: name it with --region or AWS_REGION"])
        if service not in self._clients:
            self._clients[service] = self._session.client(service, config=_PATIENCE)
        return self._clients[service]


def _mapped(error: ClientError | BotoCoreError | ResponseParserError, permission: str) -> TracejoinError:
    if not isinstance(error, ClientError):
        # a response that is not of AWS, such as a proxy's page, can be long
        return UnavailableError(f"{permission} did not go through: {str(error)[:300]}")
    refusal = error.response.get("Error", {})
    code, message = refusal.get("Code", ""), refusal.get("Message", "")
    if code in _BAD_CREDENTIALS:
        return MisconfiguredError([f"AWS does not take these credentials: {message or code}"])
    if code in _DENIED or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 403:  # noqa: PLR2004
        return MisconfiguredError([f"{permission} is denied ({message or code})"])
    if code in {"ValidationError", "ValidationException", "InvalidParameterException"}:
        return BadInputError(f"{permission} was refused: {message or code}")
    return UnavailableError(f"{permission} did not go through: {code}: {message}")
