"""Text mutators: change a text as writers, shippers, cuts and attackers do. The same random numbers make the same text."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final
from urllib.parse import quote

_LONGEST: Final = 8_000
_MANY: Final = 100_000
_MOST_CHANGES: Final = 5
# one mutation in so many repeats its piece 10^5 times, which costs as much as a thousand others
_RARE: Final = 20_000
_NUMBER: Final = re.compile(r"\d+")
_WORD: Final = re.compile(r"\w+|[^\w\s]|\s+")
_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,4}|.)", re.DOTALL)
NUMBERS: Final = (
    "0", "-1", "1e999", "-1e-999", "9" * 400, "9223372036854775808", "18446744073709551616", "1.5", "NaN", "Infinity", "1E400", "0x10",
    "00", "-0", "2147483648", "253402300800000", "٣", "1" * 5000,
)  # fmt: skip
ODD: Final = (
    "\ud800", "\udfff", "\ud83d", "\x00", "\x1b[31m", "\x1b]0;t\x07", "\u202e", "\u200b", "\ufeff", "\u2028", "\x85", "\r", "\n", "\r\n",
    "\t", "\x0b", "é", "ß", "İ", "ſ", "ﬀ", "漢", "😀", "e\u0301", "\uffff", "\U0010ffff", "\\ud800", "\\u0000", "\\", '\\"', "'", '"', "`",
    "{", "}", "[", "]", "(", ")", "<", ">", "=", ":", ",", ";", "&", "%", "%22", "&quot;", "\\n", "\\u0022", "\\x22", "null", "true",
    "None", "undefined", "--", "://", "@", "/*", "'''", '"""',
)  # fmt: skip
BRACKETS: Final = (("[", "]"), ("{", "}"), ("(", ")"), ('{"a":', "}"), ("[[{", ""), ("<a>", "</a>"), ('{"message":', "}"), ("map[", "]"))


class TextMutator:
    """Changes texts.

    Args:
        texts: real texts, which are begun with and spliced.
        pieces: what is inserted, such as keys and ids.
    """

    def __init__(self, texts: Sequence[str], pieces: Sequence[str]) -> None:
        self._texts = texts
        self._pieces = pieces
        self._changes: tuple[Callable[[Random, str], str], ...] = (
            self._deleted, self._duplicated, self._inserted, self._inserted, self._spliced, self._shuffled, self._numbered, self._repeated,
            _requoted, _escaped, _unescaped, _cut, _nested, _wrapped, _recased, _respaced, _odd, _encoded,
        )  # fmt: skip

    def mutated(self, random: Random, text: str | None = None) -> str:
        """A text of the corpus, or ``text``, after up to five changes."""
        if text is None:
            text = random.choice(self._texts)
        for _ in range(random.randrange(_MOST_CHANGES + 1)):
            text = random.choice(self._changes)(random, text)[:_LONGEST]
        return text if random.randrange(_RARE) else self.piece(random) * _MANY

    def piece(self, random: Random) -> str:
        """A short piece: one of the dictionary, an odd character, a part of a text, or several of these."""
        kind = random.randrange(6)
        if kind <= 1:
            return random.choice(self._pieces)
        if kind == 2:
            return random.choice(ODD)
        if kind == 3:
            return random.choice(self._pieces) + random.choice(ODD)
        if kind == 4:
            return random.choice(ODD) + random.choice(ODD) + random.choice(self._pieces)
        text = random.choice(self._texts)
        start, end = _span(random, text)
        return text[start : min(end, start + 60)]

    def _deleted(self, random: Random, text: str) -> str:
        start, end = _span(random, text)
        return text[:start] + text[end:]

    def _duplicated(self, random: Random, text: str) -> str:
        start, end = _span(random, text)
        return text[:end] + text[start:end] + text[end:]

    def _inserted(self, random: Random, text: str) -> str:
        at = random.randrange(len(text) + 1)
        return text[:at] + self.piece(random) + text[at:]

    def _spliced(self, random: Random, text: str) -> str:
        other = random.choice(self._texts)
        at, behind = random.randrange(len(text) + 1), random.randrange(len(other) + 1)
        return text[:at] + other[behind:]

    def _shuffled(self, random: Random, text: str) -> str:
        words = _WORD.findall(text[:_LONGEST])
        if len(words) > 1:
            one, two = random.randrange(len(words)), random.randrange(len(words))
            words[one], words[two] = words[two], words[one]
        return "".join(words)

    def _numbered(self, random: Random, text: str) -> str:
        found = list(_NUMBER.finditer(text))
        if not found:
            return text + random.choice(NUMBERS)
        match = random.choice(found)
        return text[: match.start()] + random.choice(NUMBERS) + text[match.end() :]

    def _repeated(self, random: Random, text: str) -> str:
        at = random.randrange(len(text) + 1)
        return text[:at] + self.piece(random) * (1 << random.randrange(1, 10 if not random.randrange(30) else 5)) + text[at:]


