"""Subscription state: the log groups and their subscriptions, those that the stack wants, and those that reach ship."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.doctor.resources import Stack
from pipeline.provision.subscriptions.log_groups import LogGroup, SubscriptionFilter

LARGEST_FILTERS: Final = 2
"""Subscription filters per log group (Amazon CloudWatch Logs, "Quotas")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPolicy:
    """An account-level subscription filter policy: its document as JSON text, and the names of the log groups that it leaves out."""

    name: str
    destination: str
    document: str
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The log groups that the stack wants, and their filter; ``wants`` takes a log group's name and tags."""

    wants: Callable[[str, Mapping[str, str]], bool]
    filter_name: str
    filter_pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """The log groups of a region and their subscriptions.

    Attributes:
        groups: every log group, by name.
        filters: the subscription filters that were read, by log group.
        unread: the names of log groups whose filters were not read, since there are too many.
        policies: the account-level policies.
        stack: the stack with the ship function.
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
        """The log groups whose events reach ship, by a filter or an account-level policy."""
        return [
            group
            for name, group in self.groups.items()
            if self.covers(name) or any(self.stack.is_ship(each.destination_arn) for each in self.filters.get(name, ()))
        ]
