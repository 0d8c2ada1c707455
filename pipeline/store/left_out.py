"""Left out: the indices that searches do without for now, since they are closed or their shards are away.

OpenSearch by itself skips such an index and says nothing of it. So each search asks for all of them, and learns which one is missing; it
goes on without that one, and whoever needs to know asks what was left out.
"""

import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from pipeline.errors import TracejoinError
from pipeline.model.index_days import index_of_day_near

CLOSED: Final = "index_closed_exception"
_SHARDS: Final = "search_phase_execution_exception"
_UNAVAILABLE: Final = 503
# seconds after which a search tries the index again
_LASTS: Final = 30.0


class LeftOut:
    """What the searches of one connection leave out.

    Args:
        clock: returns seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def now(self) -> float:
        """The moment to give to `since` later."""
        return self._clock()

    @property
    def is_used(self) -> bool:
        """Whether an index was ever left out."""
        return bool(self._last)

    def since(self, moment: float) -> set[str]:
        """Returns the names of the indices that a search has left out since ``moment``."""
        return {name for name, at in self._last.items() if at >= moment}

    def missed(self, moment: float, first: int, last: int) -> str:
        """Returns why searches since ``moment`` may have missed documents of these times (epoch milliseconds), a day more each way.

        The text is empty if they have not; ``last`` is 0 where no time is known.
        """
        index = index_of_day_near(self.since(moment), first, last)
        return f"{index} can't be searched now: it is closed, or its shards are away" if index else ""

    def narrowed(self, pattern: str) -> str:
        """Returns ``pattern``, names and wildcards with commas between, without the indices to leave out."""
        now = self._clock()
        self._until = {name: until for name, until in self._until.items() if until > now}
        names = [name for name in self._until if _is_in(name, pattern)]
        self._last |= dict.fromkeys(names, now)
        # with a wildcard, since one that was deleted meanwhile would be an error
        return ",".join([pattern, *(f"-{name}*" for name in names)])

    def add(self, names: Iterable[str], pattern: str) -> bool:
        """Leaves these indices out from now on, and returns whether there is one that a wildcard of ``pattern`` stands for.

        An index that is named in full can't be left out: nothing else holds what it holds.
        """
        found = [name for name in names if _is_in(name, pattern)]
        self._until |= dict.fromkeys(found, self._clock() + _LASTS)
        return bool(found)


def closed_index(error: TracejoinError) -> str:
    """Returns the name of the closed index that a search failed for; empty if it failed for something else."""
    if error.kind != CLOSED:
        return ""
    try:
        return str(msgspec.json.decode(error.answer)["error"]["index"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


def lacks_shards(error: TracejoinError) -> bool:
    """Whether a search failed since shards are away, as those of a new index are for a moment, and those of a lost node for longer."""
    return error.kind == _SHARDS and error.status == _UNAVAILABLE


def _is_in(name: str, pattern: str) -> bool:
    return any(fnmatchcase(name, part) for part in pattern.split(",") if "*" in part)
