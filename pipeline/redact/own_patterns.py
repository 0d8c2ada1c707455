"""Own patterns: masks what the user's own regular expressions match."""

from collections.abc import Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING

from pipeline.redact.prefilter import compiled, require_hyperscan

if TYPE_CHECKING:
    import hyperscan


class OwnPatterns:
    """Masks what the user's own patterns match. Hyperscan never backtracks: a line costs at most its length times its matches.

    Args:
        patterns: regular expressions in Hyperscan's grammar (PCRE without references and look-around). The longest match counts.

    Raises ValueError with the number of the first pattern that Hyperscan refuses, or that matches the empty text.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        expressions = [pattern.encode() for pattern in patterns]
        self._database = _checked(expressions) if expressions else None
        self._lock = Lock()

    def __bool__(self) -> bool:
        return self._database is not None

    def without(self, text: str, mask: str) -> str:
        """Returns ``text`` with ``mask`` in place of each match."""
        if self._database is None:
            return text
        data = text.encode("utf-8", "replace")
        matches: list[tuple[int, int]] = []

        def collect(_expression: int, start: int, end: int, _flags: int, _context: object) -> None:
            matches.append((start, end))

        with self._lock:
            self._database.scan(data, collect)
        return b"".join(_cut(data, sorted(matches), mask.encode())).decode() if matches else text


def _checked(expressions: list[bytes]) -> "hyperscan.Database":
    """The Hyperscan database of ``expressions``. Raises ValueError with the number of the first one that Hyperscan refuses."""
    require_hyperscan()
    # imported here: few users set a pattern
    import hyperscan  # noqa: PLC0415

    flags = hyperscan.HS_FLAG_SOM_LEFTMOST | hyperscan.HS_FLAG_UTF8
    for number, expression in enumerate(expressions, 1):
        try:
            compiled([expression], flags)
        except hyperscan.HyperscanError as error:
            raise ValueError(f"pattern {number} ({expression.decode()}): {error}") from None
    return compiled(expressions, flags)


def _cut(data: bytes, matches: Iterable[tuple[int, int]], mask: bytes) -> Iterator[bytes]:
    """Yields ``data`` in parts, with one ``mask`` in place of ``matches`` that touch each other; they are sorted by start."""
    position = end_of_last = -1
    for start, end in matches:
        if start > end_of_last:
            yield data[max(position, 0) : start]
            yield mask
        end_of_last = position = max(end_of_last, end)
    yield data[max(position, 0) :]
