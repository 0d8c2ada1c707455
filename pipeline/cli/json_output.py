"""JSON output: a value becomes one line of JSON that is safe to print in a terminal, and means the same data."""

import json
import re

import msgspec

from pipeline.model.display_controls import DISPLAY_CONTROLS

_LARGEST_UNIT = 0xFFFF


def json_line(content: object) -> str:
    r"""``content`` as JSON on one line; what would steer a terminal, and half a surrogate pair, is escaped as ``\uXXXX``."""
    try:
        text = msgspec.json.encode(content).decode()
    except UnicodeEncodeError:
        # half a surrogate pair: JSON can escape it, UTF-8 can't encode it
        text = json.dumps(msgspec.to_builtins(content), separators=(",", ":"))
    return DISPLAY_CONTROLS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    control = found[0]
    if ord(control) <= _LARGEST_UNIT:
        return f"\\u{ord(control):04x}"
    return json.dumps(control)[1:-1]
