"""Table: the measures beside what they are compared with and their targets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SLACK: Final = 1.2
"""How far a measure may exceed its target before it counts as missed: what differs from run to run."""

TARGETS: Final = {
    "cpu over final": 2.0,
    # 150 µs a line, where sending the bare bulk takes 14
    "resolve over sending": 10.7,
    "index operations": 33,
    "gets": 12,
    "refreshes": 0,
    "resolve requests": 6,
    "ship requests 50": 2,
    "ship requests 500": 2,
    "ship requests 5000": 6,
    "ship over floor 50": 5,
    "ship over floor 500": 2.5,
    "ship over floor 5000": 1.6,
    "logs on disk": 320,
    "all on disk": 700,
    "lone requests": 6,
    "lone refreshes": 0,
    # 20 ms, where writing every document of a trace once takes 5.2
    "lone cpu over final": 3.9,
    "sweep requests": 2,
}
"""What each measure is to come down to, by its name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measure.

    Attributes:
        words: what is measured.
        value: the measure.
        beside: the same of what it is compared with; None for nothing.
        target: the name of its target; empty for none.
    """

    words: str
    value: float
    beside: float | None = None
    target: str = ""

    @property
    def missed(self) -> bool:
        """Whether the measure is over its target by more than the slack."""
        return bool(self.target) and self.value > TARGETS[self.target] * SLACK


def print_table(rows: Iterable[Row], *, width: int = 82) -> int:
    """Prints the rows; returns how many missed their target."""
    missed = 0
    print(f"{'':<{width}} {'bare, floor':>12} {'measured':>10} {'target':>8}")
    for row in rows:
        beside = "" if row.beside is None else _number(row.beside)
        target = _number(TARGETS[row.target]) if row.target else ""
        print(f"{row.words:<{width}} {beside:>12} {_number(row.value):>10} {target:>8}{'  over' if row.missed else ''}")
        missed += row.missed
    return missed


def _number(value: float) -> str:
    """A number with as many digits as tell something."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
