"""Hostile text: what whoever writes a log line may put into it to steer a terminal, a mail program or a reader."""

import unicodedata

# every C0 and C1 control, sequences of ECMA-48, titles, links and the clipboard by OSC, DCS, marks of direction, what has no width, tags
CONTROLS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
SEQUENCES = "\x1b[31m\x1b[2J\x1b[6n\x9b31m\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x07\x1b]52;c;aGk=\x07\x9d0;t\x9c\x1bP1$r\x1b\\\x90q\x9c"
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
INVISIBLE = (
    "\u200b\u200c\u200d\u2060\u2061\ufeff\u00ad\u180e\u3164\u115f\u2028\u2029\ufff9\U000e0000\U000e0001\U000e0041\U000e007f\U000e0100"
)
HALF = "\ud800 \udfff"
OVERWRITE = "fine\rEVIL"
MARKUP = "[bold]x[/] [/] [link=http://evil.example]y[/link] :bomb: <b>&amp;"
HOSTILE = f"{SEQUENCES} {DIRECTIONS} {INVISIBLE} {OVERWRITE} {MARKUP} {CONTROLS} \nsecond line"


def steering(text: str) -> list[str]:
    """What in ``text`` would steer a terminal: found by Unicode's categories, so by other means than the code under test."""
    at_line_end = text.replace("\r\n", "\n")
    return [
        f"U+{ord(letter):04X}"
        for letter in at_line_end
        if (unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and letter not in "\n\t")
        or 0xE0000 <= ord(letter) <= 0xE0FFF
        or letter in INVISIBLE
    ]
