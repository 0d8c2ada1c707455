"""Fuse: ends a worker's process at one of its calls, as Lambda's sandbox may end at any time."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Fuse:
    """Kills this process at a call.

    Attributes:
        left: how many calls go well before; negative for all.
        after: whether the call is made before the process dies, so that only its answer is lost.
    """

    left: int = -1
    after: bool = False

    def through(self, call: Callable[[], T]) -> T:
        """Makes one call of a service, or dies."""
        if self.left == 0 and not self.after:
            _die()
        answer = call()
        if self.left == 0:
            _die()
        self.left -= 1
        return answer


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
