"""Steering: finds in a text what would steer a terminal, by Unicode's categories, so by other means than the code under test."""

import unicodedata
from typing import Final

INVISIBLE: Final = (
    "\u200b\u200c\u200d\u2060\u2061\ufeff\u00ad\u180e\u3164\u115f\u2028\u2029\ufff9\U000e0000\U000e0001\U000e0041\U000e007f\U000e0100"
)
"""Some characters without width."""
_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_TAGS: Final = range(0xE0000, 0xE1000)


def steering(text: str) -> list[str]:
    """What in ``text`` would steer a terminal, as code points; line ends and tabs do not."""
    return [f"U+{ord(letter):04X}" for letter in sorted(set(text.replace("\r\n", "\n")) - {"\n", "\t"}) if _steers(letter)]


def _steers(letter: str) -> bool:
    return unicodedata.category(letter) in _CATEGORIES or ord(letter) in _TAGS or letter in INVISIBLE
