"""Backfill: reads several portions at once and ships their windows one after the other, as if a subscription had delivered them."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from pipeline.backfill.portion import Portion, Window
from pipeline.backfill.portion_reader import PortionReader
from pipeline.backfill.saved_progress import SavedProgress
from pipeline.backfill.stored_ids import take_stored_ids
from pipeline.errors import BadInputError, UnavailableError
from pipeline.settings import Settings
from pipeline.ship import Ledger, ship
from pipeline.store.client import Store

AT_ONCE: Final = 4
"""How many portions are read at the same time; one process ships what they yield."""

_PATIENCE: Final = 60.0
_PAUSES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 30.0)


class BackfillProgress(msgspec.Struct, kw_only=True):
    """How far a backfill is.

    Attributes:
        ledger: what became of the events of this run.
        done: how much is done, from 0 to 1, with what earlier runs did.
        alike: how many events were stored under another event id already; the ledger counts them as duplicates.
        unreadable: what could not be read, in words, each once.
    """

    ledger: Ledger = msgspec.field(default_factory=Ledger)
    done: float = 0.0
    alike: int = 0
    unreadable: dict[str, None] = {}


class Backfill:
    """Ships past events.

    Args:
        store: OpenSearch, with its templates installed.
        settings: as `ship` takes them.
        saved: what earlier runs have done, and where this one notes its progress.
        told: called after each window.
        waiting: called with a sentence while OpenSearch does not take a window.
        pause: waits a number of seconds.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        saved: SavedProgress,
        *,
        told: Callable[[BackfillProgress], None] = lambda _: None,
        waiting: Callable[[str], None] = lambda _: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._settings = settings
        self._saved = saved
        self._told = told
        self._waiting = waiting
        self._pause = pause
        self._whole = 1.0
        self._weight = 0.0
        self.progress = BackfillProgress()

    def run(self, portions: Sequence[Portion]) -> BackfillProgress:
        """Ships all that is left of ``portions``; a portion that can't be read is named, and its neighbours go on.

        Raises UnavailableError where OpenSearch or AWS stays away, and MisconfiguredError without permission. What is done then, or when
        Ctrl-C ends it, is saved.
        """
        # else the first window would show that it can't be
        self._saved.save()
        left = [portion for portion in portions if self._saved.position(portion.key) is not None]
        self._whole = sum(portion.weight for portion in portions) or 1.0
        self._tell(self._whole - sum(portion.weight for portion in left))
        reached = dict.fromkeys((portion.key for portion in left), 0.0)
        try:
            with PortionReader(left, self._saved, at_once=AT_ONCE) as windows:
                for portion, window in windows:
                    share = self._take(portion, window)
                    self._tell(portion.weight * (share - reached[portion.key]))
                    reached[portion.key] = share
        finally:
            self._saved.save()
        return self.progress

    def _take(self, portion: Portion, window: Window | BadInputError | None) -> float:
        """Ships what was read of a portion, and notes it; returns how much of it is done."""
        if isinstance(window, BadInputError):
            self.progress.unreadable[str(window)] = None
            return 1.0
        if window is None:
            self._saved.done(portion.key)
            return 1.0
        self._ship(window)
        self._saved.reached(portion.key, window.position)
        return window.share

    def _tell(self, more: float) -> None:
        self._weight += more
        self.progress.done = min(self._weight / self._whole, 1.0)
        self._told(self.progress)

    def _ship(self, window: Window) -> None:
        if not window.events:
            return
        for pause in (*_PAUSES, None):
            try:
                self._ship_once(window)
            except UnavailableError as error:
                if pause is None:
                    raise
                self._waiting(str(error))
                self._pause(pause)
            else:
                return

    def _ship_once(self, window: Window) -> None:
        self.progress.alike += take_stored_ids(window.documents, self._store, self._settings)
        # as Firehose would bring several documents
        event = {"records": [{"data": document} for document in window.documents]}
        deadline = time.monotonic() + _PATIENCE
        shipment = ship(event, store=self._store, settings=self._settings, remaining=lambda: deadline - time.monotonic())
        self.progress.ledger.add(shipment.ledger)
