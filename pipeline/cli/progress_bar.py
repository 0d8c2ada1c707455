"""Progress bar: shows on stderr how far a long command is, how fast it goes, and how long it will take."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, Progress, TextColumn

from pipeline.cli.terminal import clean_parts, new_error_console
from pipeline.cli.terminal_text import one_line
from pipeline.model.durations import rough_duration

_BETWEEN_LINES: Final = 10.0
_SECOND: Final = 1000

Update = Callable[[float, int], None]
"""Takes how much is done, from 0 to 1, and how many items of this run."""


@contextmanager
def progress_bar(items: str, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Update]:
    """Shows a bar on a terminal, and elsewhere a line every ten seconds; ``items`` is what is counted, in the plural."""
    console = new_error_console()
    clean_parts(console)
    began, first = clock(), [-1.0]
    said = [began]

    def words(done: float, count: int) -> str:
        if first[0] < 0:
            # an earlier run has done this much
            first[0] = done
        return progress_words(done, done - first[0], count, clock() - began, items)

    if not console.is_terminal:

        def say(done: float, count: int) -> None:
            text = words(done, count)
            if clock() - said[0] >= _BETWEEN_LINES:
                said[0] = clock()
                sys.stderr.write(f"tracejoin: {one_line(text)}\n")

        yield say
        return
    with Progress(BarColumn(bar_width=30), TextColumn("{task.description}", markup=False), console=console, transient=True) as progress:
        task = progress.add_task(words(0.0, 0), total=1.0)
        first[0] = -1.0
        yield lambda done, count: progress.update(task, completed=done, description=words(done, count))


def progress_words(done: float, done_now: float, count: int, seconds: float, items: str) -> str:
    """Says how far something is.

    Args:
        done: how much is done, from 0 to 1.
        done_now: how much of that this run did.
        count: the items of this run.
        seconds: how long this run takes so far.
        items: what is counted, in the plural.
    """
    rate = f"{count / seconds:,.0f} {items}/s" if seconds > 0 else ""
    left = rough_duration(seconds * (1 - done) / done_now * _SECOND) + " left" if done_now > 0 else ""
    return "  ".join(filter(None, (f"{done:.0%}", f"{count:,} {items}", rate, left)))
