"""Portion reader: reads several portions at once, in threads of its own, one window ahead of who ships them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Final, Self

from pipeline.backfill.portion import BEGINNING, Portion, Window
from pipeline.backfill.saved_progress import SavedProgress
from pipeline.errors import BadInputError

Read = tuple[Portion, Window | BadInputError | None]
"""A portion with its next window; with None after the last one, or with the reason why it can't be read."""

_POLL: Final = 0.2


class PortionReader:
    """Reads portions while it is used as a context manager, and yields what it reads, in any order of the portions.

    What a portion raises, but for BadInputError, ends the reading and is raised.

    Args:
        portions: what to read.
        saved: where each portion goes on.
        at_once: how many portions are read at the same time.
    """

    def __init__(self, portions: Sequence[Portion], saved: SavedProgress, *, at_once: int) -> None:
        self._saved = saved
        self._todo: Queue[Portion] = Queue()
        for portion in portions:
            self._todo.put(portion)
        self._read: Queue[Read | BaseException | None] = Queue(maxsize=1)
        self._stop = Event()
        # where one hangs in a call, it ends with the process
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(min(at_once, len(portions)))]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * _POLL)

    def __iter__(self) -> Iterator[Read]:
        working = len(self._threads)
        while working:
            item = self._read.get()
            if item is None:
                working -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                portion = self._todo.get_nowait()
                for window in self._windows_of(portion):
                    self._put((portion, window))
        except Empty:
            self._put(None)
        except BaseException as error:  # noqa: BLE001  # it is raised by the thread that ships
            self._put(error)

    def _windows_of(self, portion: Portion) -> Iterator[Window | BadInputError | None]:
        position = self._saved.position(portion.key)
        try:
            yield from portion.windows(BEGINNING if position is None else position)
        except BadInputError as error:
            yield error
        else:
            yield None

    def _put(self, item: Read | BaseException | None) -> None:
        while not self._stop.is_set():
            with suppress(Full):
                self._read.put(item, timeout=_POLL)
                return
