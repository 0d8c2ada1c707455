"""Logs: reads log groups, their tags, their subscription filters and account-level policies from CloudWatch Logs."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipeline.doctor.collect.calls import Calls
from pipeline.doctor.subscription_state import AccountPolicy
from pipeline.provision.subscriptions.log_groups import LogGroup, SubscriptionFilter, filter_of, log_group_of

_NAMES: Final = re.compile(r'"([^"]*)"|\'([^\']*)\'')
_TYPE: Final = "SUBSCRIPTION_FILTER_POLICY"


def read_log_groups(calls: Calls) -> dict[str, LogGroup]:
    """Every log group of the region, by name; one call per fifty."""
    found = calls.pages("logs", "describe_log_groups", "logGroups", PaginationConfig={"PageSize": 50})
    return {group.name: group for group in map(log_group_of, found)}


def read_tags(calls: Calls) -> dict[str, dict[str, str]]:
    """The tags of every log group that has any, by the log group's name; one call per hundred."""
    found = calls.pages("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", ResourceTypeFilters=["logs:log-group"])
    return {
        resource["ResourceARN"].partition(":log-group:")[2].removesuffix(":*"): {tag["Key"]: tag["Value"] for tag in resource["Tags"]}
        for resource in found
    }


def read_filters(calls: Calls, names: Iterable[str]) -> dict[str, tuple[SubscriptionFilter, ...]]:
    """The subscription filters of the log groups ``names``, by name; CloudWatch Logs needs a call for each."""
    return {name: _filters(calls, name) for name in names}


def _filters(calls: Calls, name: str) -> tuple[SubscriptionFilter, ...]:
    # a log group that is deleted meanwhile has none
    answer = calls.find("logs", "describe_subscription_filters", ("ResourceNotFoundException",), logGroupName=name) or {}
    return tuple(map(filter_of, answer.get("subscriptionFilters", ())))


def read_account_policies(calls: Calls) -> tuple[AccountPolicy, ...]:
    """The account-level subscription filter policies; there is one per region (Amazon CloudWatch Logs API reference)."""
    answer = calls.call("logs", "describe_account_policies", policyType=_TYPE)
    return tuple(map(policy_of, answer.get("accountPolicies", ())))


def policy_of(raw: Mapping[str, Any]) -> AccountPolicy:
    """The AccountPolicy in one entry of DescribeAccountPolicies; its criteria are `LogGroupName NOT IN ["a", "b"]` or nothing."""
    criteria = raw.get("selectionCriteria") or ""
    document = raw.get("policyDocument") or "{}"
    return AccountPolicy(
        name=raw["policyName"],
        destination=str(json.loads(document).get("DestinationArn") or ""),
        document=document,
        left_out=frozenset(double or single for double, single in _NAMES.findall(criteria)),
    )
