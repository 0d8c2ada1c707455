"""Views: the decoded text of an escaped string, with the way back from its positions to the string's."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_DEEP_ESCAPE = re.compile(r"\\++(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[^\\]|\Z)", re.DOTALL)
_ENTITY = re.compile(r"&(?:quot|apos|lt|gt|amp|#(?:34|39|60|61|62|x22|x27|x3[CDEcde]));")
_PERCENT = re.compile(r"%[0-7][0-9A-Fa-f]")
_LINE_ENDS = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " ", "0": " "}
_ENTITIES = {"quot": '"', "apos": "'", "lt": "<", "gt": ">", "amp": "&"}


class Edit(NamedTuple):
    """A part of a text, from ``start`` to ``end``, and the ``text`` that replaces it."""

    start: int
    end: int
    text: str


class View(NamedTuple):
    """A decoded ``text``, and where it was: the character at ``decoded[i]`` and those after it were at ``encoded[i]``."""

    text: str
    decoded: Sequence[int]
    encoded: Sequence[int]

    def position(self, position: int) -> int:
        """The position in the encoded text of ``position`` in the decoded one."""
        index = bisect_right(self.decoded, position) - 1
        return self.encoded[index] + position - self.decoded[index]


def unescaped(text: str, start: int, end: int) -> View:
    """The view of ``text`` from ``start`` to ``end`` as a string with backslash escapes; an unknown escape stays as it is."""
    return _view(text, start, end, _ESCAPE, _escaped_character)


def without_backslashes(text: str) -> View:
    """The view of ``text``, a part of a string in a string, with its escapes decoded however many backslashes they have."""
    return _view(text, 0, len(text), _DEEP_ESCAPE, lambda escape: _escaped_character(escape[escape.rindex("\\") :]))


def without_entities(text: str) -> View:
    """The view of ``text`` with its XML entities decoded."""
    return _view(text, 0, len(text), _ENTITY, lambda entity: _entity(entity[1:-1]))


def without_percents(text: str) -> View:
    """The view of ``text`` with its percent-encoded ASCII characters decoded."""
    return _view(text, 0, len(text), _PERCENT, lambda code: chr(int(code[1:], 16)))


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Returns ``text`` with ``edits`` made; of edits that overlap, the one that begins first counts, and the longest of these."""
    parts: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if edit.start >= position:
            parts += (text[position : edit.start], edit.text)
            position = edit.end
    return "".join((*parts, text[position:])) if parts else text


def _view(text: str, start: int, end: int, escape: re.Pattern[str], decode: Callable[[str], str]) -> View:
    parts: list[str] = []
    decoded, encoded = [0], [start]
    length, position = 0, start
    for match in escape.finditer(text, start, end):
        parts += (text[position : match.start()], decode(match[0]))
        length += match.start() - position + len(parts[-1])
        position = match.end()
        decoded.append(length)
        encoded.append(position)
    parts.append(text[position:end])
    return View("".join(parts), decoded, encoded)


def _escaped_character(escape: str) -> str:
    kind = escape[1:2]
    if len(escape) > 2:  # noqa: PLR2004 - \u0041, \x41
        return chr(int(f"0{escape[2:]}", 16))
    return _LINE_ENDS.get(kind) or (escape if kind.isalnum() else kind)


def _entity(name: str) -> str:
    if not name.startswith("#"):
        return _ENTITIES[name]
    digits = name.removeprefix("#")
    return chr(int(digits[1:], 16) if digits[0] == "x" else int(digits))
