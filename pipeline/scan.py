"""Scan: one pass over many lines finds the few that are worth a second look. It costs what two words looked for in each line would.

hyperscan (vectorscan on arm64) looks for all expressions at once; `re` would look for one after the other.
"""

import threading
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import accumulate
from typing import Any

import hyperscan


class Scanner:
    """Looks for expressions.

    Args:
        expressions: by purpose; what they find may be more than what is wanted, never less.

    Raises ValueError where one can't be looked for.
    """

    def __init__(self, expressions: Mapping[str, Sequence[str]]) -> None:
        pairs = [(purpose, expression) for purpose, several in expressions.items() for expression in several]
        self._purposes = [purpose for purpose, _ in pairs]
        try:
            # what it can't look for exactly, such as a look-behind, it may find too often
            self._database = _compiled([expression for _, expression in pairs], hyperscan.HS_FLAG_PREFILTER)
        except hyperscan.error as error:
            raise ValueError(f"an expression can't be looked for: {error}") from error
        # its scratch space is for one scan at a time
        self._lock = threading.Lock()

    def marks(self, lines: Sequence[str]) -> dict[str, list[int]]:
        """The numbers of the lines that are worth a second look, by purpose, in order; nothing for a purpose without any."""
        text = "\n".join(lines)
        data = text.encode("utf-8", "surrogatepass")
        hits: set[tuple[int, int]] = set()

        def note(number: int, _from: int, to: int, _flags: int, _context: Any) -> None:
            hits.add((number, to))

        with self._lock:
            self._database.scan(data, match_event_handler=note)
        marked: dict[str, set[int]] = {}
        # where each line begins
        starts = _starts(lines if len(data) == len(text) else [line.encode("utf-8", "surrogatepass") for line in lines]) if hits else []
        for number, to in hits:
            marked.setdefault(self._purposes[number], set()).add(bisect_right(starts, to - 1) - 1)
        return {purpose: sorted(numbers) for purpose, numbers in marked.items()}


class Finder:
    """Finds where expressions match, in time that follows from the length of the text.

    Args:
        expressions: without look-around and back-references; none may match the empty text.

    Raises ValueError that says which one can't be used.
    """

    def __init__(self, expressions: Sequence[str]) -> None:
        for number, expression in enumerate(expressions, 1):
            try:
                _compiled([expression], hyperscan.HS_FLAG_SOM_LEFTMOST)
            except hyperscan.error as error:
                raise ValueError(f"pattern {number}, {expression!r}, can't be used: {error}") from error
        self._database = _compiled(expressions, hyperscan.HS_FLAG_SOM_LEFTMOST)
        self._lock = threading.Lock()

    def replace(self, text: str, replacement: str) -> str:
        """``text`` with ``replacement`` in place of each match, the longest where several overlap."""
        data = text.encode("utf-8", "surrogatepass")
        spans: list[tuple[int, int]] = []
        with self._lock:
            self._database.scan(data, match_event_handler=lambda _number, start, end, _flags, _context: spans.append((start, end)))
        parts: list[bytes] = []
        done = 0
        for start, end in _merged(spans):
            parts += (data[done:start], replacement.encode())
            done = end
        return b"".join((*parts, data[done:])).decode("utf-8", "surrogatepass") if parts else text


def _compiled(expressions: Sequence[str], flag: int) -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(expressions=[expression.encode() for expression in expressions], ids=list(range(len(expressions))),
                     elements=len(expressions), flags=[flag] * len(expressions))  # fmt: skip
    return database


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _starts(lines: Iterable[Sized]) -> list[int]:
    return [0, *accumulate(len(line) + 1 for line in lines)]
