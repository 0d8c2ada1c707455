"""Terminal text: makes logged text safe to print in a terminal."""

import re

# controls but tab and line feed, marks and separators that change the direction or the line, and lone surrogates, which UTF-8 lacks
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PICTURES = 0x2400


def terminal_safe(text: str) -> str:
    """``text`` without anything that controls a terminal: each ASCII control becomes its picture, the rest a replacement character."""
    return _STEERING.sub(lambda found: chr(_PICTURES + ord(found[0])) if found[0] < " " else "�", text)


def one_line(text: str) -> str:
    """``text`` like `terminal_safe`, on one line: each run of white space becomes a space."""
    return terminal_safe(re.sub(r"\s+", " ", text))
