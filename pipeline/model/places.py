"""Places: the accounts and regions in which a trace ran. X-Ray keeps a trace in the account and region that its segments were sent to."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
"""The id of an AWS account."""

REGION: Final = re.compile(r"[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-\d{1,2}", re.ASCII)
"""The name of an AWS region, such as eu-west-1 or us-gov-east-1."""


ACCOUNT_PLACEHOLDER: Final = "{account}"
"""What stands for the account in the ARN of the role that reads traces."""

ACCESS: Final = (
    "link the account to the stack's own (CloudWatch cross-account observability), or deploy examples/organization/member.yaml in it"
    " and set the parameter TraceReaderRoleArn"
)
"""How an account lets tracejoin read its traces."""


class Place(NamedTuple):
    """The id of an account, and the name of a region of AWS."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}:{self.region}"


@lru_cache(maxsize=1024)
def places_of(account: str, region: str) -> tuple[str, ...]:
    """The place of this account and region as text, alone; none where one of the two is unknown."""
    return (str(Place(account, region)),) if ACCOUNT.fullmatch(account) and REGION.fullmatch(region) else ()


def place_in(text: str) -> Place | None:
    """Reads a place as `str` writes it; None where it is none."""
    account, _, region = text.partition(":")
    return Place(account, region) if ACCOUNT.fullmatch(account) and REGION.fullmatch(region) else None
