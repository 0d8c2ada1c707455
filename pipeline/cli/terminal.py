"""Terminal: the one place through which everything goes to stdout and stderr: tables, JSON, CSV, warnings, usage errors, tracebacks.

Whatever a command prints, and whatever a library prints beside it, passes a SafeStream. Rich's own colours don't: a console writes past
the stream, and each part of what it draws is cleaned before it is coloured.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, TextIO, cast

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from pipeline.cli.terminal_text import terminal_safe

# how Python opens stdout, by its encoding: both fail at a character that the encoding does not have
_FAILING: Final = frozenset({"strict", "surrogateescape"})


class SafeStream:
    """A text stream in front of stdout or stderr; what would steer a terminal is shown instead of sent.

    Args:
        stream: the stream behind it.
    """

    def __init__(self, stream: TextIO) -> None:
        self.behind = stream
        self.buffer = _SafeBuffer(stream)

    def write(self, text: str) -> int:
        """Writes cleaned text."""
        return self.behind.write(terminal_safe(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


class _SafeBuffer:
    """The binary side of a SafeStream. It takes whole UTF-8 texts."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        text = terminal_safe(data.decode("utf-8", "replace"))
        binary = getattr(self._stream, "buffer", None)
        if binary is None:
            self._stream.write(text)
        else:
            # else it would overtake the text before it
            self._stream.flush()
            binary.write(text.encode())
        return len(data)

    def flush(self) -> None:
        getattr(self._stream, "buffer", self._stream).flush()


class _SafeParts(RenderHook):
    """Cleans each part of what a console draws, and takes links and other controls away from it."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_SafePart(renderable) for renderable in renderables]


class _SafePart:
    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            yield Segment(terminal_safe(segment.text), segment.style.update_link(None) if segment.style else None)


def safe_stream(stream: TextIO) -> TextIO:
    """``stream`` behind a SafeStream; itself if it is one. From now on it replaces the characters that its encoding does not have."""
    if _behind(stream):
        return stream
    if isinstance(stream, TextIOWrapper) and stream.errors in _FAILING:
        stream.reconfigure(errors="replace")
    return cast("TextIO", SafeStream(stream))


def exact_stream(stream: TextIO) -> TextIO:
    """What leads to a file or a pipe, where nothing has to be cleaned; ``stream`` itself where it leads to a terminal."""
    return stream if stream.isatty() else _behind(stream) or stream


def open_closed_streams() -> bool:
    """Gives stdout and stderr a place that keeps nothing where the shell closed them (`>&-`); returns whether stdout was open."""
    was_open = sys.stdout is not None
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # it stays open as long as the process
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    return was_open


def install_safe_streams() -> None:
    """Puts a SafeStream before stdout and stderr, until the process ends."""
    sys.stdout, sys.stderr = safe_stream(sys.stdout), safe_stream(sys.stderr)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Puts a SafeStream before stdout and stderr for a while."""
    before = sys.stdout, sys.stderr
    install_safe_streams()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def raw_stdout() -> TextIO:
    """What is behind the SafeStream of stdout."""
    return _behind(sys.stdout) or sys.stdout


@contextmanager
def unsafe_stdout() -> Iterator[None]:
    """Puts stdout itself in the place of its SafeStream for a while, for a protocol that needs its file descriptor."""
    before = sys.stdout
    sys.stdout = raw_stdout()
    try:
        yield
    finally:
        sys.stdout = before


def new_console() -> Console:
    """A console that writes to stdout, past its SafeStream."""
    return Console(file=raw_stdout(), emoji=False)


def new_error_console() -> Console:
    """A console that writes to stderr, past its SafeStream."""
    return Console(file=_behind(sys.stderr) or sys.stderr, stderr=True, emoji=False)


def clean_parts(console: Console) -> None:
    """From now on ``console`` cleans each part of what it prints."""
    console.push_render_hook(_SafeParts())


def _behind(stream: object) -> TextIO | None:
    """The stream behind a SafeStream; None for any other stream."""
    return stream.behind if isinstance(stream, SafeStream) else None
