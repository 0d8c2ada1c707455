"""Call budget: a token bucket that limits the calls of X-Ray, and slows down when X-Ray throttles."""

import time
from collections.abc import Callable

_SLOWEST = 1 / 32
_STEP = 1 / 16


class CallBudget:
    """Limits the calls per minute, of which a minute's worth may be made at once.

    A throttle empties the bucket and halves the rate, down to a 32nd; each call that X-Ray takes gives a 16th of the rate back.

    Args:
        per_minute: how many calls.
        clock: monotonic time in seconds.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._capacity = max(per_minute, 1.0)
        self._tokens = self._capacity
        self._pace = 1.0
        self._clock = clock
        self._filled_at = clock()

    def take(self, *, overdraw: bool = False) -> bool:
        """Takes a call from the budget if it may be made now, and says whether it may; an overdrawn call is missing later."""
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate * self._pace)
        self._filled_at = now
        if self._tokens < 1 and not overdraw:
            return False
        self._tokens -= 1
        return True

    def throttled(self) -> None:
        """Slows down, since X-Ray throttled a call."""
        self._pace = max(self._pace / 2, _SLOWEST)
        self._tokens = 0.0

    def taken(self) -> None:
        """Speeds up again, since X-Ray took a call."""
        self._pace = min(self._pace + _STEP, 1.0)
