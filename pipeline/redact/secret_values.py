"""Secret values: finds the values of secret keys in a text, whatever language has rendered it.

One walk goes through the text from key to key. A string on the way is decoded and read in the same way, so that a document in a
document is found at every depth. Each step only moves forward, so the cost is linear in the text's length, whatever it holds.
"""

import json
import re
from collections.abc import Callable
from typing import Final

import msgspec

from pipeline.redact.elements import find_elements
from pipeline.redact.frames import Frame, role_of
from pipeline.redact.layout import Layout, json_layout, text_layout
from pipeline.redact.mask import MASK
from pipeline.redact.prose import is_other_token, is_prose, names_before
from pipeline.redact.secret_keys import QUERY_NAMES
from pipeline.redact.tokens import COMMANDS, exact
from pipeline.redact.value_end import read_value, string_at
from pipeline.redact.views import Edit, View, unescaped, without_backslashes, without_entities, without_percents

_DEEPEST: Final = 8
_JSON = re.compile(r"\s*+[\[{]")
_LENIENT = re.compile(r"\\u[dD]|NaN|Infinity|[\ud800-\udfff]")
_WALK = re.compile(
    r"""["'`]|[()\[\]{},]"""
    # --password x
    r"""|(?<![\w-])(--?[A-Za-z][\w-]{1,60})[ ]++(?=[^\s|&;-])"""
    # Elixir's and Clojure's :password, before a string
    r"""|(?<![\w:]):([A-Za-z][\w-]*+)(?:,?\s*+(?="))"""
    # a key, what may stand behind it as in PHP's [password:protected] and Node's [Symbol(password)], and the separator
    r"""|(?<![\w$@.-])([\w$@.-]++)(?:\[\d{0,4}\])?+(?:(?::[\w\\]++){0,2}+\)?\])?[ \t]*+"""
    r"""(?:=>|:=|->|=(?![=~])|\\u003[dD]|:(?!:|//|\\+/\\*/))"""
)
_AFTER_STRING = re.compile(r"""(?::(?:protected|private|"[^"\n]{0,200}":private))?\]?\s*+(?:=>|:=|->|=(?![=~])|:(?!:))""")
_COMMA = re.compile(r"\s*+,\s*+")
_CLOSE = re.compile(r"\s*+,?\s*+[)\]}]")
_MAY_HOLD = re.compile(r"""[:=<>"'&,]|--""")
_LINE_START = re.compile(r"(?:\A|[\n\t])[ \t<>*-]*\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_DIRECTORY = re.compile(r"(?:/|~|[A-Z]:\\)[^\s\"']*\Z")
_ARN = re.compile(r"arn:[\w-]{1,20}:[\w-]{1,40}:[\w-]{0,30}:\d{0,12}:\Z")
_NAME_LIST = re.compile(
    r"(?:required|fields|keys|names|columns|attributes|allow\w*|expose\w*|missing|scopes?|permissions)\Z", re.IGNORECASE
)
_HEADER_NAME = re.compile(r"[A-Za-z]{1,20}(?:-[A-Za-z]{1,20}){1,5}\Z")
_LONGEST_NAME = 200
_SHORTEST_CODE = 4


def find_values(text: str, is_secret: Callable[[str], bool]) -> list[Edit]:
    """The edits that mask the values of secret keys in ``text``: text, a number, or a whole array or object; never an empty one.

    Args:
        text: a log line, or another text.
        is_secret: whether a key of this name has a secret value.
    """
    return _Reader(is_secret, rotates="SecretId" in text and "Step" in text).edits(text, 0, whole=True)


def is_version_id(key: str, value: str) -> bool:
    """Whether ``key`` holds the id of a secret's version, as in the event that rotation sends, and no secret."""
    return key.lower() in {"token", "rotationtoken"} and _UUID.match(value) is not None


class _Reader:
    """Reads a text and the texts within it.

    Args:
        is_secret: whether a key of this name has a secret value.
        rotates: whether the text is about the rotation of a secret, whose version ids are called tokens.
    """

    def __init__(self, is_secret: Callable[[str], bool], *, rotates: bool) -> None:
        self.is_secret = is_secret
        self.rotates = rotates

    def edits(self, text: str, depth: int, *, whole: bool) -> list[Edit]:
        """The edits in ``text``; it is read once more without its own escapes if ``whole`` is true and it is a part of something."""
        strict = is_json(text)
        layout = json_layout(text) if strict else text_layout(text)
        edits = _Walk(self, text, layout, depth, strict=strict, whole=whole).run()
        if strict:
            return edits
        edits += find_elements(text, self.is_secret)
        edits += [Edit(match.start(1), match.end(1), MASK) for token in COMMANDS for match in exact(token).finditer(text)]
        if whole:
            if layout.escaped:
                edits += self.within(unescaped(text, 0, len(text)), "", depth, whole=False)
                if '\\\\"' in text or "\\\\'" in text:
                    edits += self.within(without_backslashes(text), "", depth, whole=False)
            if "&quot;" in text or "&lt;" in text or "&#34;" in text or "&#39;" in text or "&#x27;" in text:
                edits += self.within(without_entities(text), "", depth, whole=False)
            if "%3D" in text or "%3A" in text or "%3d" in text or "%3a" in text:
                edits += self.within(without_percents(text), "", depth, whole=False)
        return edits

    def within(self, view: View, mark: str, depth: int, *, whole: bool) -> list[Edit]:
        """The edits in the text that ``view`` shows, made for its encoded form: a string between quotes as ``mark``."""
        found = self.edits(view.text, depth + 1, whole=whole)
        return [Edit(view.position(edit.start), view.position(edit.end), _escaped(edit.text, mark)) for edit in found]


class _Walk:
    """One walk through a text, which collects its edits."""

    def __init__(self, reader: _Reader, text: str, layout: Layout, depth: int, *, strict: bool, whole: bool) -> None:
        self.reader, self.text, self.layout, self.depth, self.strict, self.whole = reader, text, layout, depth, strict, whole
        self.found: list[Edit] = []
        self.frames = [Frame(-1)]
        self.last_key = ""
        self.entry_end = 0

    def run(self) -> list[Edit]:
        """Goes through the text once."""
        position = 0
        while match := _WALK.search(self.text, position):
            start, position = match.start(), match.end()
            if match[3]:
                position = self.bare_key(match[3], start, position)
            elif match[1] or match[2]:
                position = self.option_or_atom(match)
            elif start in self.layout.strings:
                position = self.string(start)
            elif match[0] == ",":
                self.frames[-1].index += 1
            elif start in self.layout.pairs:
                self.frames.append(Frame(start, self.last_key))
            elif start in self.layout.openings:
                self.close(self.layout.openings[start])
        self.close(-1)
        return self.found

    def close(self, start: int) -> None:
        """Leaves the frame that begins at ``start``, and those in it that nothing closed."""
        while self.frames and self.frames[-1].start >= start:
            frame = self.frames.pop()
            if frame.is_secret:
                self.found += frame.values

    def option_or_atom(self, match: re.Match[str]) -> int:
        """Reads `--password x`, `:password, "x"` or `:password "x"`; returns where to go on."""
        name = match[1] or match[2]
        if not self.reader.is_secret(name) or (match[1] and is_prose(self.text, match.end())):
            return match.end()
        return self.mask(name, match.end(), quote="", framed=False) or match.end()

    def string(self, start: int) -> int:
        """Reads a string: a key, the name in a list of names and values, or a text that may hold others; returns where to go on."""
        begin, end, after = self.layout.strings[start]
        if (match := _AFTER_STRING.match(self.text, after)) and end - begin <= _LONGEST_NAME:
            # in text a quote may close around a key and a part of its value
            return self.key(self.text[begin:end], start, match.end(), quote=self.text[start])
        if not self.follows_key(start) and (item := self.item_of_list(begin, end, after)):
            return item
        if self.depth < _DEEPEST and _MAY_HOLD.search(self.text, begin, end):
            view = unescaped(self.text, begin, end) if "\\" in self.text[begin:end] else View(self.text[begin:end], (0,), (begin,))
            self.found += self.reader.within(view, self.text[start], self.depth, whole=self.whole)
        return after

    def follows_key(self, start: int) -> bool:
        """Whether the string at ``start`` is the value of a key."""
        return self.text[max(0, start - 20) : start].rstrip(" \t\r\nbBuUrR")[-1:] in {":", "=", ">"}

    def item_of_list(self, begin: int, end: int, after: int) -> int:
        """Masks the value that follows its name in a flat list such as `['Cookie', 'x']`; returns where to go on, 0 if there is none."""
        frame = self.frames[-1]
        comma = _COMMA.match(self.text, after)
        name = self.text[begin:end] if end - begin <= _LONGEST_NAME else ""
        if comma is None or frame.start < 0 or not self.reader.is_secret(name):
            return 0
        opening = string_at(self.text, self.layout, comma.end())
        if opening is None or not (frame.index % 2 == 0 or name.startswith("-")):
            return 0
        value_begin, value_end, value_after = self.layout.strings[opening]
        value = self.text[value_begin:value_end] if value_end - value_begin <= _LONGEST_NAME else ""
        is_pair = frame.index == 0 and _CLOSE.match(self.text, value_after)
        if (
            self.reader.is_secret(value)
            or _AFTER_STRING.match(self.text, value_after)
            or _NAME_LIST.search(frame.key)
            or (_HEADER_NAME.match(value) and not is_pair)
        ):
            # a list of names
            return 0
        frame.index += 1
        return self.mask(name, comma.end(), quote="", framed=True) or value_after

    def bare_key(self, name: str, start: int, position: int) -> int:
        """Reads a key without quotes, with its separator up to ``position``; returns where to go on."""
        separator = self.text[position - 1]
        is_prose_key = separator == ":" and self.text[position : position + 1] in {" ", "\t"}
        if separator == "=" and name.lower() in QUERY_NAMES:
            return self.query_parameter(name, start, position)
        if self.reader.is_secret(name):
            if name.lower() == "token" and is_other_token(self.text, start):
                return position
            if separator == ":" and _ARN.search(self.text, max(0, start - 120), start):
                return position
            if is_prose_key and is_prose(self.text, position + 1):
                return position
        elif separator in ":=" and any(map(self.reader.is_secret, names_before(self.text, start, name))):
            if is_prose_key and is_prose(self.text, position + 1):
                return position
            # the words before make it one
            name = "secret"
        return self.key(name, start, position, quote="")

    def query_parameter(self, name: str, start: int, position: int) -> int:
        before = self.text[start - 1 : start]
        edit = read_value(self.text, self.layout, position, key="", quote="", framed=False)
        if edit is None or not (before in {"?", "&", ";"} or self.text[edit.end : edit.end + 1] == "&"):
            return position
        if name.lower() == "code" and edit.end - edit.start < _SHORTEST_CODE:
            return position
        self.found.append(edit)
        return edit.end

    def key(self, name: str, start: int, position: int, *, quote: str) -> int:
        """Reads a key; masks its value if it is secret, and keeps what it says of the entries beside it; returns where to go on."""
        self.last_key = name
        while (opened := self.frames[-1].start) >= 0 and self.layout.pairs[opened] < position:
            # the bracket belongs to the key, as in PHP's [password] => x
            self.close(opened)
        if not self.reader.is_secret(name):
            self.note_role(name, position, quote=quote)
            return position
        # a header, an entry of YAML or of ini: its value goes on to the end of the line
        has_line = not quote and (self.text[position - 1] != "=" or self.text[position - 2].isspace())
        framed = len(self.frames) > 1 or (has_line and _LINE_START.search(self.text, max(0, start - 40), start) is not None)
        return self.mask(name, position, quote=quote, framed=framed) or position

    def mask(self, name: str, position: int, *, quote: str, framed: bool) -> int:
        """Masks the value at ``position`` of the secret key ``name``; returns where to go on, 0 if there is no secret."""
        edit = read_value(self.text, self.layout, position, key=name.lower(), quote=quote, framed=framed, strict=self.strict)
        if edit is None or self.is_harmless(name, self.text[edit.start : min(edit.end, edit.start + _LONGEST_NAME)]):
            return 0
        self.found.append(edit)
        # behind the closing quote
        opening = edit.start - 1
        string = self.layout.strings.get(opening)
        return string[2] if string and string[1] == edit.end else edit.end

    def is_harmless(self, name: str, value: str) -> bool:
        """Whether ``value`` is none of a secret, though its key ``name`` says so."""
        if self.reader.rotates and is_version_id(name, value):
            return True
        if name in {"PWD", "OLDPWD", "pwd"}:
            return _DIRECTORY.match(value) is not None
        if name == "credentials" and value in {"include", "omit", "same-origin"}:
            return True
        return name == "pass" and value.isdigit() and len(value) < _SHORTEST_CODE

    def note_role(self, name: str, position: int, *, quote: str) -> None:
        role, frame = role_of(name), self.frames[-1]
        if not role:
            return
        edit = self.entry(position, quote=quote)
        if edit is None:
            return
        if role == "value":
            frame.values.append(edit)
            if frame.start < 0 and frame.is_secret:
                # no bracket holds the two together: the next name begins another pair
                self.found.append(edit)
                frame.is_secret, frame.values = False, []
            return
        content = self.text[edit.start : min(edit.end, edit.start + _LONGEST_NAME)]
        is_secret = content.lower() == "securestring" if role == "type" else self.reader.is_secret(content)
        if frame.start < 0 and role == "name":
            frame.is_secret, frame.values = is_secret, []
        elif is_secret:
            frame.is_secret = True

    def entry(self, position: int, *, quote: str) -> Edit | None:
        """The edit of the value at ``position``, which is not consumed; a value without quotes holds no further entries."""
        if position < self.entry_end:
            return None
        edit = read_value(self.text, self.layout, position, key="", quote=quote, framed=len(self.frames) > 1, strict=self.strict)
        if edit and edit.start not in self.layout.pairs and edit.start - 1 not in self.layout.strings:
            self.entry_end = edit.end
        return edit


def is_json(text: str) -> bool:
    """Whether ``text`` is a JSON array or object; a text may begin as one and be none, such as `[INFO] ...`."""
    if not _JSON.match(text):
        return False
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _LENIENT.search(text) is not None and _is_lenient_json(text)
    return True


def _is_lenient_json(text: str) -> bool:
    """Whether Python's own parser takes ``text``, with half of a surrogate pair or NaN in it."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _escaped(text: str, mark: str) -> str:
    """``text`` as it is written in a string between quotes as ``mark``, or in a part of one."""
    if mark:
        return text.replace("\\", "\\\\").replace(mark, f"\\{mark}") if mark in text or "\\" in text else text
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")
