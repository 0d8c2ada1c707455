"""What every source of traces is: it looks traces up, and answers for each."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal, Protocol

import msgspec

from pipeline.model.facts import Outcome

TraceFormat = Literal["XRAY", "OTEL"]
"""What the documents of a retrieval are: segment documents, or OpenTelemetry spans."""


class LookupResult(msgspec.Struct, frozen=True):
    """What X-Ray has on one trace: how the look-up ended, and its documents as JSON text.

    A document is a segment document, or an OpenTelemetry span where the source was asked for spans. ``at`` is the time of which
    the answer speaks, in milliseconds since the epoch, where that is not now.
    """

    outcome: Outcome
    documents: tuple[str, ...] = ()
    at: int = 0


class TraceSource(Protocol):
    """Where traces come from."""

    @property
    def name(self) -> str:
        """The operation that is asked, or the log group: evidence of each look-up."""

    @property
    def calls(self) -> int:
        """How many calls were made so far."""

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """An answer for each trace that was asked for; those that the budget or a throttle put off are missing.

        Args:
            wanted: canonical ids, each with the time of its first log line (milliseconds since the epoch, UTC; 0 where unknown).

        Raises UnavailableError where X-Ray does not answer, MisconfiguredError where it refuses these credentials.
        """


def batched(trace_ids: Mapping[str, int], size: int) -> Iterator[Sequence[str]]:
    """``trace_ids`` in runs of ``size``."""
    ids = iter(trace_ids)
    while group := list(islice(ids, size)):
        yield group
