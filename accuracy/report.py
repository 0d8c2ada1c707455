"""Report: prints what was measured, as a table or as JSON, and says which gates pass."""

import json
from collections import Counter
from collections.abc import Sequence

from accuracy.grouping.measure import MOST_MIXED, MOST_PARTED, Grouping
from accuracy.measure import Case, Tally, rules_seen

LEAST_RECALL, LEAST_PRECISION = 1.0, 0.99
_MOST_NAMED = 3


def gates(tally: Tally, grouping: Grouping | None = None) -> dict[str, bool]:
    """Returns each gate by name, and whether it passes; those of ``grouping`` where it was measured."""
    names = rules_seen(tally)
    return _grouping_gates(grouping) | {
        f"recall {LEAST_RECALL:.0%} where the evidence is there": all(tally.recall(rule) >= LEAST_RECALL for rule in names),
        f"precision {LEAST_PRECISION:.0%} of each rule": all(tally.precision(rule) >= LEAST_PRECISION for rule in names),
        "no alert on a control": not tally.loud_controls,
        "findings do not depend on the order of facts": not tally.unstable,
    }


def _grouping_gates(grouping: Grouping | None) -> dict[str, bool]:
    if grouping is None:
        return {}
    parted, mixed = grouping.shares
    return {
        f"{1 - MOST_PARTED:.0%} of the faults of one cause in one issue": parted <= MOST_PARTED,
        f"{MOST_MIXED:.0%} at most in an issue of another cause": mixed <= MOST_MIXED,
        "issues do not depend on the order of facts": not grouping.unstable,
    }


def table(tally: Tally, seed: int, grouping: Grouping | None = None) -> str:
    """Returns a row for each rule, the controls, each kind of mistake with cases to repeat it, and the gates."""
    rows = [f"{tally.transactions} made-up transactions, seed {seed}", "",
            f"{'rule':<28} {'positives':>9} {'found':>7} {'recall':>8} {'false alarms':>13} {'precision':>10}"]  # fmt: skip
    rows += [f"{rule:<28} {tally.positives[rule]:>9} {tally.found[rule]:>7} {tally.recall(rule):>8.2%} {tally.false[rule]:>13} "
             f"{tally.precision(rule):>10.2%}" for rule in rules_seen(tally)]  # fmt: skip
    rows += ["", f"{tally.controls} controls, {len(tally.loud_controls)} with an alert"]
    rows += _named("missed", tally.missed) + _named("false alarm", tally.alarms)
    rows += _named("alert on a control", [("any", case) for case in tally.loud_controls])
    rows += _named("another order, another verdict", [("any", case) for case in tally.unstable])
    rows += _grouped(grouping)
    rows += ["", *(f"{'passed' if passed else 'FAILED'}  {gate}" for gate, passed in gates(tally, grouping).items())]
    return "\n".join(rows)


def _grouped(grouping: Grouping | None) -> list[str]:
    if grouping is None:
        return []
    parted, mixed = grouping.shares
    shares = f"{parted:.2%} apart from the others of their cause, {mixed:.2%} in an issue of another cause"
    rows = ["", f"{grouping.number} faults of {len(grouping.faults)} causes: {shares}"]
    rows += [f"apart: {cause}, {number} of {grouping.faults[cause].total()}" for cause, number in sorted(grouping.parted.items())]
    rows += [f"mixed: {cause}, {number} of {grouping.faults[cause].total()}" for cause, number in sorted(grouping.mixed.items())]
    return rows + [f"another order, another issue: {cause}" for cause in sorted(set(grouping.unstable))]


def as_json(tally: Tally, seed: int, grouping: Grouping | None = None) -> str:
    """Returns the same as one JSON object, with every mistake."""
    return json.dumps({
        "seed": seed, "transactions": tally.transactions,
        "rules": {rule: {"positives": tally.positives[rule], "found": tally.found[rule], "recall": tally.recall(rule),
                         "falseAlarms": tally.false[rule], "precision": tally.precision(rule)} for rule in rules_seen(tally)},
        "controls": {"transactions": tally.controls, "withAlert": len(tally.loud_controls),
                     "scenarios": sorted({case.scenario.name for case in tally.loud_controls})},
        "missed": [_case(case, rule) for rule, case in tally.missed],
        "falseAlarms": [_case(case, rule) for rule, case in tally.alarms],
        "unstable": [_case(case) for case in tally.unstable],
        "grouping": {"faults": grouping.number, "parted": grouping.parted, "mixed": grouping.mixed,
                     "unstable": grouping.unstable} if grouping else None,
        "gates": gates(tally, grouping), "passed": all(gates(tally, grouping).values()),
    })  # fmt: skip


def _case(case: Case, rule: str = "") -> dict[str, object]:
    named: dict[str, object] = {"rule": rule} if rule else {}
    return named | {"scenario": case.scenario.name, "seed": case.seed, "disturbance": case.disturbance.name}


def _named(title: str, mistakes: Sequence[tuple[str, Case]]) -> list[str]:
    """Returns rows of the mistakes by rule and scenario, each with some cases."""
    counts = Counter((rule, case.scenario.name) for rule, case in mistakes)
    rows: list[str] = []
    for (rule, name), count in sorted(counts.items()):
        some = [str(case) for each, case in mistakes if (each, case.scenario.name) == (rule, name)][:_MOST_NAMED]
        rows.append(f"{title}: {rule}, {count} times on {name}")
        rows += [f"    {case}" for case in some]
    return ["", *rows] if rows else []
