"""Script data: JSON in a script element, for the scripts of a page. Pure."""

import re
from typing import Final

import msgspec
from markupsafe import Markup

from pipeline.model.display_controls import visible
from pipeline.model.json_values import as_text

# what could end a script element, or a line of a script
_UNSAFE: Final = re.compile("[<>&\u2028\u2029]")


def script_json(value: object) -> Markup:
    """Returns ``value`` as JSON that can stand in a script element, whatever texts it holds."""
    text = msgspec.json.encode(value).decode()
    safe = _UNSAFE.sub(lambda unsafe: f"\\u{ord(unsafe[0]):04x}", text)
    return Markup(safe)  # noqa: S704  # no character of it means anything in HTML


def shown_in_script(text: str) -> str:
    """Returns ``text`` as `script_json` may hold it: with what would steer a reader's eye as signs."""
    return visible(as_text(text))
