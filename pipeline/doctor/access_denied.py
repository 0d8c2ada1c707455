"""Access denied: names the access check that rejected a request to OpenSearch, by the response and the kind of endpoint."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pipeline.doctor.shell_commands import is_serverless

_ARN: Final = re.compile(r"arn:[\w-]+:(?:iam|sts)::\d{12}:[\w+=,.@/-]+")
# a domain's endpoint begins with search- or vpc-, then its name, then 26 letters and digits of AWS' own
_DOMAIN: Final = re.compile(r"(?:search|vpc)-(?P<name>[a-z0-9-]+?)-[a-z0-9]{26}\.")
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Denial:
    """The access check that rejected a request, in words, and the remedy."""

    cause: str
    remedy: str


_SERVERLESS: Final = Denial(
    "the collection's data access policy, its network policy, or a missing aoss:APIAccessAll",
    "Let {who} in, with aoss:ReadDocument, aoss:WriteDocument, aoss:CreateIndex, aoss:DescribeIndex and aoss:UpdateIndex on the"
    " collection's indices; its IAM policy needs aoss:APIAccessAll:"
    " aws opensearchserverless list-access-policies --type data --region {region}",
)
# words in a domain's response, in lower case, and their meaning; the first that occur decide
_BY_WORDS: Final = (
    (("user: anonymous", "missing authentication token"), Denial(
        "the domain's access policy, which got an unsigned request",
        "Use the domain's own endpoint, which ends in .amazonaws.com (requests to it are signed), or set TRACEJOIN_OPENSEARCH_SECRET, or"
        " TRACEJOIN_USERNAME and TRACEJOIN_PASSWORD.",
    )),
    (("security_exception", "no permissions for"), Denial(
        "the role mapping of fine-grained access control",
        "Map {who} (or the user name) to a role that may read and write the indices: OpenSearch Dashboards, Security, Roles, Mapped"
        " users, Manage mapping. The roles of the stack's functions need the same: the stack's setup maps them where it has a login"
        " (docs/security.md).",
    )),
    (("signature", "security token", "expired"), Denial(
        "the signature: the credentials are no longer valid, or this machine's clock is wrong", "Log in to AWS again, and check the clock.",
    )),
    (("identity-based policy",), Denial(
        "the IAM policy of whoever runs this", "Allow {who} es:ESHttpGet and es:ESHttpPost on the domain in its IAM policy.",
    )),
    (("not authorized to perform",), Denial(
        "the domain's access policy",
        "Let {who} in with es:ESHttpGet and es:ESHttpPost:"
        " aws opensearch describe-domain-config --domain-name {domain} --query DomainConfig.AccessPolicies --region {region}",
    )),
)  # fmt: skip
_PASSWORD: Final = Denial(
    "the user name or the password",
    "Set TRACEJOIN_OPENSEARCH_SECRET, or TRACEJOIN_USERNAME and TRACEJOIN_PASSWORD, to a login of this OpenSearch.",
)
_UNKNOWN: Final = Denial("something that does not say its name, such as a proxy", "Ask whoever runs {endpoint} who may search there.")


def explain_denial(endpoint: str, status: int, text: str, region: str) -> Denial:
    """The access check that rejected a request, as far as the response shows, with its remedy.

    Args:
        endpoint: the URL of OpenSearch.
        status: 401 or 403.
        text: the body of the response.
        region: the domain's AWS region.
    """
    said = text.lower()
    by_words = next((denial for words, denial in _BY_WORDS if any(word in said for word in words)), None)
    denial = _SERVERLESS if is_serverless(endpoint) else by_words or (_PASSWORD if status == _UNAUTHORIZED else _UNKNOWN)
    who, domain = _ARN.search(text), _DOMAIN.match(urlsplit(endpoint).hostname or "")
    remedy = denial.remedy.format(
        who=who[0] if who else "the ARN that `aws sts get-caller-identity` shows", domain=domain["name"] if domain else "NAME",
        region=region, endpoint=endpoint,
    )  # fmt: skip
    return Denial(denial.cause, remedy)
