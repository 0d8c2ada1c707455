"""Configuration file: reads the settings of `config.toml` and of its contexts, each with its line, and names every mistake with its line.

Keys at the top are for every context; those below `[contexts.NAME]` count before them in that context. Source of the form: TOML 1.0.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipeline.cli.config_keys import KEYS, ConfigKey
from pipeline.errors import MisconfiguredError
from pipeline.model.close_names import did_you_mean

CONTEXT: Final = "context"
"""The key at the top that chooses a context."""
CONTEXTS: Final = "contexts"
"""The table whose tables are the contexts."""
NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""The name of a context."""
_AT: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileValue:
    """What a file says of one key: its text as the environment variable has it, and its line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What stands in a configuration file.

    Attributes:
        path: where it is, or would be.
        top: the keys for every context.
        contexts: the keys of each context, by its name.
        context: the name of the context that counts where no other is chosen; empty for none.
        context_line: the line of that.
    """

    path: Path
    top: Mapping[str, FileValue] = field(default_factory=dict)
    contexts: Mapping[str, Mapping[str, FileValue]] = field(default_factory=dict)
    context: str = ""
    context_line: int = 0

    def has_secret(self) -> bool:
        """Whether a password stands in it."""
        return any(KEYS[name].is_secret for values in (self.top, *self.contexts.values()) for name in values)


def read_config_file(path: Path) -> ConfigFile:
    """Reads a configuration file; an empty ConfigFile where there is none. Raises MisconfiguredError with every mistake in it."""
    return parse_config(read_config_text(path), path)


def read_config_text(path: Path) -> str:
    """Returns the text of a configuration file; empty where there is none. Raises MisconfiguredError where it can't be read."""
    try:
        # opening a FIFO would wait for a writer
        if path.exists() and not path.is_file():
            raise MisconfiguredError([f"{path} is no file: the configuration is read from one"])
        # some editors of Windows begin UTF-8 with a mark
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeError:
        raise MisconfiguredError([f"{path} is not UTF-8: save it as UTF-8"]) from None
    except OSError as error:
        raise MisconfiguredError([f"{path} can't be read: {error.strerror}"]) from error


def parse_config(text: str, path: Path) -> ConfigFile:
    """Reads the text of the configuration file ``path``. Raises MisconfiguredError with every mistake in it."""
    content = parse_toml(text, path)
    return _Reader(path, dict(_lines(text))).read(content)


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Reads the text of ``path`` as TOML. Raises MisconfiguredError with the line where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        raise MisconfiguredError([f"{path}:{line}: this is no TOML: {_AT.sub('', str(error))}"]) from None
    except RecursionError:
        raise MisconfiguredError([f"{path}:1: this is nested too deep: expected KEY = VALUE and [contexts.NAME]"]) from None


def _lines(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Yields where each key and table of valid TOML begins: its path, and its line from 1 on."""
    table: KeyPath = ()
    begun, statement = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        statement = f"{statement}\n{line}" if statement else line
        try:
            content = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            # a value that goes on
            continue
        inner = _first_path(content)
        if statement.lstrip().startswith("["):
            table = inner
            yield table, begun
        elif inner:
            # a dotted key, or an inline table, is known by each of its parts
            yield from ((table + inner[:end], begun) for end in range(1, len(inner) + 1))
        begun, statement = number + 1, ""


def _first_path(content: object) -> KeyPath:
    if isinstance(content, list):
        content = content[0] if content else None
    if not isinstance(content, dict) or not content:
        return ()
    name, inner = next(iter(content.items()))
    return (name, *_first_path(inner))


class _Reader:
    """Reads parsed TOML, and collects each mistake."""

    def __init__(self, path: Path, lines: Mapping[KeyPath, int]) -> None:
        self._path = path
        self._lines = lines
        self._problems: list[str] = []

    def read(self, content: dict[str, Any]) -> ConfigFile:
        """Returns what stands in the file. Raises MisconfiguredError with every mistake."""
        contexts = content.pop(CONTEXTS, {})
        context = content.pop(CONTEXT, "")
        top = self._values((), content)
        by_name = {}
        if not isinstance(contexts, dict):
            self._problem((CONTEXTS,), f"{CONTEXTS} must be tables: [contexts.NAME]")
            contexts = {}
        for name, values in contexts.items():
            by_name[name] = self._context(name, values)
        if not isinstance(context, str) or (context and context not in by_name):
            known = f"the file has {', '.join(by_name)}" if by_name else "the file has none"
            self._problem((CONTEXT,), f"there is no context {context!r}: {known}")
        if self._problems:
            raise MisconfiguredError(self._problems)
        return ConfigFile(self._path, top, by_name, context, self._line((CONTEXT,)) if context else 0)

    def _context(self, name: str, values: object) -> dict[str, FileValue]:
        path = (CONTEXTS, name)
        if not NAME.fullmatch(name):
            self._problem(path, f"{name!r} is no name of a context: it may hold letters, digits, _, . and -")
        elif isinstance(values, dict):
            return self._values(path, values)
        else:
            self._problem(path, f"the context {name} must be a table: [contexts.{name}]")
        return {}

    def _values(self, table: KeyPath, content: Mapping[str, Any]) -> dict[str, FileValue]:
        found = {}
        for name, value in content.items():
            path = (*table, name)
            if key := KEYS.get(name):
                if (text := self._text(key, value, path)) is not None:
                    found[name] = FileValue(text, self._line(path))
            else:
                self._problem(path, unknown_key(name))
        return found

    def _text(self, key: ConfigKey, value: object, path: KeyPath) -> str | None:
        try:
            return key.text_of(value, self._path.parent)
        except ValueError as error:
            self._problem(path, f"{key.name} {error}")
            return None

    def _line(self, path: KeyPath) -> int:
        return next((self._lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._lines), 1)

    def _problem(self, path: KeyPath, text: str) -> None:
        self._problems.append(f"{self._path}:{self._line(path)}: {text}")


def unknown_key(name: str) -> str:
    """Returns what to say of a key that there is not."""
    # an environment variable's name is the likeliest guess
    close = did_you_mean(name.lower().removeprefix("tracejoin_").removeprefix("aws_").replace("-", "_"), (*KEYS, CONTEXT))
    return f"there is no key {name!r}: {close or 'tracejoin config list --all names them'}"
