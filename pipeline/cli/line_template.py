r"""Line template: prints a document by a template such as `{timestamp} {service:<12} {body}`. It names fields, and can do nothing else.

Fields stand in braces, by the names that `--json` prints, with dots between them; `{{` and `}}` are braces, and `\t` and `\n` a tab and a
line break. A number behind a colon is the least width, `<` (left) or `>` (right) before it says where the text stands.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from rich.cells import cell_len

from pipeline.cli.csv_output import TEXT, value_of
from pipeline.cli.json_output import json_line
from pipeline.cli.terminal_text import one_line
from pipeline.errors import BadInputError

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {"timestamp": "@timestamp", "service": "serviceName", "level": "severity.text", "group": "aws.logGroup", "stream": "aws.logStream",
     "text": TEXT}
)  # fmt: skip
"""Short names, each with the field that it stands for."""

_PART: Final = re.compile(r"\{\{|\}\}|\\[nt\\]|\{(?P<field>[^{}]*)\}|[^{}\\]+|\\|(?P<brace>[{}])")
_FIELD: Final = re.compile(r"(?P<name>[\w@.-]+)(?::(?P<side>[<>]?)(?P<width>[1-9][0-9]{0,2}))?")
_LITERALS: Final = {"{{": "{", "}}": "}", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a template: the path in the document, the least width, and whether the text stands at the right of it."""

    path: str
    width: int = 0
    is_right: bool = False

    def text(self, document: Mapping[str, Any]) -> str:
        value = value_of(document, self.path)
        shown = "" if value is None else one_line(value) if isinstance(value, str) else json_line(value)
        space = " " * (self.width - cell_len(shown))
        return f"{space}{shown}" if self.is_right else f"{shown}{space}"


@dataclass(frozen=True, slots=True)
class LineTemplate:
    """A template that was read: texts and fields, in their order."""

    parts: tuple[str | _Field, ...]

    def line(self, document: Mapping[str, Any]) -> str:
        """The text of a document. A field that it lacks is empty. A text is on one line and steers no terminal; what is no text is JSON."""
        return "".join(part if isinstance(part, str) else part.text(document) for part in self.parts)


def is_template(text: str) -> bool:
    """Whether ``text`` has a brace, as every template has that prints anything."""
    return "{" in text or "}" in text


def parse_template(text: str, require: Callable[[str], None]) -> LineTemplate:
    """Reads a template.

    Args:
        text: the template.
        require: raises BadInputError for the name of a field that there is not.

    Raises BadInputError for a brace without a second one, a field that is none, and a template without any field.
    """
    parts: list[str | _Field] = []
    for found in _PART.finditer(text):
        if found["brace"]:
            raise BadInputError(f"the template has a {found[0]} without its second brace at character {found.start() + 1}: {{{{ is a brace")
        if found["field"] is not None:
            parts.append(_read_field(found["field"], require))
        else:
            parts.append(_LITERALS.get(found[0], found[0]))
    if not any(isinstance(part, _Field) for part in parts):
        raise BadInputError("the template names no field: write one in braces, such as '{timestamp} {service} {body}'")
    return LineTemplate(tuple(parts))


def _read_field(text: str, require: Callable[[str], None]) -> _Field:
    found = _FIELD.fullmatch(text)
    if not found:
        raise BadInputError(f"{{{text[:60]}}} is no field of a template: expected a name, and a width of 1 to 999 such as {{service:<12}}")
    path = ALIASES.get(found["name"], found["name"])
    require(path)
    return _Field(path, int(found["width"] or 0), found["side"] == ">")
