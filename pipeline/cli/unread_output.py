"""Unread output: where the reader of a pipe ends first, as `head` does, what is printed further is dropped, and nobody is told."""

import os
import sys
from io import BufferedWriter, RawIOBase, TextIOWrapper, UnsupportedOperation
from typing import Any, TextIO


class _Output(RawIOBase):
    """The file behind stdout or stderr.

    Attributes:
        ends: whether the command ends with its reader, and with status 0; else it goes on, and its own status tells what it did.
    """

    def __init__(self, file: int) -> None:
        self.ends = False
        self._file = file

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """The number of the file."""
        return self._file

    def write(self, data: Any, /) -> int:
        """Writes what fits of some bytes; returns how many bytes that were. What nobody reads counts as written."""
        try:
            return os.write(self._file, data)
        except BrokenPipeError:
            # for what follows, too, up to what Python writes at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._file)
            if self.ends:
                sys.exit(0)
            return memoryview(data).nbytes


def drop_unread() -> None:
    """Makes stdout and stderr drop what nobody reads any more, until the process ends; a terminal is left as it is."""
    sys.stdout, sys.stderr = _dropping(sys.stdout), _dropping(sys.stderr)


def end_with_reader(stream: TextIO) -> None:
    """Ends the process with status 0 once nobody reads ``stream`` any more, if it is one of `drop_unread`."""
    output = getattr(getattr(stream, "buffer", None), "raw", None)
    if isinstance(output, _Output):
        output.ends = True


def _dropping(stream: TextIO) -> TextIO:
    if not isinstance(stream, TextIOWrapper) or stream.isatty():
        return stream
    try:
        output = BufferedWriter(_Output(stream.fileno()))
    except UnsupportedOperation:
        # it is in memory
        return stream
    return TextIOWrapper(output, stream.encoding, stream.errors, line_buffering=stream.line_buffering or stream.write_through)
