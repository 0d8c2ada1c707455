"""Elements: finds secrets in XML, HTML and multipart forms, where the name of a value is a tag, an attribute or a header of its own."""

import re
from collections.abc import Callable, Iterator

from pipeline.redact.mask import MASK
from pipeline.redact.views import Edit

_TAG = re.compile(r"<([A-Za-z][\w:.-]{0,80}+)((?:\s[^<>]{0,2000})?)(?<!/)>(?:<!\[CDATA\[)?")
_ANY_TAG = re.compile(r"<[A-Za-z][^<>]{0,2000}>")
_ATTRIBUTE = re.compile(r"""([\w:.-]{1,80})\s?=\s?(?:"([^"<>]{0,1000})"|'([^'<>]{0,1000})')""")
_NAMING = frozenset({"name", "id", "key", "type", "field"})
_NAME_ELEMENT = re.compile(
    r"<(?:\w{1,20}:)?(?:Name|Key|ParameterKey|key|name)>([^<>]{1,200})</(?:[\w:]{1,40})>\s{0,100}<(?:\w{1,20}:)?([\w]{1,40})>"
)
_VALUE_ELEMENTS = frozenset({"value", "string", "parametervalue", "val", "data", "type"})
_VALUE_ELEMENT = re.compile(r"\w{1,40}</[\w:]{1,40}>\s{0,100}<(?:\w{1,20}:)?(?:Value|value)>")
_FORM_FIELD = re.compile(r"""form-data;[^\n]{0,200}?\bname="?([^"\n;]{1,100})"?""")
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_LINE = re.compile(r"[^\r\n]{0,4000}")
_FARTHEST = 500
_LONGEST_CONTENT = 20_000


def find_elements(text: str, is_secret: Callable[[str], bool]) -> list[Edit]:
    """The edits that mask the contents of secret elements, attributes and form fields in ``text``."""
    edits: list[Edit] = []
    if "<" in text and ">" in text:
        edits += _contents(text, is_secret)
        edits += _attributes(text, is_secret)
        edits += _entries(text, is_secret)
    if "form-data" in text:
        edits += _form_fields(text, is_secret)
    return edits


def _contents(text: str, is_secret: Callable[[str], bool]) -> Iterator[Edit]:
    """`<password>x</password>` and `<entry key="password">x</entry>`."""
    for match in _TAG.finditer(text):
        name = match[1].rpartition(":")[2]
        if is_secret(name) or ("=" in match[2] and _names_secret(match[2], is_secret)):
            yield from _content(text, match.end())


def _content(text: str, start: int) -> Iterator[Edit]:
    """The edit of the content of the element that begins at ``start``; without an end tag it goes on to the end of the line."""
    end = text.find("</", start, start + _LONGEST_CONTENT)
    if end < 0:
        # a tag and a space are a placeholder, such as <password>
        line = _LINE.match(text, start) if text[start : start + 1].strip() else None
        end = line.end() if line else start
    inner = text.find("]]>", start, end)
    end = inner if inner >= 0 else end
    if text[start:end].strip("\"'`)]}>.,; \t\r\n"):
        yield Edit(start, end, MASK)


def _names_secret(attributes: str, is_secret: Callable[[str], bool]) -> bool:
    return any(
        attribute[1].lower() in _NAMING and is_secret(attribute[2] or attribute[3] or "") for attribute in _ATTRIBUTE.finditer(attributes)
    )


def _attributes(text: str, is_secret: Callable[[str], bool]) -> Iterator[Edit]:
    """`<input name="password" value="x">`."""
    for tag in _ANY_TAG.finditer(text):
        if "alue" not in tag[0] or not _names_secret(tag[0], is_secret):
            continue
        for attribute in _ATTRIBUTE.finditer(text, tag.start(), tag.end()):
            group = 2 if attribute[2] is not None else 3
            if attribute[1].lower() == "value" and attribute[group]:
                yield Edit(attribute.start(group), attribute.end(group), MASK)


def _entries(text: str, is_secret: Callable[[str], bool]) -> Iterator[Edit]:
    """`<Name>DB_PASSWORD</Name><Value>x</Value>`, also with a type between, and a property list's `<key>` and `<string>`."""
    for match in _NAME_ELEMENT.finditer(text):
        if not is_secret(match[1]) or match[2].lower() not in _VALUE_ELEMENTS:
            continue
        start = match.end()
        if match[2].lower() == "type" and (value := _VALUE_ELEMENT.match(text, start)):
            start = value.end()
        yield from _content(text, start)


def _form_fields(text: str, is_secret: Callable[[str], bool]) -> Iterator[Edit]:
    """A field of a multipart form: its name in a header, then an empty line, then the value up to the boundary."""
    position = 0
    while match := _FORM_FIELD.search(text, position):
        position = match.end()
        blank = _BLANK_LINE.search(text, position, position + _FARTHEST)
        if blank is None or not is_secret(match[1]):
            continue
        end = text.find("\n--", blank.end())
        # without a boundary the value goes on to the end
        end = len(text) if end < 0 else end - (text[end - 1] == "\r")
        if end > blank.end():
            yield Edit(blank.end(), end, MASK)
        position = max(position, end)
