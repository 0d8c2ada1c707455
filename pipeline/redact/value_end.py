"""Value end: finds where the value of a key ends in a text, in whatever form some language renders it.

Quoted values end with their quote, structures with their bracket. Where an unquoted value ends is a guess, which takes too much
rather than too little: up to the next key, to the end of the element that holds it, or to the end of the line.
"""

import re
from typing import Final

from pipeline.redact.layout import Layout, prefix_of
from pipeline.redact.mask import MASK
from pipeline.redact.views import Edit

NO_SECRETS: Final = frozenset(
    {"", "null", "true", "false", "none", "nil", "undefined", "empty", "(null)", "<nil>", "<none>", "[]", "{}", "()", "map[]", "n/a",
     "optional.empty", "missing", "unset"}
)  # fmt: skip
"""Unquoted values that are no secrets, in lower case."""

_SPACE = re.compile(r"\s*")
_BLANK = re.compile(r"[ \t]*")
_STOP = re.compile(r"""[\s,;&"'`\\()\[\]{}<>]""")
# the next key: a word or a quoted word, and its separator
_KEY_AHEAD = re.compile(r"""[ \t]*+(?:[\w.$@-]++|["'][\w.$@ -]{1,80}+["']|\[[\w.-]{1,80}\])[ \t]?(?:=|:(?!:|//))""")
_PARAMETER_AHEAD = re.compile(r"(?:amp;)?[\w.%\[\]-]++=")
_FIELD_AHEAD = re.compile(r"[ \t]*+[A-Za-z][\w.-]*+(?: [A-Za-z][\w.-]*+){0,2}[ \t]?=")
# a string that goes on: JavaScript's + over lines, Python's strings side by side, a quote that is doubled
_GOES_ON = re.compile(r"\s*+(?:\+\s*+)?[bBuUrRfF]?(?=[\"'`])")
_VAR_DUMP = re.compile(r'string\((\d{1,9})\)\s*+(?=")')
_ANGLE = re.compile(r"<(?=[A-Za-z#<])[^>\n]{0,1000}+>{1,2}")
_BLOCK = re.compile(r"[|>][-+\d]{0,2}[ \t]*+\r?\n([ \t]++)[^\n]*+")
_INDENTED = re.compile(r"\r?\n( *+)((?:- )?)(?=[^\s\]})])[^\n]*+")
_LONGEST_LINE = 200
_SCHEME_OF_PARAMETERS = re.compile(r"[A-Za-z][\w-]{1,30}+ +(?=[\w-]{1,80}=)")
_SCHEME = re.compile(r"[A-Za-z][\w-]{1,30}+ +(?=[^\s,;)\]}])(?![\w.-]{1,80}[:=])")
_AUTHORIZATION_PARAMETERS = re.compile(r"""(?:[ ,]{0,3}[\w-]++=(?:\\*"[^"\n]*+"|(?=[^\s"',]*+[",]))[^\s"',]*+)++""")
# Go's []string{...}
_TYPE = re.compile(r"\[\d{0,9}\][\w*\[]")
_OBJECT_AHEAD = re.compile(r" ?(?=[\[{])")
_CLASS_NAME = re.compile(r"[A-Z][\w.$:]*+\Z|.*\)\Z", re.DOTALL)
_LONGEST_CLASS_NAME = 80


def read_value(text: str, layout: Layout, start: int, *, key: str, quote: str, framed: bool, strict: bool = False) -> Edit | None:
    """The edit that masks the value that begins at ``start``; None if there is none, or one that is no secret.

    Args:
        text: the text that holds the value.
        layout: the strings and brackets of the text.
        start: the position behind the separator of key and value.
        key: the name of the key, in lower case. Those of cookies and authorization have values of their own form.
        quote: the quote of the key, which a value without quotes is given.
        framed: whether something else than a space ends a value without quotes: a bracket around it, or its line.
        strict: whether the text is JSON.
    """
    space = _SPACE if quote or strict else _BLANK
    matched = space.match(text, start)
    start = matched.end() if matched else start
    if dumped := _VAR_DUMP.match(text, start):
        return _of_var_dump(text, layout, dumped)
    opening = string_at(text, layout, start)
    if opening is not None:
        return _of_string(text, layout, opening, strict=strict)
    if start in layout.pairs and not _TYPE.match(text, start):
        end = layout.pairs[start] + 1
        if text[start:end].replace(" ", "") in NO_SECRETS:
            return None
        return Edit(start, end if quote else _bare_end(text, layout, end, key, framed=False), f"{quote}{MASK}{quote}")
    return _of_rest(text, layout, start, key=key, quote=quote, framed=framed)


def string_at(text: str, layout: Layout, start: int) -> int | None:
    """The position of the quote that opens the string at ``start``, behind a prefix such as Python's b; None if there is no string."""
    for position in (start, start + 1, start + 2):
        if position in layout.strings:
            return position if position == start or prefix_of(text, position) == position - start else None
    return None


def _of_string(text: str, layout: Layout, opening: int, *, strict: bool) -> Edit | None:
    begin, end, after = layout.strings[opening]
    mark = text[opening:begin]
    last = opening
    while not strict and (more := _GOES_ON.match(text, after)) and more.end() in layout.strings:
        last = more.end()
        after = layout.strings[last][2]
    if last != opening:
        return Edit(begin, after, MASK + mark)
    return Edit(begin, end, MASK) if end > begin else None


def _of_var_dump(text: str, layout: Layout, dumped: re.Match[str]) -> Edit | None:
    """PHP's var_dump escapes no quotes, but says how long the string is."""
    begin = dumped.end() + 1
    end = begin + int(dumped[1])
    if text[end : end + 1] != '"':
        return _of_string(text, layout, dumped.end(), strict=False) if dumped.end() in layout.strings else Edit(begin, len(text), MASK)
    return Edit(begin, end, MASK) if end > begin else None


