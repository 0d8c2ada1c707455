"""A scenario: one thing that happens, and what has to be found of it."""

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
        told: what it is, in a sentence.
        fragile: that something is not to be found follows from something that is there, so nothing may be missing.
        healthy: it is ordinary traffic.
    """

    name: str
    told: str
    build: Build
    labels: Labels
    fragile: bool = False
    healthy: bool = False

    def play(self, seed: int, began: int) -> Transaction:
        """The transaction that this ``seed`` makes of it; ``began`` in milliseconds since the epoch, UTC."""
        transaction = Transaction(random.Random(f"{self.name} {seed}"), began)
        self.build(transaction)
        return transaction


def scenario(
    *, must: str = "", may: str = "", told: bool = False, fragile: bool = False, healthy: bool = False
) -> Callable[[Build], Scenario]:
    """Makes a scenario of a function that plays it; ``must`` and ``may`` name rules, with spaces between.

    Raises ValueError where there is no such rule.
    """
    labels = Labels(rules(must), rules(may), told)

    def made(build: Build) -> Scenario:
        name = build.__name__.strip("_").replace("_", "-")
        return Scenario(name, (build.__doc__ or "").strip(), build, labels, fragile or told, healthy)

    return made


def scenarios_of(module: ModuleType) -> list[Scenario]:
    """The scenarios in ``module``, in its order."""
    return [value for value in vars(module).values() if isinstance(value, Scenario)]
