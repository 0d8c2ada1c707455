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


REACHED: Final = {
    # the body of 5,000 events is cut in five or six
    "ship requests 5000": 6.5,
    # a new issue makes the records visible, to count them
    "refreshes": 0.05,
    "resolve requests": 7,
}
"""What a count came down to where that is not its target yet: `--quick --gate` lets none grow beyond it."""
COUNTED: Final = (REACHED.keys() | TARGETS.keys()) - {name for name in TARGETS if "over" in name}
"""The measures that no other work on the machine changes: requests, operations, bytes."""


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

    @property
    def has_grown(self) -> bool:
        """Whether the measure is a count that is over what was reached by more than the slack."""
        return self.target in COUNTED and self.value > REACHED.get(self.target, TARGETS[self.target]) * SLACK


def print_table(rows: Iterable[Row], *, width: int = 82) -> None:
    """Prints the rows, and says which of them missed their target."""
    print(f"{'':<{width}} {'bare, floor':>12} {'measured':>10} {'target':>8}")
    for row in rows:
        beside = "" if row.beside is None else _number(row.beside)
        target = _number(TARGETS[row.target]) if row.target else ""
        print(f"{row.words:<{width}} {beside:>12} {_number(row.value):>10} {target:>8}{'  over' if row.missed else ''}")


def _number(value: float) -> str:
    """A number with as many digits as tell something."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