def _of_rest(text: str, layout: Layout, start: int, *, key: str, quote: str, framed: bool) -> Edit | None:
    """The edit of a value without quotes, or with quotes or brackets that nothing closes."""
    first = text[start : start + 1]
    if first in {"\r", "\n"} and not quote:
        return _of_indented_lines(text, start)
    if not first or first in ",;&)]}" or (first in "\"'`" and not text[start + 1 : start + 2].strip(",;)]}")):
        # what stands here closes the string or bracket that holds the key
        return None
    if first in "\"'`":
        end = _line_end(text, start)
        return Edit(start + 1, end, MASK) if end > start + 1 else None
    if quote and first in "[{(" and start not in layout.pairs:
        return Edit(start, len(text), f"{quote}{MASK}{quote}")
    if block := _BLOCK.match(text, start):
        return Edit(start, _block_end(text, block), MASK)
    end = _value_end(text, layout, start, key=key, framed=framed and not quote)
    if end <= start or text[start:end].lower() in NO_SECRETS:
        return None
    return Edit(start, end, f"{quote}{MASK}{quote}")


def _of_indented_lines(text: str, start: int) -> Edit | None:
    """The edit of YAML's list or mapping in the lines below the key, whose line ends at ``start``."""
    line_start = text.rfind("\n", max(0, start - _LONGEST_LINE), start) + 1
    first = _INDENTED.match(text, start)
    indent = len(text[line_start:start]) - len(text[line_start:start].lstrip(" "))
    if first is None or len(first[1]) < indent + (not first[2]):
        return None
    end = first.end()
    while text.startswith(first[1] + first[2], end + 1) or text.startswith(first[1] + " ", end + 1):
        end = _line_end(text, end + 1)
    return Edit(first.end(2), end, MASK)


def _value_end(text: str, layout: Layout, start: int, *, key: str, framed: bool) -> int:
    if key.endswith("authorization") and not text.startswith(MASK, start):
        scheme = _SCHEME_OF_PARAMETERS.match(text, start)
        if scheme and (parameters := _AUTHORIZATION_PARAMETERS.match(text, scheme.end())):
            return parameters.end()
        if scheme := _SCHEME.match(text, start):
            start = scheme.end()
    end = _bare_end(text, layout, start, key, framed=framed)
    if text[start:end] == "Array" or text.endswith(" Object", start, end):
        # PHP's print_r
        ahead = _SPACE.match(text, end)
        return layout.pairs[ahead.end()] + 1 if ahead and ahead.end() in layout.pairs else end
    ahead = _OBJECT_AHEAD.match(text, end)
    if ahead and ahead.end() in layout.pairs and end - start <= _LONGEST_CLASS_NAME and _CLASS_NAME.match(text[start:end]):
        # Map(1) { ... }, Foo { ... }
        return layout.pairs[ahead.end()] + 1
    return end


def _bare_end(text: str, layout: Layout, position: int, key: str, *, framed: bool) -> int:
    """The end of the value without quotes that goes on at ``position``."""
    while match := _STOP.search(text, position):
        stop, mark = match.start(), match[0]
        if stop in layout.pairs:
            position = layout.pairs[stop] + 1
        elif stop in layout.strings and stop > position:
            position = layout.strings[stop][2]
        elif mark == "<" and (angle := _ANGLE.match(text, stop)) and stop == position:
            position = angle.end()
        elif _ends(text, layout, stop, mark, key, framed=framed):
            return stop
        else:
            position = stop + 1
    return len(text)


def _ends(text: str, layout: Layout, stop: int, mark: str, key: str, *, framed: bool) -> bool:
    """Whether the ``mark`` at ``stop`` ends a value without quotes."""
    after = text[stop + 1 : stop + 2]
    if mark == "\\":
        return after in "nrt\"'`u"
    if mark.isspace():
        return mark in "\r\n\v\f" or not framed or (not key.endswith(("cookie", "cookies")) and bool(_KEY_AHEAD.match(text, stop)))
    if mark in "([{":
        return False
    if mark in ")]}":
        return stop in layout.openings
    if mark == "<":
        return after == "/" or text.startswith("br", stop + 1)
    if mark in "\"'`>":
        return not (after.isalnum() or after == "_")
    return _separates(text, stop, mark, key, framed=framed)


def _separates(text: str, stop: int, mark: str, key: str, *, framed: bool) -> bool:
    """Whether the comma, semicolon or ampersand at ``stop`` separates a value from what follows."""
    after = text[stop + 1 : stop + 2]
    if mark == "&":
        return not after or after.isspace() or bool(_PARAMETER_AHEAD.match(text, stop + 1))
    if not after:
        return True
    if mark == ";":
        if key.endswith(("cookie", "cookies")):
            return False
        return after.isspace() or after in "\"'`)]}" or bool(_FIELD_AHEAD.match(text, stop + 1))
    if after.isspace():
        return not framed or after in "\r\n" or bool(_KEY_AHEAD.match(text, stop + 1)) or not text[stop + 2 : stop + 3].isalnum()
    return after in "\"'`:[{()]}" or bool(_KEY_AHEAD.match(text, stop + 1))


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end - (text[end - 1] == "\r")


def _block_end(text: str, block: re.Match[str]) -> int:
    """The end of a YAML block: the last line that is indented as its first one is."""
    end = block.end()
    while text.startswith(block[1], end + 1):
        end = _line_end(text, end + 1)
    return end
