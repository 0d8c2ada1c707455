"""Source: the interface of every source of traces."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal, Protocol

import msgspec

from pipeline.errors import MisconfiguredError, TracejoinError
from pipeline.model.facts import Outcome

TraceFormat = Literal["XRAY", "OTEL"]
"""The format of a retrieval's documents: segment documents, or OpenTelemetry spans."""


class LookupResult(msgspec.Struct, frozen=True):
    """What X-Ray has on one trace: how the look-up ended, and the trace's documents as JSON text.

    A document is a segment document, or an OpenTelemetry span if the source was asked for spans. ``at`` is the time for which
    the result holds, in milliseconds since the epoch, UTC; 0 for now. ``reason`` says why a look-up failed, or a part of it.
    ``owners`` has the account of each document, empty for the stack's own; it is empty itself where all are. ``refused_by`` names the
    other accounts and regions that refused it.
    """

    outcome: Outcome
    documents: tuple[str, ...] = ()
    at: int = 0
    reason: str = ""
    owners: tuple[str, ...] = ()
    refused_by: tuple[str, ...] = ()


class TraceSource(Protocol):
    """A source of traces, which looks them up by id."""

    @property
    def name(self) -> str:
        """The operation that is called, or the log group; it is stored with each look-up."""

    @property
    def calls(self) -> int:
        """How many calls were made so far."""

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """Gives a result for each wanted trace, by id; those that the budget or a throttle put off are missing.

        Where X-Ray does not answer, or refuses these credentials, the result says so (`failed_lookup`), and the others keep theirs.

        Args:
            wanted: canonical ids, each with the time of its first log line (milliseconds since the epoch, UTC; 0 where unknown).
        """


def failed_lookup(error: TracejoinError) -> LookupResult:
    """Makes the result of a look-up that X-Ray did not answer (UnavailableError), or refused (MisconfiguredError)."""
    return LookupResult("denied" if isinstance(error, MisconfiguredError) else "unreachable", reason=str(error))


def batched(trace_ids: Mapping[str, int], size: int) -> Iterator[Sequence[str]]:
    """Splits ``trace_ids`` into sequences of ``size`` ids, the last of which may be shorter."""
    ids = iter(trace_ids)
    while batch := list(islice(ids, size)):
        yield batch
