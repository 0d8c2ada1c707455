"""Left out: what reading does without: indices that can't be searched now, and documents that another program wrote.

An index can't be searched where it is closed or blocked for reading, its shards are away, or somebody's mapping has other types.

OpenSearch by itself skips most of these and says nothing of it. So each search asks for all of them, and learns which one is missing; it
goes on without that one, and whoever needs to know asks what was left out. `own_documents` says which documents are another program's.
"""

import re
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from pipeline.errors import TracejoinError
from pipeline.model.index_days import index_of_day_near
from pipeline.store.refusal import BAD_REQUEST

UNSEARCHABLE: Final = "it is closed or blocked, its shards are away, or its mapping is not tracejoin's"
"""Why a search leaves an index out, in words."""
CLOSED: Final = "index_closed_exception"
_BLOCK: Final = "cluster_block_exception"
_BLOCKED: Final = r"index \[([^\]]+)\] blocked by"
_SHARDS: Final = "search_phase_execution_exception"
# how OpenSearch 3.8 says that not all shards failed
_SOME_REFUSE: Final = "Partial shards failure"
_UNAVAILABLE: Final = 503
# seconds after which a search tries the index again
_LASTS: Final = 30.0
_MOST_DOCUMENTS: Final = 1000


class LeftOut:
    """What the readers of one connection leave out.

    Args:
        clock: returns seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._passed_over: dict[str, None] = {}

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
        return f"{index} can't be searched now: {UNSEARCHABLE}" if index else ""

    def pass_over(self, document: str) -> None:
        """Notes a ``document`` that a reader leaves out, since another program wrote it; the first thousand are remembered."""
        if len(self._passed_over) < _MOST_DOCUMENTS:
            self._passed_over[document] = None

    def passed_over(self) -> tuple[str, ...]:
        """Returns the documents that were left out since the last call."""
        found, self._passed_over = tuple(self._passed_over), {}
        return found

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


def unsearchable(error: TracejoinError) -> list[str]:
    """Returns the names of the indices that a search failed for, where others can be searched.

    One is closed, one is blocked for reading, or some refuse what others take, since their mapping is another one. Empty if the search
    failed for something else.
    """
    try:
        told = msgspec.json.decode(error.answer or "{}")["error"]
        if error.kind == CLOSED:
            return [str(told["index"])]
        if error.kind == _BLOCK:
            return re.findall(_BLOCKED, told["reason"])
        # where all of them refuse it, the search itself is to blame
        if (error.kind, error.status) == (_SHARDS, BAD_REQUEST) and told["reason"] == _SOME_REFUSE:
            return sorted({str(failed["index"]) for failed in told["failed_shards"]})
    except (msgspec.DecodeError, KeyError, TypeError):
        pass
    return []


def lacks_shards(error: TracejoinError) -> bool:
    """Whether a search failed since shards are away, as those of a new index are for a moment, and those of a lost node for longer."""
    return error.kind == _SHARDS and error.status == _UNAVAILABLE


def _is_in(name: str, pattern: str) -> bool:
    return any(fnmatchcase(name, part) for part in pattern.split(",") if "*" in part)
