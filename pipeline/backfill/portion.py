"""Portion: a part of a backfill that is read on its own, and goes on on its own after an interruption."""

from collections.abc import Iterator
from typing import Any, Final, Protocol

import msgspec

BEGINNING: Final = -1
"""The position of a portion of which nothing is done."""

Document = dict[str, Any]
"""A subscription document: `owner`, `logGroup`, `logStream` and `logEvents`, as CloudWatch Logs hands it over."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is shipped at once.

    Attributes:
        documents: a subscription document for each log stream, its events in time order.
        position: where the portion goes on once these are shipped.
        share: how much of the portion is done then, from 0 to 1.
    """

    documents: list[Document]
    position: int
    share: float

    @property
    def events(self) -> int:
        """The number of log events in it."""
        return sum(len(document["logEvents"]) for document in self.documents)


class Portion(Protocol):
    """A part of a backfill."""

    @property
    def key(self) -> str:
        """Its name among the others, the same after an interruption."""

    @property
    def weight(self) -> float:
        """Its size beside that of the others, in any one unit."""

    def windows(self, position: int) -> Iterator[Window]:
        """Reads what follows ``position``; of what came before, it may repeat some.

        Raises UnavailableError where AWS does not answer, MisconfiguredError without permission, and BadInputError for what can't be read.
        """
