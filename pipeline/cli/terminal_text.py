"""What others logged must not steer the terminal."""

import re

# controls but tab and line feed, marks that turn the direction of writing, halves of surrogate pairs, which no terminal can be sent
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PICTURES = 0x2400


def terminal_safe(text: str) -> str:
    """``text`` with a picture for each control, and a replacement character for whatever else steers."""
    return _STEERING.sub(lambda found: chr(_PICTURES + ord(found[0])) if found[0] < " " else "�", text)
