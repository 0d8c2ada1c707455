"""Pace: keeps a replay below a number of log events a second, so that OpenSearch has room for what comes live."""

import time
from collections.abc import Callable


class Pace:
    """A limit of log events a second.

    Args:
        rate: log events a second; None for no limit.
        clock: returns seconds, never backwards.
        sleep: waits so many seconds.
    """

    def __init__(
        self, rate: float | None, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._began = self._free_at = clock()

    def wait(self) -> None:
        """Waits until what was sent before is within the limit."""
        if (pause := self._free_at - self._clock()) > 0:
            self._sleep(pause)
        self._began = self._clock()

    def sent(self, events: int) -> None:
        """Says that so many log events were sent since `wait`; what holds none counts as one, since it costs requests all the same."""
        if self._rate:
            self._free_at = max(self._free_at, self._began) + max(events, 1) / self._rate
