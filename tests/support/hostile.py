"""Hostile text: what whoever writes a log line may put into it to steer a terminal, a mail program or a reader."""

from fuzz.steering import INVISIBLE

# every C0 and C1 control, sequences of ECMA-48, titles, links and the clipboard by OSC, DCS, marks of direction, what has no width, tags
CONTROLS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
SEQUENCES = "\x1b[31m\x1b[2J\x1b[6n\x9b31m\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x07\x1b]52;c;aGk=\x07\x9d0;t\x9c\x1bP1$r\x1b\\\x90q\x9c"
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
HALF = "\ud800 \udfff"
OVERWRITE = "fine\rEVIL"
MARKUP = "[bold]x[/] [/] [link=http://evil.example]y[/link] :bomb: <b>&amp;"
HOSTILE = f"{SEQUENCES} {DIRECTIONS} {INVISIBLE} {OVERWRITE} {MARKUP} {CONTROLS} \nsecond line"
