"""Measure: evaluates many transactions and counts what was found, missed and found wrongly."""

import random
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice

from accuracy.disturbances import Disturbance, disturbance_of
from accuracy.evaluation import facts_of_transaction, in_any_order, verdict_on
from accuracy.labels import RULES, Labels
from accuracy.scenario import Scenario
from accuracy.scenarios import ALL
from accuracy.transaction import Transaction
from pipeline.detect.rule import Rules
from pipeline.detect.verdict import Verdict

BEGAN = 1_795_600_000_000
"""When all transactions happen, in milliseconds since the epoch, UTC: a constant, so that a measurement can be repeated."""
_ORDERS = 3
_SEEDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One transaction with its labels."""

    scenario: Scenario
    seed: int
    transaction: Transaction
    disturbance: Disturbance
    labels: Labels

    def __str__(self) -> str:
        return f"--scenario {self.scenario.name} --seed {self.seed} ({self.disturbance.name})"


def case_of(scenario: Scenario, seed: int, began: int = BEGAN) -> Case:
    """Returns the transaction of this scenario and seed, disturbed; ``began`` in milliseconds since the epoch, UTC."""
    transaction = scenario.play(seed, began)
    rng = random.Random(f"disturbance {scenario.name} {seed}")
    disturbance = disturbance_of(scenario, rng)
    disturbance.disturb(transaction, rng)
    labels = scenario.labels
    if disturbance.loses:
        labels = labels.without_evidence(recorded=bool(transaction.documents))
    return Case(scenario, seed, transaction, disturbance, labels)


def cases(seed: int, number: int, named: Collection[Scenario] = ()) -> Iterator[Case]:
    """Yields ``number`` transactions, every other one healthy, of all scenarios in turn; or only of the ``named`` ones."""
    healthy = cycle(named or [scenario for scenario in ALL.values() if scenario.healthy])
    others = cycle(named or [scenario for scenario in ALL.values() if not scenario.healthy])
    turns = (next(each) for each in cycle((healthy, others)))
    yield from (case_of(scenario, seed * _SEEDS + position) for position, scenario in enumerate(islice(turns, number)))


@dataclass(slots=True)
class Tally:
    """The counts over many transactions.

    Attributes:
        positives: by rule, on how many transactions it had to fire.
        found: by rule, on how many of them it did.
        false: by rule, on how many it fired though it should not have, or as an alert where a notice was right.
        missed: the cases in which a rule did not fire, with the rule.
        alarms: the cases of false alarms, with the rule.
        loud_controls: controls with an alert.
        unstable: transactions whose findings depend on the order of facts.
    """

    transactions: int = 0
    controls: int = 0
    positives: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: list[tuple[str, Case]] = field(default_factory=list)
    alarms: list[tuple[str, Case]] = field(default_factory=list)
    loud_controls: list[Case] = field(default_factory=list)
    unstable: list[Case] = field(default_factory=list)

    def add(self, case: Case, rules: Rules) -> None:
        """Evaluates one more case, its facts in several orders."""
        facts = facts_of_transaction(case.transaction)
        verdict = verdict_on(facts, rules)
        self.count(case, verdict)
        rng = random.Random(case.seed)
        if any(verdict_on(in_any_order(facts, rng), rules) != verdict for _ in range(_ORDERS)):
            self.unstable.append(case)

    def count(self, case: Case, verdict: Verdict) -> None:
        """Counts the verdict on a case."""
        self.transactions += 1
        found, false = case.labels.found(verdict), case.labels.false_alarms(verdict)
        self.positives.update(case.labels.must)
        self.found.update(found)
        self.false.update(false)
        self.missed += ((rule, case) for rule in sorted(case.labels.must - found))
        self.alarms += ((rule, case) for rule in sorted(false))
        if case.labels.control:
            self.controls += 1
            if verdict.hidden_fault:
                self.loud_controls.append(case)

    def recall(self, rule: str) -> float:
        """Returns the share of its failures that a rule finds; 1 if there are none."""
        return self.found[rule] / self.positives[rule] if self.positives[rule] else 1.0

    def precision(self, rule: str) -> float:
        """Returns the share of a rule's findings that are true; 1 if there are none."""
        fired = self.found[rule] + self.false[rule]
        return self.found[rule] / fired if fired else 1.0


def measure(seed: int, number: int, rules: Rules, named: Collection[Scenario] = ()) -> Tally:
    """Evaluates ``number`` transactions by ``rules``, and returns the counts."""
    tally = Tally()
    for case in cases(seed, number, named):
        tally.add(case, rules)
    return tally


def rules_seen(tally: Tally) -> list[str]:
    """Returns the rules of the design, and any other that fired."""
    return [*RULES, *sorted(set(tally.false) - set(RULES))]
