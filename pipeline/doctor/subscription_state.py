"""Subscribed: which log groups there are, which the stack wants, and which of them reach ship."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.doctor.resources import Stack
from pipeline.provision.subscriptions.log_groups import LogGroup, SubscriptionFilter

LARGEST_FILTERS: Final = 2
"""Subscription filters per log group (Amazon CloudWatch Logs, "Quotas")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPolicy:
    """An account-level subscription filter policy: its document as it stands, and the log groups that it leaves out."""

    name: str
    destination: str
    document: str
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the stack wants to be subscribed, and by which filter; ``wants`` takes a name and its tags."""

    wants: Callable[[str, Mapping[str, str]], bool]
    filter_name: str
    filter_pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """Who is subscribed to what.

    Attributes:
        groups: every log group of the region, by name.
        filters: those of the log groups that were asked for, by name.
        unread: the log groups that were not asked, since there are too many.
        policies: account-level policies.
        stack: whose ship it is about.
    """

    groups: Mapping[str, LogGroup]
    filters: Mapping[str, Sequence[SubscriptionFilter]]
    stack: Stack
    unread: tuple[str, ...] = ()
    policies: Sequence[AccountPolicy] = ()

    def covers(self, name: str) -> bool:
        """Whether an account-level policy sends the log group ``name`` to ship."""
        return self.groups[name].subscribable and any(
            self.stack.is_ship(policy.destination) and name not in policy.left_out for policy in self.policies
        )

    def subscribed(self) -> list[LogGroup]:
        """The log groups whose events reach ship, by a filter or by the account's policy."""
        return [
            group
            for name, group in self.groups.items()
            if self.covers(name) or any(self.stack.is_ship(each.destination_arn) for each in self.filters.get(name, ()))
        ]
