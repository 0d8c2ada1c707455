"""Subscriber: each log group gets, keeps or loses our filter, as the choice says; one that refuses does not stop the others."""

import random
from collections.abc import Callable

import msgspec

from pipeline.errors import BadInputError, UnavailableError
from pipeline.provision.subscriptions.log_groups import LogGroup, LogGroups, SubscriptionFilter
from pipeline.provision.subscriptions.selector import LogGroupSelector

_GONE = "ResourceNotFoundException"
_USED_UP = "LimitExceededException"


class Refusal(msgspec.Struct, frozen=True):
    """A log group that could not be brought in line, and why."""

    log_group: str
    reason: str


class SubscriptionResult(msgspec.Struct):
    """What a run came to, in numbers of log groups.

    Attributes:
        subscribed: those that got the filter, or a newer form of it.
        removed: those that lost it.
        unchanged: those that were right already.
        left: those that time did not allow; the next run begins elsewhere and gets to them.
        refused: those that can't be subscribed, with the reason.
    """

    subscribed: int = 0
    removed: int = 0
    unchanged: int = 0
    left: int = 0
    refused: list[Refusal] = []


class Subscriber:
    """Brings log groups in line with a choice.

    Args:
        groups: the log groups of the account.
        choice: which of them are to be subscribed.
        ours: the filter that they get; known by its name.
        go_on: whether there is time for another log group.
        may_begin: whether a log group may still be subscribed; asked before each, and where it says no nothing is looked at any more.
    """

    def __init__(self, groups: LogGroups, choice: LogGroupSelector, ours: SubscriptionFilter, *, go_on: Callable[[], bool] = lambda: True,
                 may_begin: Callable[[], bool] = lambda: True) -> None:  # fmt: skip
        self._groups = groups
        self._choice = choice
        self._ours = ours
        self._go_on = go_on
        self._may_begin = may_begin

    def bring(self, only: str = "") -> SubscriptionResult:
        """All log groups of the account, or ``only`` the one of this name.

        Raises UnavailableError where they can't even be listed, MisconfiguredError where a permission is missing.
        """
        return self._each(self._is_wanted, only)

    def remove(self) -> SubscriptionResult:
        """Takes our filter away wherever it is. Raises like `bring`."""
        return self._each(lambda _group, _present: False)

    def _each(self, wanted: Callable[[LogGroup, SubscriptionFilter | None], bool], only: str = "") -> SubscriptionResult:
        listed = [group for group in self._groups.listed(only) if not only or group.name == only]
        # so that a run that never gets to the end still gets everywhere in time
        random.shuffle(listed)
        outcome = SubscriptionResult()
        for number, group in enumerate(listed):
            try:
                if not (self._go_on() and self._one(group, wanted, outcome)):
                    outcome.left = len(listed) - number
                    break
            except BadInputError as error:
                # it was deleted since it was listed
                if _GONE not in str(error):
                    outcome.refused.append(Refusal(group.name, _explained(str(error))))
            except UnavailableError as error:
                outcome.refused.append(Refusal(group.name, str(error)))
        return outcome

    def _is_wanted(self, group: LogGroup, present: SubscriptionFilter | None) -> bool:
        if not self._choice.names(group.name):
            return False
        # what is subscribed already needs its tags looked at only where they decide
        return (present == self._ours and not self._choice.tag) or self._choice.wants(group.name, self._groups.tags_of(group))

    def _one(self, group: LogGroup, wanted: Callable[[LogGroup, SubscriptionFilter | None], bool], outcome: SubscriptionResult) -> bool:
        """Brings one log group in line; False where nothing may be subscribed any more."""
        if not group.subscribable:
            outcome.unchanged += 1
            return True
        present = {each.name: each for each in self._groups.filters(group.name)}.get(self._ours.name)
        if not wanted(group, present):
            if present is None:
                outcome.unchanged += 1
            else:
                self._groups.delete(group.name, self._ours.name)
                outcome.removed += 1
        elif present == self._ours:
            outcome.unchanged += 1
        elif self._may_begin():
            self._groups.put(group.name, self._ours)
            outcome.subscribed += 1
        else:
            return False
        return True


def _explained(reason: str) -> str:
    if _USED_UP in reason:
        return f"a log group takes two subscription filters and has them: delete one, or subscribe by account ({reason})"
    return reason
