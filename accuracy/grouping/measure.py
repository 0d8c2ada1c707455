"""Measure: makes faults of every cause, groups them by the issues that they show, and counts what was parted and what was mixed."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from accuracy.disturbances import DISTURBANCES
from accuracy.evaluation import facts_of_transaction, in_any_order, verdict_on
from accuracy.grouping.causes import ALL, Cause
from pipeline.detect.rule import Rules

MOST_PARTED, MOST_MIXED = 0.05, 0.01
_KEPT = [disturbance for disturbance in DISTURBANCES if not disturbance.loses]


@dataclass(slots=True)
class Grouping:
    """In which group each fault of a cause came.

    Attributes:
        faults: by cause, how many of its faults came into each group.
        unstable: the causes of faults whose issues depend on the order of facts.
    """

    faults: dict[str, Counter[str]] = field(default_factory=dict)
    unstable: list[str] = field(default_factory=list)

    def add(self, cause: str, group: str) -> None:
        """Counts one fault."""
        self.faults.setdefault(cause, Counter())[group] += 1

    @property
    def number(self) -> int:
        """How many faults there are."""
        return sum(map(Counter.total, self.faults.values()))

    @property
    def parted(self) -> dict[str, int]:
        """By cause, how many of its faults are outside the group that holds most of them."""
        return {cause: outside for cause, groups in self.faults.items() if (outside := groups.total() - max(groups.values()))}

    @property
    def mixed(self) -> dict[str, int]:
        """By cause, how many of its faults are in a group that holds more of another cause."""
        of_group: dict[str, Counter[str]] = {}
        for cause, groups in self.faults.items():
            for group, number in groups.items():
                of_group.setdefault(group, Counter())[cause] += number
        owner = {group: max(sorted(causes), key=causes.__getitem__) for group, causes in of_group.items()}
        found = {cause: sum(number for group, number in groups.items() if owner[group] != cause) for cause, groups in self.faults.items()}
        return {cause: number for cause, number in found.items() if number}

    @property
    def shares(self) -> tuple[float, float]:
        """The shares of all faults that are parted from those of their cause, and that are mixed with those of another."""
        return sum(self.parted.values()) / self.number, sum(self.mixed.values()) / self.number


def measure_grouping(seed: int, each: int, rules: Rules, began: int, causes: Sequence[Cause] = ALL) -> Grouping:
    """Makes ``each`` faults of each cause, disturbed but with nothing lost, and groups them; ``began`` in milliseconds since the epoch."""
    found = Grouping()
    for cause in causes:
        for number in range(each):
            rng = random.Random(f"{cause.name} {seed} {number}")
            transaction = cause.play(rng, began)
            rng.choice(_KEPT).disturb(transaction, rng)
            facts = facts_of_transaction(transaction)
            issues = verdict_on(facts, rules).issues
            # a fault that shows two issues is in neither of them alone
            found.add(cause.name, " ".join(issue.id for issue in issues))
            if verdict_on(in_any_order(facts, rng), rules).issues != issues:
                found.unstable.append(cause.name)
    return found
