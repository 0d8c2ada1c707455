"""Quotation: makes text of logs and traces safe to stand in a message, where it links, formats, mentions and steers nothing. Pure.

What is read afterwards: plain text by mail programs, which make links of addresses and bare domains; Slack's mrkdwn and its mentions;
Markdown in Microsoft Teams; HTML. Sources: Slack, "Formatting text for app surfaces" (`&`, `<` and `>` begin what it interprets);
CommonMark 0.31 (links, emphasis, code); the usual way to write an indicator of compromise so that nobody follows it (`hxxp`, `[.]`).
"""

import re
import unicodedata
from typing import Final

from pipeline.model.display_controls import DISPLAY_CONTROLS

# how many characters are read for each that is shown; it bounds the work
_READ: Final = 4
_VARIANTS: Final = re.compile("[\ufe00-\ufe0f]")
# look-alikes, since a mail or a chat may be read as HTML, Markdown or mrkdwn; quotation marks are ours alone
_LOOKALIKES: Final = str.maketrans(
    "<>&*~`\u201c\u201d\u201e\u201f\u2039\u203a", "\uff1c\uff1e\uff06\u2217\u223c'" + '"' * 4 + "\uff1c\uff1e"
)
_HTTP: Final = re.compile(r"http(?P<s>s?):", re.IGNORECASE)
_SCHEME: Final = re.compile(r"(?<!hxxp)(?<!hxxps):(?=//|\\\\)")
# schemes that need no slashes
_BARE_SCHEME: Final = re.compile(
    r"\b(mailto|tel|sms|callto|sip|xmpp|skype|slack|msteams|javascript|vbscript|data|file|magnet|facetime):(?=\S)", re.IGNORECASE
)
_SHARE: Final = re.compile(r"\\\\(?=\w)")
_IP_ADDRESS: Final = re.compile(r"\d+(?:\.\d+){3,}")
# the dot of a domain comes before a letter; browsers take the ideographic one for it, too
_DOT: Final = re.compile(r"[.。](?=[^\W\d_])")
# an underscore inside a word formats nothing
_EMPHASIS: Final = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_WIDE_LINE: Final = "\uff3f"
# one that stands in brackets already was made safe before
_AT: Final = re.compile(r"(?<!\[)@|@(?!\])")
_LINK_TEXT: Final = re.compile(r"\](?=[(\[])")


def neutral(text: str, longest: int) -> str:
    """``text`` on one line of at most ``longest`` characters, without links, mentions, markup, controls and marks of direction.

    What was made neutral before stays as it is, but for its quotation marks.
    """
    line = _defanged(one_line(unicodedata.normalize("NFKC", text[: longest * _READ])))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def quoted(text: str, longest: int) -> str:
    """``text`` like `neutral`, between quotation marks that nothing inside can close; empty if it is."""
    inside = neutral(text, max(longest - 2, 1))
    return f"“{inside}”" if inside else ""


def one_line(text: str) -> str:
    """``text`` on one line, without controls, marks of direction and what has no width."""
    shown = _VARIANTS.sub("", DISPLAY_CONTROLS.sub(" ", text))
    return " ".join("".join(letter if letter.isprintable() else " " for letter in shown).split())


def _defanged(line: str) -> str:
    line = line.translate(_LOOKALIKES)
    line = _HTTP.sub(lambda found: f"hxxp{found['s'].lower()}:", line)
    line = _SCHEME.sub("[:]", line)
    line = _BARE_SCHEME.sub(r"\1[:]", line)
    line = _SHARE.sub(r"[\\\\]", line)
    line = _IP_ADDRESS.sub(lambda found: found[0].replace(".", "[.]"), line)
    line = _DOT.sub("[.]", line)
    line = _AT.sub("[@]", line)
    line = _EMPHASIS.sub(lambda found: _WIDE_LINE * len(found[0]), line)
    return _LINK_TEXT.sub("] ", line)
