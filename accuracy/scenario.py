"""Scenario: one thing that happens in an account, and what has to be found of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from accuracy.labels import Labels, rules
from accuracy.transaction import Transaction

Build = Callable[[Transaction], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario.

    Attributes:
        description: what happens, in a sentence.
        fragile: a part of the transaction is the reason why a rule must not fire, so nothing may be lost.
        healthy: it is ordinary traffic.
    """

    name: str
    description: str
    build: Build
    labels: Labels
    fragile: bool = False
    healthy: bool = False

    def play(self, seed: int, began: int) -> Transaction:
        """Returns the transaction that ``seed`` makes of this scenario; ``began`` in milliseconds since the epoch, UTC."""
        transaction = Transaction(random.Random(f"{self.name} {seed}"), began)
        self.build(transaction)
        return transaction


def scenario(
    *, must: str = "", may: str = "", seen_by_client: bool = False, fragile: bool = False, healthy: bool = False
) -> Callable[[Build], Scenario]:
    """Returns a decorator that makes a scenario of a function; ``must`` and ``may`` name rules, separated by spaces.

    Raises ValueError if there is no such rule.
    """
    labels = Labels(rules(must), rules(may), seen_by_client)

    def made(build: Build) -> Scenario:
        name = build.__name__.strip("_").replace("_", "-")
        return Scenario(name, (build.__doc__ or "").strip(), build, labels, fragile or seen_by_client, healthy)

    return made


def scenarios_of(module: ModuleType) -> list[Scenario]:
    """Returns the scenarios of a module, in its order."""
    return [value for value in vars(module).values() if isinstance(value, Scenario)]
