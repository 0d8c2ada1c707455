"""Letter sender: what the button on the page's Health does: dead letters go through `ship` once more, a bounded portion at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipeline.errors import TracejoinError
from pipeline.provision.install import require
from pipeline.replay.choice import Choice
from pipeline.replay.outcome import Position, ReplayLedger
from pipeline.replay.run import Replay
from pipeline.replay.sender import Sender
from pipeline.settings import Settings
from pipeline.store.client import Store
from pipeline.store.stored_letters import letters_index
from pipeline.web import sent_letters
from pipeline.web.sent_letters import LetterPortion

_PORTION: Final = 500
# seconds after which no further letters are tried, and after which the last ones are given up: a person waits for the page
_TIME: Final = 20.0
_PATIENCE: Final = 30.0


class _Wanted(Choice, frozen=True, kw_only=True):
    """Dead letters by their reason; ``by`` says of each reason whether it is wanted."""

    by: Callable[[str], bool]

    def wants(self, reason: str) -> bool:
        """Whether one with this reason is wanted."""
        return self.by(reason)


@dataclass(frozen=True, slots=True)
class LetterSender:
    """Sends dead letters again, with the settings of this command.

    Attributes:
        store: OpenSearch, which has the letters.
        settings: those of `ship`.
        portion: about how many are tried at a time; those of one log stream are not parted.
        clock: seconds, never backwards.
    """

    store: Store
    settings: Settings
    portion: int = _PORTION
    clock: Callable[[], float] = time.monotonic

    def __call__(self, wants: Callable[[str], bool], after: sent_letters.Position) -> LetterPortion:
        """Sends a portion, as `SendLetters` says."""
        ledger, began = ReplayLedger(), self.clock()
        sender = Sender(self.store, self.settings, lambda: lambda: began + _PATIENCE - self.clock())
        run = Replay(sender, None, _Wanted(by=wants), Position("", after),
                     go_on=lambda: ledger.found < self.portion and self.clock() < began + _TIME)  # fmt: skip
        problem = ""
        try:
            require(self.store)
            for outcome in run.outcomes():
                ledger.add(outcome)
            # so that the page does not show what is deleted
            self.store.refresh(letters_index(self.store))
        except TracejoinError as error:
            problem = str(error)
        events = ledger.events
        return LetterPortion(
            replayed=ledger.replayed, kept=ledger.found - ledger.replayed, indexed=events.indexed, duplicate=events.duplicate,
            filtered=events.filtered, refused=events.dead_lettered, reasons=tuple(ledger.reasons.items()),
            next=run.position.letters if run.stopped else None, problem=problem,
        )  # fmt: skip
