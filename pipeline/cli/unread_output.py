"""Unread output: where the reader of a pipe ends first, as `head` does, what is printed further is dropped, and nobody is told."""

import os
import sys
from io import BufferedIOBase, TextIOWrapper, UnsupportedOperation
from typing import Any, TextIO


class _Output(BufferedIOBase):
    """The file behind stdout or stderr. It holds nothing back: what an interrupt finds half told would be written twice.

    Attributes:
        name: the number of the file, as that of Python's own files is.
        ends: whether the command ends with its reader, and with status 0; else it goes on, and its own status tells what it did.
    """

    def __init__(self, file: int) -> None:
        self.ends = False
        self.name = file

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """The number of the file."""
        return self.name

    def write(self, data: Any, /) -> int:
        """Writes some bytes, all of them; returns how many they are. What nobody reads counts as written."""
        rest = memoryview(data).cast("B")
        size = rest.nbytes
        try:
            while rest:
                rest = rest[os.write(self.name, rest) :]
        except BrokenPipeError:
            # for what follows, too, up to what Python writes at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.name)
            if self.ends:
                sys.exit(0)
        return size


def drop_unread() -> None:
    """Makes stdout and stderr drop what nobody reads any more, until the process ends; a terminal is left as it is."""
    sys.stdout, sys.stderr = _dropping(sys.stdout), _dropping(sys.stderr)


def end_with_reader(stream: TextIO) -> None:
    """Ends the process with status 0 once nobody reads ``stream`` any more, if it is one of `drop_unread`."""
    output = getattr(stream, "buffer", None)
    if isinstance(output, _Output):
        output.ends = True


def _dropping(stream: TextIO) -> TextIO:
    if not isinstance(stream, TextIOWrapper) or stream.isatty():
        return stream
    try:
        output = _Output(stream.fileno())
    except UnsupportedOperation:
        # it is in memory
        return stream
    return TextIOWrapper(output, stream.encoding, stream.errors, line_buffering=stream.line_buffering or stream.write_through)
