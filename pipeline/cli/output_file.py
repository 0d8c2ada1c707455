"""Output file: writes the file that a person names, whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import click

from pipeline.cli.terminal_text import one_line
from pipeline.errors import UnavailableError

_NO_SUCH_PLACE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP}


def write_whole(texts: Iterable[str], path: Path) -> None:
    """Writes texts one after the other to a file, as UTF-8; half characters become question marks.

    An older file keeps its content until the new one is whole, and its permissions; a link stays a link. What is no file, such as a device
    or a pipe, is written to as it is.

    Raises UsageError where there is no such place to write to, and UnavailableError where writing fails, such as on a full disk.
    """
    try:
        if path.exists() and not path.is_file():
            _write(texts, path)
        else:
            _replace(texts, Path(os.path.realpath(path)))
    except OSError as error:
        problem = f"{one_line(str(path))}: {error.strerror}"
        if error.errno in _NO_SUCH_PLACE:
            raise click.UsageError(problem) from error
        raise UnavailableError(problem) from error


def _replace(texts: Iterable[str], path: Path) -> None:
    # not the name with an ending: it may be as long as a name can be
    new = path.with_name(f".{os.getpid()}.part")
    try:
        _write(texts, new)
        if path.exists():
            shutil.copymode(path, new)
        new.replace(path)
    except BaseException:
        # also where the command is interrupted; a folder that is none has no such file either
        if new.exists():
            new.unlink()
        raise


def _write(texts: Iterable[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(texts)
