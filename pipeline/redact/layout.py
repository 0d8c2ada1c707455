"""Layout: where the quoted strings and the bracket pairs of a text are, whatever language has rendered it.

Prose has apostrophes and lone brackets, so a quote opens a string only if no word ends there and something closes it, and a bracket
without its partner is an ordinary character. Each character is read a bounded number of times, whatever the text holds.
"""

import re
from typing import NamedTuple

_QUOTES = ('"""', "'''", '"', "'", "`")
_MARK = re.compile(r"""\\.|\"{3}|'{3}|["'`]|[()\[\]{}]""", re.DOTALL)
_JSON_MARK = re.compile(r"""["\[\]{}]""")
_JSON_STRING = re.compile(r'(?:[^"\\]++|\\.)*+"', re.DOTALL)
# a quote that a word follows is a quote inside the string, such as an apostrophe
_STRING = {
    '"': re.compile(r'(?:[^"\\]++|\\.|"(?=\w))*+"', re.DOTALL),
    "'": re.compile(r"(?:[^'\\]++|\\.|'(?=\w))*+'", re.DOTALL),
    "`": re.compile(r"(?:[^`\\]++|\\.|`(?=\w))*+`", re.DOTALL),
    '"""': re.compile(r'(?:[^"\\]++|\\.|"(?!""))*+"""', re.DOTALL),
    "'''": re.compile(r"(?:[^'\\]++|\\.|'(?!''))*+'''", re.DOTALL),
}
# b'...', u'...', rb'...', @"...", L"..."
_PREFIX = re.compile(r"(?<![\w$.-])(?:[bBuUrRfFL]|[rR][bB]|[bB][rR])\Z")
_PARTNERS = {")": "(", "]": "[", "}": "{"}


class Layout(NamedTuple):
    """The strings and bracket pairs of a text.

    Attributes:
        strings: by the position of its opening quote, where a string's content begins and ends, and where the text goes on.
        pairs: by the position of an opening bracket, that of its closing one.
        openings: the same the other way round.
        escaped: whether a quote with a backslash stands outside every string: the text is itself a part of a string.
    """

    strings: dict[int, tuple[int, int, int]]
    pairs: dict[int, int]
    openings: dict[int, int]
    escaped: bool


def json_layout(text: str) -> Layout:
    """The layout of ``text``, which must be valid JSON."""
    strings: dict[int, tuple[int, int, int]] = {}
    pairs: dict[int, int] = {}
    stack: list[int] = []
    position = 0
    while match := _JSON_MARK.search(text, position):
        start, position = match.start(), match.end()
        if match[0] == '"':
            string = _JSON_STRING.match(text, position)
            position, begins = string.end() if string else len(text), position
            strings[start] = (begins, position - 1, position)
        elif match[0] in "[{":
            stack.append(start)
        elif stack:
            pairs[stack.pop()] = start
    return Layout(strings, pairs, {end: start for start, end in pairs.items()}, escaped=False)


def text_layout(text: str) -> Layout:
    """The layout of ``text`` in any language."""
    strings: dict[int, tuple[int, int, int]] = {}
    pairs: dict[int, int] = {}
    stack: list[tuple[str, int]] = []
    open_brackets = dict.fromkeys("([{", 0)
    without_end: set[str] = set()
    escaped = False
    position = 0
    while match := _MARK.search(text, position):
        mark, start, position = match[0], match.start(), match.end()
        if mark[0] == "\\":
            escaped = escaped or mark[1] in "\"'"
        elif mark in _QUOTES:
            string = None if mark in without_end or not _opens(text, start) else _STRING[mark].match(text, position)
            if string:
                strings[start] = (position, string.end() - len(mark), string.end())
                position = string.end()
            elif _opens(text, start):
                # what closes no string here closes none later
                without_end.add(mark)
        elif mark in open_brackets:
            stack.append((mark, start))
            open_brackets[mark] += 1
        elif open_brackets[_PARTNERS[mark]]:
            opening, opened = stack.pop()
            open_brackets[opening] -= 1
            while opening != _PARTNERS[mark]:
                opening, opened = stack.pop()
                open_brackets[opening] -= 1
            pairs[opened] = start
    return Layout(strings, pairs, {end: start for start, end in pairs.items()}, escaped)


def prefix_of(text: str, start: int) -> int:
    """The number of letters before the quote at ``start`` that belong to its string, such as the b of Python's bytes."""
    match = _PREFIX.search(text, max(0, start - 3), start)
    return len(match[0]) if match else 0


def _opens(text: str, start: int) -> bool:
    before = text[start - 1 : start]
    return not (before.isalnum() or before == "_") or bool(prefix_of(text, start))
