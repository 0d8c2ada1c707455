"""Denial: which of the doors to OpenSearch is shut, by what it answers and by the kind of endpoint."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pipeline.doctor.shell_commands import is_serverless

_ARN: Final = re.compile(r"arn:[\w-]+:(?:iam|sts)::\d{12}:[\w+=,.@/-]+")
# a domain's endpoint begins with search- or vpc-, then its name, then 26 letters and digits of AWS' own
_DOMAIN: Final = re.compile(r"(?:search|vpc)-(?P<name>[a-z0-9-]+?)-[a-z0-9]{26}\.")
_UNSIGNED: Final = ("user: anonymous", "missing authentication token")
_SIGNATURE: Final = ("signature", "security token", "expired")
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Denial:
    """Which door it looks like, and what opens it."""

    door: str
    remedy: str


def explain_denial(endpoint: str, status: int, text: str, region: str) -> Denial:
    """What refused, as far as its answer shows.

    Args:
        endpoint: the URL of OpenSearch.
        status: 401 or 403.
        text: the body of its answer.
        region: of the domain.
    """
    said = text.lower()
    who = found[0] if (found := _ARN.search(text)) else "the ARN that `aws sts get-caller-identity` shows"
    if is_serverless(endpoint):
        remedy = (
            f"Let {who} in, with aoss:ReadDocument, aoss:WriteDocument, aoss:CreateIndex, aoss:DescribeIndex and aoss:UpdateIndex on the"
            " collection's indices; its IAM policy needs aoss:APIAccessAll:"
            f" aws opensearchserverless list-access-policies --type data --region {region}"
        )
        return Denial("the collection's data access policy, its network policy, or a missing aoss:APIAccessAll", remedy)
    if any(word in said for word in _UNSIGNED):
        remedy = (
            "Use the domain's own endpoint, which ends in .amazonaws.com (requests to it are signed), or set TRACEJOIN_USERNAME and"
            " TRACEJOIN_PASSWORD."
        )
        return Denial("the domain's access policy, which got an unsigned request", remedy)
    if "security_exception" in said or "no permissions for" in said:
        remedy = (
            f"Map {who} (or the user name) to a role that may read and write the indices: OpenSearch Dashboards, Security, Roles, Mapped"
            " users, Manage mapping; the roles of the stack's functions need the same."
        )
        return Denial("the role mapping of fine-grained access control", remedy)
    if any(word in said for word in _SIGNATURE):
        return Denial(
            "the signature: the credentials are no longer valid, or this machine's clock is wrong",
            "Log in to AWS again, and check the clock.",
        )
    if "identity-based policy" in said:
        return Denial("the IAM policy of whoever runs this", f"Allow {who} es:ESHttpGet and es:ESHttpPost on the domain in its IAM policy.")
    if "not authorized to perform" in said:
        named = found["name"] if (found := _DOMAIN.match(urlsplit(endpoint).hostname or "")) else "NAME"
        shown = f"aws opensearch describe-domain-config --domain-name {named} --query DomainConfig.AccessPolicies --region {region}"
        return Denial("the domain's access policy", f"Let {who} in with es:ESHttpGet and es:ESHttpPost: {shown}")
    if status == _UNAUTHORIZED:
        return Denial("the user name or the password", "Set TRACEJOIN_USERNAME and TRACEJOIN_PASSWORD to what this OpenSearch knows.")
    return Denial("something that does not say its name, such as a proxy", f"Ask whoever runs {endpoint} who may search there.")
