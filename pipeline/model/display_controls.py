"""Display controls: characters that steer a terminal, a mail program or a reader's eye instead of being shown.

Sources: ECMA-48 (the C0 and C1 sets); Unicode 15, DerivedCoreProperties (`Default_Ignorable_Code_Point`, which holds every mark of
direction, every character without width, and the tags) and PropList (`Bidi_Control`).
"""

import re
from typing import Final

DISPLAY_CONTROLS: Final = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    # line and paragraph separators, lone halves of surrogate pairs, annotation marks
    "\u2028\u2029\ud800-\udfff\ufff0-\ufffb"
    # what Unicode lets programs ignore, less the sixteen selectors of a letter's or an emoji's form
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # a carriage return goes back to the start of a line, unless that line ends here
    r"]|\r(?!\n)"
)
"""One character that is no tab, no line feed, and not the carriage return before one."""

_PICTURES: Final = 0x2400
_DELETE: Final = "\x7f"


def visible(text: str) -> str:
    """Returns ``text`` with each ASCII control as its picture, and a replacement character for each other display control."""
    return DISPLAY_CONTROLS.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    control = found[0]
    return chr(_PICTURES + ord(control)) if control < " " else "␡" if control == _DELETE else "�"
