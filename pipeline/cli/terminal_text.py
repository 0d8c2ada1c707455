"""Terminal text: makes foreign text safe to print in a terminal."""

import re

from pipeline.model.display_controls import DISPLAY_CONTROLS

_PICTURES = 0x2400
_DELETE = "\x7f"


def terminal_safe(text: str) -> str:
    """``text`` without anything that steers a terminal: each ASCII control becomes its picture, the rest a replacement character."""
    return DISPLAY_CONTROLS.sub(_picture, text)


def one_line(text: str) -> str:
    """``text`` like `terminal_safe`, on one line: each run of white space becomes a space."""
    return terminal_safe(re.sub(r"\s+", " ", text))


def _picture(found: re.Match[str]) -> str:
    control = found[0]
    return chr(_PICTURES + ord(control)) if control < " " else "␡" if control == _DELETE else "�"
