"""Minimise: makes a failing input as small as it gets: whole entries go first, then parts of its texts."""

import copy
from collections.abc import Callable
from typing import Any, Final

from fuzz.json_mutators import places
from fuzz.target import Input

_MOST_TRIES: Final = 4000


def minimised(given: Input, fails: Callable[[Input], bool]) -> Input:
    """The smallest input found that still fails; ``fails`` says whether an input fails in the same way, and never raises."""
    search = _Search(given, fails)
    before = None
    while before != search.best and search.tries < _MOST_TRIES:
        before = copy.deepcopy(search.best)
        search.shorten_lists()
        search.shorten_texts()
    return search.best


class _Search:
    """The smallest input found so far."""

    def __init__(self, given: Input, fails: Callable[[Input], bool]) -> None:
        self.best = given
        self.tries = 0
        self._fails = fails

    def shorten_lists(self) -> None:
        """Takes away each entry of a list without which the input still fails."""
        for number in reversed(range(len(places([self.best])))):
            whole, parent, key = self._place(number)
            if isinstance(parent, list) and parent is not whole and len(parent) > 1:
                del parent[key]
                self._try(whole)

    def shorten_texts(self) -> None:
        """Takes away each part of a text without which the input still fails: the whole, halves, quarters, down to one character."""
        for number in range(len(places([self.best]))):
            _, parent, key = self._place(number)
            size = len(parent[key]) if isinstance(parent[key], str) else 0
            while size:
                start = 0
                while self._without(number, start, start + size):
                    start += size
                size //= 2

    def _without(self, number: int, start: int, end: int) -> bool:
        """Tries the text at a place without a part, as long as that fails; says whether there is more behind the part."""
        while self.tries < _MOST_TRIES:
            whole, parent, key = self._place(number)
            text: str = parent[key]
            if start >= len(text):
                return False
            parent[key] = text[:start] + text[end:]
            if not self._try(whole):
                return True
        return False

    def _place(self, number: int) -> tuple[list[Any], list[Any] | dict[Any, Any], Any]:
        whole = [copy.deepcopy(self.best)]
        parent, key = places(whole)[number]
        return whole, parent, key

    def _try(self, whole: list[Any]) -> bool:
        self.tries += 1
        if not self._fails(whole[0]):
            return False
        self.best = whole[0]
        return True
