"""Runtime output: reads what a runtime process writes, and cuts it into log events as Lambda does.

A line on stdout or stderr is a log event. A runtime client that is given a telemetry pipe writes frames there, and each frame
is a log event, however many lines it holds. The format of a frame is that of `FramedTelemetryLogSink` in AWS' `awslambdaric`.
"""

import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final, Protocol

_CHUNK: Final = 65_536
_WAIT: Final = 0.2
_FRAME_MARK: Final = b"\xa5\x5a\x00"
_FRAME_HEADER: Final = 16
"""Bytes: four of the frame's type, four of the message's length, eight of the time in microseconds, all big-endian."""


class Cutter(Protocol):
    """Cuts a stream of bytes into messages."""

    def cut(self, data: bytes) -> Iterator[str]:
        """Yields the messages that ``data`` completes."""

    def rest(self) -> str:
        """Returns what is left of the stream after its last whole message."""


class LineCutter:
    """Cuts at each line feed, which stays at the end of the message."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> Iterator[str]:
        """Yields the lines that ``data`` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield (line + b"\n").decode(errors="replace")

    def rest(self) -> str:
        """Returns the last line, if no line feed ended it."""
        return self._rest.decode(errors="replace")


class FrameCutter:
    """Cuts a telemetry pipe into its frames. Raises ValueError at bytes that begin no frame."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> Iterator[str]:
        """Yields the messages of the frames that ``data`` completes."""
        self._rest += data
        while len(self._rest) >= _FRAME_HEADER:
            if not self._rest.startswith(_FRAME_MARK):
                raise ValueError(f"no frame begins with {self._rest[:4].hex()}")
            end = _FRAME_HEADER + int.from_bytes(self._rest[4:8], "big")
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[_FRAME_HEADER:end], self._rest[end:]
            yield message.decode(errors="replace")

    def rest(self) -> str:
        """Returns nothing: half a frame is no message."""
        return ""


class OutputReader:
    """Reads file descriptors in a thread of its own, and calls ``write`` with each message while it holds ``lock``.

    `drain` reads at once what was written before it was called. A runtime client writes before it calls the Runtime API, so a `drain` at
    that call reads every line of the invocation.
    """

    def __init__(self, write: Callable[[str], None], lock: threading.RLock) -> None:
        self._write = write
        self._lock = lock
        self._selector = selectors.DefaultSelector()
        self._cutters: dict[int, Cutter] = {}
        self._listener: socket.socket | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def add(self, descriptor: int, cutter: Cutter) -> None:
        """Begins to read ``descriptor``; it is closed when its writers have closed it."""
        os.set_blocking(descriptor, False)
        with self._lock:
            self._cutters[descriptor] = cutter
            self._selector.register(descriptor, selectors.EVENT_READ)

    def listen(self, path: str) -> None:
        """Accepts connections at the Unix socket ``path`` and reads lines from each of them."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(path)
        self._listener.listen()
        self._selector.register(self._listener, selectors.EVENT_READ)

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def drain(self) -> None:
        """Reads all that every descriptor has."""
        with self._lock:
            self._accept()
            for descriptor in list(self._cutters):
                self._read(descriptor)

    def stop(self) -> None:
        """Reads the rest and closes every descriptor."""
        self._stopped = True
        self._thread.join()
        self.drain()
        with self._lock:
            for descriptor in list(self._cutters):
                self._close(descriptor)
            if self._listener:
                self._listener.close()
                self._listener = None
            self._selector.close()

    def _run(self) -> None:
        while not self._stopped:
            if self._selector.select(_WAIT):
                self.drain()

    def _accept(self) -> None:
        while self._listener:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            self.add(connection.detach(), LineCutter())

    def _read(self, descriptor: int) -> None:
        while True:
            try:
                data = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                self._close(descriptor)
                return
            for message in self._cutters[descriptor].cut(data):
                self._write(message)

    def _close(self, descriptor: int) -> None:
        if rest := self._cutters.pop(descriptor).rest():
            self._write(rest)
        self._selector.unregister(descriptor)
        os.close(descriptor)
