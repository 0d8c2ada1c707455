"""SPDX: reads licence expressions, and judges whether they are permissive, copyleft or unknown.

Source: SPDX specification 3.0, annex "SPDX license expressions"; identifiers are those of the SPDX licence list.
"""

import re
from enum import IntEnum
from typing import Final

_PERMISSIVE: Final = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0", "PSF-2.0", "Python-2.0",
    "Unlicense", "Zlib",
})  # fmt: skip
_COPYLEFT: Final = re.compile(
    r"(?i)\b[AL]?GPL|General Public|copyleft"
    r"|\b(?:APSL|CC-BY-SA|CDDL|CECILL|CPL|EPL|EUPL|IPL|MPL|MS-RL|Mozilla|OSL|QPL|SISSL|Sleepycat|SSPL)\b"
)


class Kind(IntEnum):
    """What a licence asks of those who pass the code on; the worse is the larger."""

    PERMISSIVE = 0
    COPYLEFT = 1
    UNKNOWN = 2


def kind(expression: str) -> Kind:
    """The kind of an SPDX expression: of what OR joins the best counts, of what AND joins the worst. What it can't read is UNKNOWN."""
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    try:
        found = _any(tokens)
    except (IndexError, RecursionError):
        found = Kind.UNKNOWN
    if tokens or found is Kind.UNKNOWN:
        # no expression, but it may be a copyleft licence's long name
        return Kind.COPYLEFT if _COPYLEFT.search(expression) else Kind.UNKNOWN
    return found


def _any(tokens: list[str]) -> Kind:
    found = [_all(tokens)]
    while _next_is(tokens, "OR"):
        found.append(_all(tokens))
    return min(found)


def _all(tokens: list[str]) -> Kind:
    found = [_one(tokens)]
    while _next_is(tokens, "AND"):
        found.append(_one(tokens))
    return max(found)


def _one(tokens: list[str]) -> Kind:
    word = tokens.pop(0)
    if word == "(":
        inner = _any(tokens)
        return inner if tokens.pop(0) == ")" else Kind.UNKNOWN
    if _next_is(tokens, "WITH"):
        # an exception takes obligations away and adds none
        tokens.pop(0)
    name = word.removesuffix("+")
    if _COPYLEFT.search(name):
        return Kind.COPYLEFT
    return Kind.PERMISSIVE if name in _PERMISSIVE else Kind.UNKNOWN


def _next_is(tokens: list[str], operator: str) -> bool:
    """Whether ``operator`` comes next; takes it off."""
    if tokens and tokens[0].upper() == operator:
        tokens.pop(0)
        return True
    return False
