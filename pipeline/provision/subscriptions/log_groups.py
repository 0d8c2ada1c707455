"""Log groups: the client of CloudWatch Logs for log groups, their tags and their subscription filters."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import BadInputError, MisconfiguredError, TracejoinError, UnavailableError

# quotas of CloudWatch Logs are per account and per operation: the users' own calls need them, too
_CALLS_PER_SECOND: Final = 5
_REFUSED = frozenset({"InvalidParameterException", "LimitExceededException", "ResourceNotFoundException", "ValidationException"})
_DENIED = frozenset({"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"})


class LogGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A log group: name, ARN without the `:*` at the end, log class, days until its events expire (0 for never), and its size.

    Attributes:
        created_at: milliseconds since the epoch; 0 where unknown.
        stored_bytes: the compressed bytes that it holds, some hours late.
    """

    name: str
    arn: str = ""
    log_class: str = "STANDARD"
    retention_days: int = 0
    created_at: int = 0
    stored_bytes: int = 0

    @property
    def subscribable(self) -> bool:
        """Whether its class has subscription filters (Amazon CloudWatch Logs user guide, "Log classes")."""
        return self.log_class == "STANDARD"


class SubscriptionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription filter; its ``pattern`` is empty where it passes every event."""

    name: str
    destination_arn: str
    pattern: str = ""


class LogGroups:
    """The log groups of an account in a region.

    Args:
        logs: boto3's `logs` client.
        pause: waits a number of seconds.

    Every method raises UnavailableError where a retry may help, MisconfiguredError where a permission is missing, and BadInputError
    where CloudWatch Logs refuses the request itself.
    """

    def __init__(self, logs: Any, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._logs = logs
        self._pause = pause

    def listed(self, start: str = "") -> Iterator[LogGroup]:
        """All log groups, or those whose name begins with ``start``."""
        pages = self._logs.get_paginator("describe_log_groups").paginate(**({"logGroupNamePrefix": start} if start else {}))
        for page in _each(pages, "logs:DescribeLogGroups"):
            for group in page["logGroups"]:
                yield log_group_of(group)

    def tags_of(self, group: LogGroup) -> dict[str, str]:
        """The tags of a log group, by key."""
        answer = self._call("logs:ListTagsForResource", lambda: self._logs.list_tags_for_resource(resourceArn=group.arn))
        return dict(answer.get("tags") or {})

    def filters(self, name: str) -> list[SubscriptionFilter]:
        """The subscription filters of the log group ``name``; two at most."""
        answer = self._call("logs:DescribeSubscriptionFilters", lambda: self._logs.describe_subscription_filters(logGroupName=name))
        return list(map(filter_of, answer["subscriptionFilters"]))

    def put(self, name: str, wanted: SubscriptionFilter) -> None:
        """Gives the log group ``name`` the filter ``wanted``, which replaces one of the same name."""
        self._call("logs:PutSubscriptionFilter", lambda: self._logs.put_subscription_filter(
            logGroupName=name, filterName=wanted.name, filterPattern=wanted.pattern, destinationArn=wanted.destination_arn))  # fmt: skip

    def delete(self, name: str, filter_name: str) -> None:
        """Deletes the filter ``filter_name`` of the log group ``name``."""
        self._call("logs:DeleteSubscriptionFilter", lambda: self._logs.delete_subscription_filter(
            logGroupName=name, filterName=filter_name))  # fmt: skip

    def _call(self, action: str, call: Callable[[], Any]) -> Any:
        self._pause(1 / _CALLS_PER_SECOND)
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            raise _mapped(error, action) from error


def log_group_of(raw: Mapping[str, Any]) -> LogGroup:
    """The LogGroup in one entry of DescribeLogGroups."""
    return LogGroup(
        name=raw["logGroupName"],
        arn=raw["arn"].removesuffix(":*"),
        log_class=raw.get("logGroupClass") or "STANDARD",
        retention_days=raw.get("retentionInDays") or 0,
        created_at=raw.get("creationTime") or 0,
        stored_bytes=raw.get("storedBytes") or 0,
    )


def filter_of(raw: Mapping[str, Any]) -> SubscriptionFilter:
    """The SubscriptionFilter in one entry of DescribeSubscriptionFilters."""
    return SubscriptionFilter(name=raw["filterName"], destination_arn=raw["destinationArn"], pattern=raw.get("filterPattern") or "")


def _each(pages: Any, action: str) -> Iterator[Any]:
    try:
        yield from pages
    except (ClientError, BotoCoreError) as error:
        raise _mapped(error, action) from error


def _mapped(error: ClientError | BotoCoreError, action: str) -> TracejoinError:
    if not isinstance(error, ClientError):
        return UnavailableError(f"{action} did not go through: {error}")
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in _DENIED:
        return MisconfiguredError([f"{action} is denied: give this role the permission ({message})"])
    if code in _REFUSED:
        return BadInputError(f"{action}: {code}: {message}")
    return UnavailableError(f"{action} did not go through: {code}: {message}")
