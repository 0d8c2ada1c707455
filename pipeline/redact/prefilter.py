"""Scan: which of many lines are worth a second look, and for what, found in one pass over all of them.

Hyperscan takes about 0.1 µs a line for as many expressions as one likes; Python's `re` takes as long for one word. What it marks is a
hint: a marked line may hold nothing, a line that is not marked holds nothing.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from threading import Lock

import hyperscan


class Prefilter:
    """Regular expressions by purpose; hyperscan's grammar (PCRE's without references and look-around), over UTF-8.

    Each should end in something that must be there, and repeat nothing there: every place where it can end costs.

    Args:
        expressions: for each purpose.
    """

    def __init__(self, expressions: Mapping[str, Sequence[str]]) -> None:
        self._purposes = [purpose for purpose, wanted in expressions.items() for _ in wanted]
        self._expressions = [expression.encode() for wanted in expressions.values() for expression in wanted]
        self._empty: dict[str, list[int]] = {purpose: [] for purpose in expressions}
        self._lock = Lock()

    def scan(self, messages: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """For each purpose the numbers of the ``messages`` that are worth a look, in order."""
        text = "\n".join(messages)
        data = text.encode("utf-8", "replace")
        hits: list[tuple[int, int]] = []

        def note(expression: int, _start: int, end: int, _flags: int, _context: object) -> None:
            hits.append((expression, end))

        # a database has one scratch space, which no two threads may use at a time
        with self._lock:
            self._database.scan(data, note)
        if not hits:
            return self._empty
        lengths = map(len, messages) if text.isascii() else (len(message.encode("utf-8", "replace")) for message in messages)
        ends = list(accumulate(lengths, lambda end, length: end + 1 + length))
        found: dict[str, set[int]] = {purpose: set() for purpose in self._empty}
        for expression, end in hits:
            found[self._purposes[expression]].add(bisect_left(ends, end))
        return {purpose: sorted(numbers) for purpose, numbers in found.items()}

    @cached_property
    def _database(self) -> "hyperscan.Database":
        """Compiled when it is first used, which takes about 25 ms."""
        return compiled(self._expressions)


def compiled(expressions: Sequence[bytes], flags: int = 0) -> "hyperscan.Database":
    """The database of ``expressions``, each with its number as id. Raises hyperscan.HyperscanError where one is none of its grammar."""
    # imported here: what reads no lines, such as a search, should not wait for it
    import hyperscan  # noqa: PLC0415

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions, ids=range(len(expressions)), flags=flags)
    return database
