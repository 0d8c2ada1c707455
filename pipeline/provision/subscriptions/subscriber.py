"""Subscriber: each log group gets, keeps or loses our filter, as the selector says; one that fails does not stop the others."""

import random
from collections.abc import Callable

import msgspec

from pipeline.errors import BadInputError, UnavailableError
from pipeline.provision.subscriptions.log_groups import LogGroup, LogGroups, SubscriptionFilter
from pipeline.provision.subscriptions.selector import LogGroupSelector

_GONE = "ResourceNotFoundException"
_USED_UP = "LimitExceededException"


class Refusal(msgspec.Struct, frozen=True):
    """A log group whose filter could not be set or removed, and why."""

    log_group: str
    reason: str


class SubscriptionResult(msgspec.Struct):
    """What one round did, in numbers of log groups.

    Attributes:
        subscribed: those that got the filter, or an update of it.
        removed: those that lost it.
        unchanged: those that needed no change.
        left: those that time did not allow; each round goes through them in another order.
        refused: those that can't be subscribed, with the reason.
    """

    subscribed: int = 0
    removed: int = 0
    unchanged: int = 0
    left: int = 0
    refused: list[Refusal] = []


class Subscriber:
    """Makes the subscription filters of log groups match a selector.

    Args:
        groups: the log groups of the account.
        selector: which of them are to be subscribed.
        ours: the filter that they get; known by its name.
        go_on: whether there is time for another log group.
        may_begin: whether a log group may still be subscribed; called before each, and the round ends where it returns False.
    """

    def __init__(self, groups: LogGroups, selector: LogGroupSelector, ours: SubscriptionFilter, *, go_on: Callable[[], bool] = lambda: True,
                 may_begin: Callable[[], bool] = lambda: True) -> None:  # fmt: skip
        self._groups = groups
        self._selector = selector
        self._ours = ours
        self._go_on = go_on
        self._may_begin = may_begin

    def reconcile(self, only: str = "") -> SubscriptionResult:
        """Subscribes the wanted log groups and removes our filter from others, in the whole account or ``only`` in the one named so.

        Raises UnavailableError where log groups can't be listed, MisconfiguredError where a permission is missing.
        """
        return self._each(self._is_wanted, only)

    def remove_all(self) -> SubscriptionResult:
        """Removes our filter from every log group. Raises like `reconcile`."""
        return self._each(lambda _group, _present: False)

    def _each(self, wanted: Callable[[LogGroup, SubscriptionFilter | None], bool], only: str = "") -> SubscriptionResult:
        listed = [group for group in self._groups.listed(only) if not only or group.name == only]
        # a round that never gets to the end still gets to every log group in time
        random.shuffle(listed)
        result = SubscriptionResult()
        for number, group in enumerate(listed):
            try:
                if not (self._go_on() and self._reconcile_one(group, wanted, result)):
                    result.left = len(listed) - number
                    break
            except BadInputError as error:
                # a log group that was deleted since it was listed is no failure
                if _GONE not in str(error):
                    result.refused.append(Refusal(group.name, _explained(str(error))))
            except UnavailableError as error:
                result.refused.append(Refusal(group.name, str(error)))
        return result

    def _is_wanted(self, group: LogGroup, present: SubscriptionFilter | None) -> bool:
        if not self._selector.names(group.name):
            return False
        # the tags of a subscribed log group are read only where a tag decides
        return (present == self._ours and not self._selector.tag) or self._selector.wants(group.name, self._groups.tags_of(group))

    def _reconcile_one(
        self, group: LogGroup, wanted: Callable[[LogGroup, SubscriptionFilter | None], bool], result: SubscriptionResult
    ) -> bool:
        """Sets or removes the filter of one log group; False where nothing may be subscribed any more."""
        if not group.subscribable:
            result.unchanged += 1
            return True
        present = {each.name: each for each in self._groups.filters(group.name)}.get(self._ours.name)
        if not wanted(group, present):
            if present is None:
                result.unchanged += 1
            else:
                self._groups.delete(group.name, self._ours.name)
                result.removed += 1
        elif present == self._ours:
            result.unchanged += 1
        elif self._may_begin():
            self._groups.put(group.name, self._ours)
            result.subscribed += 1
        else:
            return False
        return True


def _explained(reason: str) -> str:
    if _USED_UP in reason:
        return f"a log group takes two subscription filters and has them: delete one, or subscribe by account ({reason})"
    return reason
