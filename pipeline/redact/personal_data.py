"""Personal data: masks credit-card numbers, e-mail addresses and IP addresses, each where the user asks for it."""

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from pipeline.redact.mask import MASK

CLASSES: Final[Mapping[str, Sequence[str]]] = {
    "credit-cards": (r"[2-6](?:[ -]?[0-9]){12}",),
    "emails": (r"[A-Za-z0-9_](?:@|%40)[A-Za-z0-9]",),
    "ip-addresses": (r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", r"::", r"(?i)(?:[0-9a-f]{1,4}:){4}"),
}
"""The classes, and Hyperscan expressions that match wherever one of their members may be."""

# ISO/IEC 7812: 13 to 19 digits, perhaps in groups; other numbers of this length begin with 0, 1, 7, 8 or 9
_CARD = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-]|\.\d)", re.ASCII)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}(?:@|%40)[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250})\.[A-Za-z]{2,24}(?![\w-])", re.ASCII)
_IPV4 = re.compile(r"(?<![\w.-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}(?:[0-9a-fA-F]{1,4}|(?:\d{1,3}\.){3}\d{1,3}|)(?![\w:.])", re.ASCII)
# 1.2.3.4 is a version behind such a word, and behind a product's name and a slash
_VERSION = re.compile(r"""(?:\b(?:version|ver|v|release|build|revision)["']?[ :=/]{0,3}["']?|[A-Za-z]/)\Z""", re.IGNORECASE)
_LOOK_BACK = 16
_SHORTEST_LUHN = 13


def checked_classes(names: Sequence[str]) -> tuple[str, ...]:
    """Returns ``names``. Raises ValueError if one of them is no class."""
    for name in names:
        if name not in CLASSES:
            raise ValueError(f"{name!r} is no class of personal data: {', '.join(CLASSES)}")
    return tuple(names)


def without_classes(text: str, classes: Iterable[str]) -> str:
    """Returns ``text`` without the members of ``classes``, which are some of `CLASSES`; JSON stays JSON."""
    for name in classes:
        for pattern, is_member in _MEMBERS[name]:
            text = _masked(text, pattern, is_member)
    return text


def _masked(text: str, pattern: re.Pattern[str], is_member: Callable[[re.Match[str]], bool]) -> str:
    found = [match for match in pattern.finditer(text) if is_member(match)]
    if not found:
        return text
    # imported here: few users ask for a class
    from pipeline.redact.layout import json_layout  # noqa: PLC0415
    from pipeline.redact.secret_values import is_json  # noqa: PLC0415
    from pipeline.redact.views import Edit, apply  # noqa: PLC0415

    strings = sorted(json_layout(text).strings.values()) if is_json(text) else None

    def mask(start: int) -> str:
        # a number of JSON becomes a string
        if strings is None:
            return MASK
        string = bisect_right(strings, (start, len(text), len(text))) - 1
        return MASK if string >= 0 and start < strings[string][1] else f'"{MASK}"'

    return apply(text, [Edit(match.start(), match.end(), mask(match.start())) for match in found])


def _is_card(match: re.Match[str]) -> bool:
    """Whether the digits pass the check of Luhn (ISO/IEC 7812)."""
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    doubled = [digit if number % 2 == 0 else digit * 2 - 9 * (digit > 4) for number, digit in enumerate(reversed(digits))]  # noqa: PLR2004
    return len(digits) >= _SHORTEST_LUHN and sum(doubled) % 10 == 0 and len(set(digits)) > 1


def _is_ipv4(match: re.Match[str]) -> bool:
    return _VERSION.search(match.string, max(0, match.start() - _LOOK_BACK), match.start()) is None


def _is_ipv6(match: re.Match[str]) -> bool:
    if not any(map(str.isdigit, match[0])):
        return False
    try:
        ipaddress.IPv6Address(match[0])
    except ValueError:
        return False
    return True


_MEMBERS: Final[Mapping[str, Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]]]]] = {
    "credit-cards": ((_CARD, _is_card),),
    "emails": ((_EMAIL, lambda _match: True),),
    "ip-addresses": ((_IPV6, _is_ipv6), (_IPV4, _is_ipv4)),
}
