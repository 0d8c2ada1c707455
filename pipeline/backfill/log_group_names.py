"""Log group names: finds the log groups that a person names, by name, ARN or pattern, with the account that they are in."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from pipeline.backfill.aws_errors import calling
from pipeline.errors import BadInputError
from pipeline.provision.subscriptions.log_groups import LogGroups
from pipeline.provision.subscriptions.selector import PIPELINE_TAG, LogGroupSelector

_ARN: Final = re.compile(r"arn:[\w-]+:logs:([a-z0-9-]+):(\d{12}):log-group:([\w/.#-]{1,512})(?::\*)?", re.ASCII)
_WILD: Final = re.compile(r"[*?]")


class ChosenLogGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A log group to read.

    Attributes:
        name: its name.
        account: the account that it is in, 12 digits.
        arn: its ARN where a person gave that, as for a log group of another account; else empty.
        retention_days: the days that its events are kept; 0 for ever, or where that is unknown.
        created_at: milliseconds since the epoch; 0 where that is unknown.
        stored_bytes: what it holds, some hours late; 0 where that is unknown.
    """

    name: str
    account: str
    arn: str = ""
    retention_days: int = 0
    created_at: int = 0
    stored_bytes: int = 0

    @property
    def identifier(self) -> dict[str, str]:
        """How the calls of CloudWatch Logs name it; the ARN alone reaches another account."""
        return {"logGroupIdentifier": self.arn} if self.arn else {"logGroupName": self.name}


def chosen_log_groups(names: Sequence[str], region: str, *, logs: Any, tagging: Any) -> tuple[list[ChosenLogGroup], list[str]]:
    """Finds the log groups of ``names``: each a name, an ARN, or a pattern with `*` and `?`.

    Args:
        names: what a person names; a pattern leaves out what no subscription would take.
        region: the region of the clients.
        logs: boto3's `logs` client.
        tagging: boto3's `resourcegroupstaggingapi` client, which knows what tracejoin stacks write to; asked for patterns alone.

    Returns the log groups, each once, and the names of those that a pattern left out since a tracejoin stack itself writes to them. Raises
    BadInputError where a name stands for nothing, or an ARN is of another region.
    """
    groups = LogGroups(logs)
    found: dict[str, ChosenLogGroup] = {}
    left_out: list[str] = []
    own = _own_log_groups(tagging) if any(map(_is_pattern, names)) else set()
    for name in names:
        for group in [_of_arn(name, region)] if name.startswith("arn:") else _listed(name, groups):
            if _is_pattern(name) and group.name in own:
                left_out.append(group.name)
            else:
                found.setdefault(f"{group.account}:{group.name}", group)
    return list(found.values()), left_out


def _is_pattern(name: str) -> bool:
    return not name.startswith("arn:") and _WILD.search(name) is not None


def _own_log_groups(tagging: Any) -> set[str]:
    """The names of the log groups of all tracejoin stacks of the account and region."""
    with calling("tag:GetResources"):
        pages = tagging.get_paginator("get_resources").paginate(ResourceTypeFilters=["logs:log-group"], TagFilters=[{"Key": PIPELINE_TAG}])
        arns = [resource["ResourceARN"] for page in pages for resource in page["ResourceTagMappingList"]]
    return {arn.partition(":log-group:")[2].removesuffix(":*") for arn in arns}


def _of_arn(arn: str, region: str) -> ChosenLogGroup:
    match = _ARN.fullmatch(arn)
    if not match:
        raise BadInputError(f"{arn!r} is no ARN of a log group: expected arn:aws:logs:REGION:ACCOUNT:log-group:NAME")
    if match[1] != region:
        raise BadInputError(f"{arn} is in {match[1]}, and the region is {region}: --region {match[1]} reads it")
    return ChosenLogGroup(name=match[3], account=match[2], arn=arn.removesuffix(":*"))


def _listed(name: str, groups: LogGroups) -> Iterator[ChosenLogGroup]:
    """The log groups of one name or pattern. Raises BadInputError where there is none."""
    selector = LogGroupSelector((name,))
    wild = _WILD.search(name)
    some = False
    for group in groups.listed(name[: wild.start()] if wild else name):
        if selector.names(group.name) if wild else group.name == name:
            some = True
            yield ChosenLogGroup(name=group.name, account=group.arn.split(":")[4], retention_days=group.retention_days,
                                 created_at=group.created_at, stored_bytes=group.stored_bytes)  # fmt: skip
    if not some:
        raise BadInputError(f"there is no log group {name} in this account and region")
