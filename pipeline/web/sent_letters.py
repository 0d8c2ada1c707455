"""Sent letters: what became of the dead letters that Health sent again, portion by portion, for as long as the server runs."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from pipeline.search.pipeline_health import LONGEST_REASON

Position = tuple[int | str, ...]
"""Where a dead letter stands among all of them; empty before the first one."""
_MOST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPortion:
    """What became of one portion of dead letters.

    Attributes:
        replayed: letters that went through, and are deleted.
        kept: letters that were tried, and stay.
        indexed: log events and spans that were written.
        duplicate: those that were indexed before.
        filtered: those of a log group or an account that is not shipped.
        refused: those that are dead letters again.
        reasons: why letters stay, the first few reasons, each with the id of one letter.
        next: the position behind which the next portion begins; None where every letter was tried.
        problem: why it ended early, as a sentence; empty where it did not.
    """

    replayed: int = 0
    kept: int = 0
    indexed: int = 0
    duplicate: int = 0
    filtered: int = 0
    refused: int = 0
    reasons: tuple[tuple[str, str], ...] = ()
    next: Position | None = None
    problem: str = ""


class SendLetters(Protocol):
    """Sends a portion of the dead letters through `ship` once more, oldest first. It raises nothing that a page could not show."""

    def __call__(self, wants: Callable[[str], bool], after: Position) -> LetterPortion:
        """Sends those whose reason ``wants`` returns True for, behind the position ``after``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPortion:
    """A portion that was sent.

    Attributes:
        key: the key of the reason that was asked for; empty for any.
        further: whether it went on behind another portion.
        at: when it was sent, ISO 8601, UTC.
        portion: what became of it.
    """

    key: str
    further: bool
    at: str
    portion: LetterPortion


@dataclass(frozen=True, slots=True)
class SentPortions:
    """The portions that were sent last, each by the click that asked for it. One is sent at a time, and none twice for a click."""

    _sending: threading.Lock = field(default_factory=threading.Lock)
    _by_click: dict[str, SentPortion] = field(default_factory=dict)

    def find(self, click: str) -> SentPortion | None:
        """The portion of a click; None where there is none, or it is long ago."""
        return self._by_click.get(click)

    def send_once(self, click: str, send: Callable[[], SentPortion]) -> None:
        """Waits for what is being sent, and then calls ``send``, unless this click's portion was sent meanwhile, as by a double click."""
        with self._sending:
            if click in self._by_click:
                return
            self._by_click[click] = send()
            if len(self._by_click) > _MOST:
                del self._by_click[next(iter(self._by_click))]


def reason_key(reason: str) -> str:
    """A short key of a reason, by what Health shows of it, for a form: the reason itself may hold what no form brings back."""
    return hashlib.sha256(reason[:LONGEST_REASON].encode("utf-8", "surrogatepass")).hexdigest()[:16]
