"""Linked accounts: whose traces a monitoring account sees, by the links of CloudWatch cross-account observability."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_TRACES: Final = "AWS::XRay::Trace"


def sharing_traces(links: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Returns the ids of the accounts that share traces, by the links that are attached to the account's sinks.

    A link has an ARN of the account that shares (CloudWatch Observability Access Manager API reference, ListAttachedLinks).
    """
    return frozenset(link["LinkArn"].split(":")[4] for link in links if _TRACES in (link.get("ResourceTypes") or ()))
