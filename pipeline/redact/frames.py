"""Frames: what the walk through a text remembers of each open bracket, to see which entries of one object belong together.

An object may hold the name of a secret in one entry and its value in another: `{"Name": "DB_PASSWORD", "Type": "String", "Value": "x"}`.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from pipeline.redact.views import Edit

Role = Literal["name", "value", "type", ""]

_NAMES = frozenset({"name", "key", "path", "field", "header", "param", "variable", "k", "n"})
_VALUES = frozenset({"value", "val", "v", "stringvalue", "plaintext"})
# ParameterKey and ParameterValue, headerName and headerValue
_LONG_NAME = re.compile(
    r"(?:parameter|param|option|header|attribute|field|setting|variable|variant|env|property|tag|var)_?(?:key|name)\Z", re.IGNORECASE
)
_LONG_VALUE = re.compile(r"(?:parameter|param|option|header|attribute|field|setting|variable|env|property|tag|var)_?value\Z", re.IGNORECASE)
_LONGEST_ROLE = 24


@dataclass(slots=True)
class Frame:
    """An open bracket.

    Attributes:
        start: the position of the bracket; -1 for the text as a whole.
        key: the key whose value the bracket begins.
        index: how many commas came since.
        is_secret: whether an entry names a secret.
        values: the edits of the entries that are the values of such names.
    """

    start: int
    key: str = ""
    index: int = 0
    is_secret: bool = False
    values: list[Edit] = field(default_factory=list)


def role_of(key: str) -> Role:
    """What the entry ``key`` of an object says of the others: a name, a value, a type, or nothing."""
    if len(key) > _LONGEST_ROLE:
        return ""
    key = key.strip("@$:_").lower()
    if key in _NAMES or _LONG_NAME.match(key):
        return "name"
    if key in _VALUES or _LONG_VALUE.match(key):
        return "value"
    return "type" if key == "type" else ""
