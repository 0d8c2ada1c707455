"""Outcome: what became of one parked event or dead letter, and the ledger of them all."""

from typing import Literal

import msgspec

from pipeline.ship import Ledger

Source = Literal["parked", "letter"]
Result = Literal["replayed", "kept", "unreadable", "gone"]
_MOST_REASONS = 10


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a run came, for another to go on behind it: first through the objects, then through the letters.

    Attributes:
        key: the last object that was looked at; empty for none.
        letters: the position of the last letter that was looked at; empty for none, None while there are objects left.
    """

    key: str = ""
    letters: tuple[int | str, ...] | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What became of one.

    Attributes:
        source: parked, an object in the bucket, or letter, one in the index.
        id: the object's key, or the letter's `_id`.
        result: replayed: all of it went through, and it is deleted. kept: some of it did not, and it stays. unreadable: it holds nothing
            that could be shipped, and stays. gone: somebody else deleted it meanwhile.
        reason: why it was not replayed; else empty.
        ledger: of its log events; of several letters that were shipped together the first one has it.
    """

    source: Source
    id: str
    result: Result
    reason: str = ""
    ledger: Ledger = msgspec.field(default_factory=Ledger)


class ReplayLedger(msgspec.Struct, rename="camel"):
    """Counts parked events and dead letters: found = replayed + kept + unreadable + gone.

    Attributes:
        events: the ledger of their log events, as `ship` counts them.
        reasons: the first reasons of what was not replayed, each once, with the id of the first one that has it.
        dry_run: whether nothing was sent or deleted: replayed are those that would be tried.
    """

    found: int = 0
    replayed: int = 0
    kept: int = 0
    unreadable: int = 0
    gone: int = 0
    events: Ledger = msgspec.field(default_factory=Ledger)
    reasons: dict[str, str] = {}
    dry_run: bool = False

    def add(self, outcome: Outcome) -> None:
        """Counts one more."""
        self.found += 1
        setattr(self, outcome.result, getattr(self, outcome.result) + 1)
        self.events.add(outcome.ledger)
        if outcome.reason and len(self.reasons) < _MOST_REASONS:
            self.reasons.setdefault(outcome.reason, outcome.id)
