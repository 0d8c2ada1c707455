"""Report: prints what a campaign found, with one line that repeats each failure."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from fuzz.campaign import Failure, Result
from fuzz.cost import Cost
from fuzz.target import Input

_WIDEST: Final = 4000


def table(results: Sequence[Result]) -> str:
    """A row for each target."""
    head = "inputs", "refused", "a second", "failures", "probes", "ns a char", "dearest", "too dear", "MiB grown"
    rows = [f"{'target':<11}" + "".join(f"{name:>11}" for name in head)]
    for result in results:
        refused, rate = result.refused / max(result.inputs, 1), result.inputs / max(result.seconds, 1e-9)
        dearest = result.dearest.per_character if result.dearest else 0.0
        cells = (
            f"{result.inputs:,}", f"{refused:.0%}", f"{rate:,.0f}", len(result.failures), result.probes, f"{result.median_cost:,.0f}",
            f"{dearest:,.0f}", len(result.too_dear), f"{result.memory.growth:+.1f}",
        )  # fmt: skip
        rows.append(f"{result.name:<11}" + "".join(f"{cell:>11}" for cell in cells))
    return "\n".join(rows)


def findings(result: Result, folders: Sequence[Path]) -> list[str]:
    """Each finding in a few lines: what it is, the command that repeats it, and its smallest input as a case for `tests/cases/fuzz`."""
    corpus = "".join(f" --corpus {shlex.quote(str(folder))}" for folder in folders)
    found = [_failure(result.name, failure, corpus) for failure in result.failures.values()]
    found += [_dear(result.name, seed, cost, corpus) for seed, cost in result.too_dear.items()]
    if not result.memory.flat:
        found.append(f"{result.name}: memory grew by {result.memory.growth:.1f} MiB")
    return found


def case_of(name: str, given: Input) -> str:
    """An input as a case file holds it, on one line."""
    return json.dumps({"target": name, "input": given})


def case_of_growth(name: str, cost: Cost) -> str:
    """A probe as a case file holds it, on one line."""
    return json.dumps({"target": name, "growth": msgspec.structs.asdict(cost.growth)})


def _failure(name: str, failure: Failure, corpus: str) -> str:
    return (f"{name}: {failure.kind} ({failure.number} times)\n  python -m fuzz {name} --seed {failure.seed}{corpus}\n"
            f"  {case_of(name, failure.given)[:_WIDEST]}")  # fmt: skip


def _dear(name: str, seed: int, cost: Cost, corpus: str) -> str:
    return (f"{name}: at four times the length it costs {cost.ratio:.1f} times as much ({cost.per_character:,.0f} ns a character)\n"
            f"  python -m fuzz {name} --growth --seed {seed}{corpus}\n  {case_of_growth(name, cost)[:_WIDEST]}")  # fmt: skip
