"""Memory: watches the resident memory of this process over a long run."""

import gc
import os
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")
_MOST_GROWTH: Final = 24.0
_FEWEST: Final = 8


class Memory:
    """Takes samples of the resident memory, in MiB."""

    def __init__(self) -> None:
        # the corpus stays, so that no collection looks at it again
        gc.freeze()
        self.samples: list[float] = []

    def sample(self) -> None:
        """Takes a sample, without what only waits to be collected. It takes none where the system has no /proc."""
        gc.collect()
        if _STATM.exists():
            self.samples.append(int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)

    @property
    def growth(self) -> float:
        """MiB between the second quarter of the run, when caches are full, and the last one; the least of each, since peaks pass."""
        part = len(self.samples) // 4
        return min(self.samples[-part:]) - min(self.samples[part : 2 * part]) if len(self.samples) >= _FEWEST else 0.0

    @property
    def flat(self) -> bool:
        """Whether memory does not grow with the number of inputs."""
        return self.growth <= _MOST_GROWTH
