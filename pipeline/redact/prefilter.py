"""Prefilter: finds, in one pass over many lines, which lines need a closer look, and for what purpose.

Hyperscan takes about 0.1 µs a line for any number of expressions; Python's `re` takes as long for one word. A mark is a hint: a marked
line may hold nothing, but a line without a mark certainly holds nothing.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Final

from pipeline.errors import MisconfiguredError

if TYPE_CHECKING:
    import hyperscan


class Marks(dict[str, Sequence[int]]):
    """The indices of the marked messages by purpose; a purpose that is not there has none."""

    def __missing__(self, purpose: str) -> Sequence[int]:
        return ()


_NO_MARKS: Final = Marks()


class Prefilter:
    """Searches many texts for regular expressions, grouped by purpose, in one Hyperscan pass.

    An expression should end in something required and not repeated: Hyperscan reports every possible end of a match, and each costs.

    Args:
        expressions: the expressions of each purpose, in Hyperscan's grammar (PCRE without references and look-around), over UTF-8.
    """

    def __init__(self, expressions: Mapping[str, Sequence[str]]) -> None:
        self._purposes = [purpose for purpose, patterns in expressions.items() for _ in patterns]
        self._expressions = [expression.encode() for patterns in expressions.values() for expression in patterns]
        self._lock = Lock()

    def scan(self, messages: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """For each purpose, the indices of the ``messages`` in which one of its expressions matches, in ascending order.

        A purpose without a match has an empty sequence, but is no key of the mapping.
        """
        text = "\n".join(messages)
        data = text.encode("utf-8", "replace")
        hits: list[tuple[int, int]] = []

        def collect(expression: int, _start: int, end: int, _flags: int, _context: object) -> None:
            hits.append((expression, end))

        # a database has one scratch space, which two threads must not use at once
        with self._lock:
            self._database.scan(data, collect)
        if not hits:
            return _NO_MARKS
        lengths = map(len, messages) if text.isascii() else (len(message.encode("utf-8", "replace")) for message in messages)
        ends = list(accumulate(lengths, lambda end, length: end + 1 + length))
        found: dict[str, set[int]] = {}
        for expression, end in hits:
            found.setdefault(self._purposes[expression], set()).add(bisect_left(ends, end))
        return Marks({purpose: sorted(numbers) for purpose, numbers in found.items()})

    @cached_property
    def _database(self) -> "hyperscan.Database":
        """The Hyperscan database. It is compiled on first use, which takes about 0.1 s."""
        return compiled(self._expressions)


def compiled(expressions: Sequence[bytes], flags: int = 0) -> "hyperscan.Database":
    """Compiles ``expressions`` into a Hyperscan database, with their indices as ids.

    Raises hyperscan.HyperscanError for a bad one, and MisconfiguredError where Hyperscan is missing or its binary does not load.
    """
    require_hyperscan()
    # imported here: a command that reads no lines, such as a search, should not wait for it
    import hyperscan  # noqa: PLC0415

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions, ids=range(len(expressions)), flags=flags)
    return database


def require_hyperscan() -> None:
    """Raises MisconfiguredError, with the reason, where Hyperscan is missing or its binary does not load."""
    try:
        import hyperscan  # noqa: F401, PLC0415
    except ImportError as error:
        import platform  # noqa: PLC0415

        problem = f"hyperscan does not load on {platform.machine()} ({error}), and no line is read without it"
        raise MisconfiguredError([f"{problem}: install tracejoin's dependencies for this processor and this Python"]) from error