def _span(random: Random, text: str) -> tuple[int, int]:
    start = random.randrange(len(text) + 1)
    return start, min(len(text), start + random.randrange(1, 1 << random.randrange(1, 8)))


def _requoted(random: Random, text: str) -> str:
    """Other quotes: all of a kind, or one."""
    old, new = random.choice("\"'`"), random.choice(('"', "'", "`", '\\"', "”", "&quot;", "", "%22"))
    if random.randrange(2):
        return text.replace(old, new)
    at = text.find(old, random.randrange(len(text) + 1))
    return text if at < 0 else text[:at] + new + text[at + 1 :]


def _escaped(random: Random, text: str) -> str:
    """Escaped once more: as a string of JSON, without its quotes at times."""
    encoded = json.dumps(text, ensure_ascii=bool(random.randrange(2)))
    return encoded if random.randrange(2) else encoded[1:-1]


def _unescaped(random: Random, text: str) -> str:
    found = list(_ESCAPE.finditer(text[:_LONGEST]))
    if not found:
        return text.replace("\\", "\\\\")
    match = random.choice(found)
    return text[: match.start()] + match[0][1:] + text[match.end() :]


def _cut(random: Random, text: str) -> str:
    """Cut at a byte, which may lie in a character: its rest becomes a replacement character, or lone surrogates."""
    data = text.encode("utf-8", "surrogatepass")
    at = random.randrange(len(data) + 1)
    part = data[:at] if random.randrange(3) else data[at:]
    return part.decode("utf-8", random.choice(("replace", "surrogateescape", "ignore")))


def _nested(random: Random, text: str) -> str:
    opening, closing = random.choice(BRACKETS)
    depth = 1 << random.randrange(1, 12 if not random.randrange(50) else 5)
    inner = text if random.randrange(2) else random.choice(ODD)
    return opening * depth + inner + closing * (depth - random.randrange(2))


def _wrapped(random: Random, text: str) -> str:
    """As a value in an object, or behind a prefix."""
    key = random.choice(("message", "msg", "event", "password", "record", "a", "Records", "exception"))
    if random.randrange(2):
        return json.dumps({key: text, "level": random.choice(("INFO", "ERROR", 7, None, "x"))}, ensure_ascii=bool(random.randrange(2)))
    return random.choice((f"[INFO]\t{text}", f"{{{key!r}: {text!r}}}", f"{key}={text}", f"{key}: {text}", f"INFO {text}", f" {text}"))


def _recased(random: Random, text: str) -> str:
    start, end = _span(random, text)
    part = text[start:end]
    return text[:start] + random.choice((part.upper(), part.lower(), part.swapcase(), part.title())) + text[end:]


def _respaced(random: Random, text: str) -> str:
    old, new = random.choice(" \t\n,:"), random.choice((" ", "\t", "\n", "", "  ", "\u00a0", "\u3000", "\r\n"))
    return text.replace(old, new) if random.randrange(2) else text.replace(old, new, 1)


def _odd(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(ODD) + text[at + random.randrange(2) :]


def _encoded(random: Random, text: str) -> str:
    start, end = _span(random, text)
    part = text[start:end].encode("utf-8", "replace")
    encoded = random.choice((quote(part), base64.b64encode(part).decode(), part.hex()))
    return text[:start] + encoded + text[end:]
