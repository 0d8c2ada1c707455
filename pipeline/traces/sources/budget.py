"""Budget: how much may be asked of X-Ray. A token bucket that slows down where X-Ray says that it is too much."""

import time
from collections.abc import Callable

_SLOWEST = 1 / 32
_STEP = 1 / 16


class CallBudget:
    """So many calls a minute, a minute's worth at once at most.

    A throttle halves the rate and empties the bucket, down to a 32nd; each call that X-Ray took gives a 16th of the rate back.

    Args:
        per_minute: calls.
        clock: seconds, never going back.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._most = max(per_minute, 1.0)
        self._left = self._most
        self._pace = 1.0
        self._clock = clock
        self._at = clock()

    def take(self, *, overdraw: bool = False) -> bool:
        """Whether one more call may be made now; what is overdrawn is missing later."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate * self._pace)
        self._at = now
        if self._left < 1 and not overdraw:
            return False
        self._left -= 1
        return True

    def throttled(self) -> None:
        """X-Ray refused a call as one too many."""
        self._pace = max(self._pace / 2, _SLOWEST)
        self._left = 0.0

    def taken(self) -> None:
        """X-Ray took a call."""
        self._pace = min(self._pace + _STEP, 1.0)
