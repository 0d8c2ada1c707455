"""Tail: sends the hits of a question to a browser as they are stored, as server-sent events.

`search.live_tail` waits between its polls, so it works in a thread of its own, and ends when the browser is gone.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import TimeoutError as WaitedError
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.errors import TracejoinError
from pipeline.search.highlights import Marks
from pipeline.search.live_tail import follow
from pipeline.search.query import SearchQuery
from pipeline.store.client import Store

_MOST: Final = 20
_WAITING: Final = 8
_STILL_HERE: Final = 15.0
_SECOND: Final = 1.0
Hits = list[dict[str, Any]]


class _GoneError(Exception):
    """The browser is gone."""


@dataclass(frozen=True, slots=True)
class Tails:
    """The tails that are read now, which are few, since each has a thread."""

    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_MOST))

    def begin(self) -> bool:
        """Takes a place for a tail; returns whether there was one."""
        return self.places.acquire(blocking=False)

    def end(self) -> None:
        """Gives a place back."""
        self.places.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What one browser follows.

    Attributes:
        query: the question; its limit holds for what is stored at the start.
        store: OpenSearch.
        marks: the marks around matched words.
        rows: makes the rows of hits, newest first, as HTML.
        tails: all that are read now.
        interval: seconds between two polls.
    """

    query: SearchQuery
    store: Store
    marks: Marks
    rows: Callable[[Hits], str]
    tails: Tails
    interval: float = 2.0

    async def events(self) -> AsyncIterator[str]:
        """Yields server-sent events: `rows` with HTML, and `trouble` with a sentence, both as JSON texts.

        It ends with the browser, or at once where there are too many; browsers ask again by themselves.
        """
        if not self.tails.begin():
            yield _event("trouble", "too many pages follow what comes in: close one of them")
            return
        waiting: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        gone = threading.Event()
        loop = asyncio.get_running_loop()

        def put(event: str) -> None:
            sent = asyncio.run_coroutine_threadsafe(waiting.put(event), loop)
            while not gone.is_set():
                try:
                    return sent.result(_SECOND)
                except WaitedError:
                    continue
            raise _GoneError

        threading.Thread(target=self._follow, args=(put, gone), daemon=True).start()
        try:
            yield ": begun\n\n"
            while True:
                try:
                    yield await asyncio.wait_for(waiting.get(), _STILL_HERE)
                except TimeoutError:
                    # a write tells whether the browser is there
                    yield ": still here\n\n"
        finally:
            gone.set()

    def _follow(self, put: Callable[[str], None], gone: threading.Event) -> None:
        def pause(seconds: float) -> None:
            if gone.wait(seconds):
                raise _GoneError

        def trouble(sentence: str) -> None:
            put(_event("trouble", sentence))

        try:
            for hits in follow(self.query, self.store, interval=self.interval, highlight=self.marks, trouble=trouble, sleep=pause):
                put(_event("rows", self.rows(hits[::-1])))
        except TracejoinError as error:
            _last_word(put, str(error))
        except (_GoneError, RuntimeError):
            # the browser is gone, or the server ends
            return
        finally:
            self.tails.end()


def _last_word(put: Callable[[str], None], sentence: str) -> None:
    try:
        put(_event("trouble", sentence))
    except (_GoneError, RuntimeError):
        return


def _event(name: str, text: str) -> str:
    # JSON has no line break, which would end the event
    return f"event: {name}\ndata: {json.dumps(text)}\n\n"
