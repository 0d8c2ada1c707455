"""Short ids: cuts long ids in their middle, so that both ends can be compared where there is little room. Pure."""

import re
from typing import Final

_LONG: Final = 24
_SHOWN: Final = 13
# trace ids of X-Ray, UUIDs, and what else has sixteen hexadecimal digits in a row with at most dashes between
_ID: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}|(?=[0-9a-fA-F-]*\d)[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){2,14})(?![0-9A-Za-z])"
)


def middle(text: str, most: int = _LONG) -> str:
    """Cuts a long text in its middle; ``most`` is the number of characters that stay, the mark of the cut included."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def with_short_ids(text: str) -> str:
    """Returns ``text`` with each long id in it cut in its middle."""
    return _ID.sub(lambda found: middle(found[0], _SHOWN), text)
