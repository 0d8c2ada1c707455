"""Request rate: spaces the calls of an operation, so that a backfill leaves a part of the account's quota to others."""

import time
from collections.abc import Callable
from threading import Lock


class RequestRate:
    """Spaces calls evenly, whatever thread makes them. What AWS throttles all the same, botocore's adaptive mode slows down.

    Args:
        per_second: the most calls a second.
        clock: monotonic time in seconds.
        pause: waits a number of seconds.
    """

    def __init__(
        self, per_second: float, *, clock: Callable[[], float] = time.monotonic, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._between = 1 / per_second
        self._clock = clock
        self._pause = pause
        self._next = clock()
        self._lock = Lock()

    def wait(self) -> None:
        """Waits until the next call may be made."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + self._between
        if at > now:
            self._pause(at - now)
