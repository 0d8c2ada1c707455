"""Saved progress: keeps in a file how far a backfill has come, so that the same command goes on where it stopped, even after a kill.

It only ever says less than what is done: what is read again is a duplicate.
"""

import os
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from pipeline.backfill.portion import BEGINNING
from pipeline.errors import MisconfiguredError

_DONE: Final = -2
# saving takes this part of the time at most: a backfill of very many objects has a large file
_SHARE: Final = 1 / 20


class _Content(msgspec.Struct):
    """What the file holds: the times of the backfill in milliseconds since the epoch, and each portion's position by its key."""

    since: int
    until: int
    positions: dict[str, int] = {}


class SavedProgress:
    """The progress of one backfill, in a file.

    Args:
        path: the file; its folder is made when something is saved.
        since: where the backfill begins, unless the file says otherwise; milliseconds since the epoch.
        until: where it ends, likewise.
        clock: monotonic time in seconds.

    Attributes:
        resumed: whether the file held progress of an earlier run.
    """

    def __init__(self, path: Path, *, since: int, until: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._next_save = clock()
        found = _read(path)
        self.resumed = found is not None
        self._content = found or _Content(since, until)

    @property
    def since(self) -> int:
        """Where the backfill begins: as the first run was told."""
        return self._content.since

    @property
    def until(self) -> int:
        """Where it ends, likewise."""
        return self._content.until

    def position(self, key: str) -> int | None:
        """Where the portion goes on; None where it is done."""
        at = self._content.positions.get(key, BEGINNING)
        return None if at == _DONE else at

    def reached(self, key: str, position: int) -> None:
        """Notes where the portion goes on; it is in the file at once, or soon."""
        self._content.positions[key] = position
        if self._clock() >= self._next_save:
            self.save()

    def done(self, key: str) -> None:
        """Notes that the portion is done."""
        self.reached(key, _DONE)

    def save(self) -> None:
        """Writes the file, whole or not at all. Raises MisconfiguredError where that can't be done."""
        began = self._clock()
        try:
            self._write()
        except OSError as error:
            raise MisconfiguredError(
                [f"progress can't be saved in {self._path} ({error.strerror}): set XDG_STATE_HOME to another folder"]
            ) from error
        ended = self._clock()
        self._next_save = ended + (ended - began) / _SHARE

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        new.write_bytes(msgspec.json.encode(self._content))
        new.replace(self._path)

    def forget(self) -> None:
        """Removes the file: the backfill is done, or is to begin anew."""
        self._path.unlink(missing_ok=True)


def progress_path(folder: Path, *what: str) -> Path:
    """The file in ``folder`` for the backfill that ``what`` tells from all others."""
    return folder / "backfill" / f"{blake2b(chr(0).join(what).encode('utf-8', 'replace'), digest_size=10).hexdigest()}.json"


def _read(path: Path) -> _Content | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Content)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        # without it the backfill begins anew, which makes duplicates and no second copies
        return None
