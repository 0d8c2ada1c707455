"""Deadline: gives up what takes longer than Lambda's time allows, so that the rest of an invocation can still be reported."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TimeIsUp(BaseException):
    """Raised within `deadline` when the time is up. Like KeyboardInterrupt, it passes everything that handles errors."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raises TimeIsUp in the body after ``seconds``, wherever it is: the pipeline survives that as it survives a crash.

    It does nothing outside the main thread, where signals do not arrive; Lambda calls handlers in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def ring(*_: object) -> None:
        if armed:
            raise TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
