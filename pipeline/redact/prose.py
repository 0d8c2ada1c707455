"""Prose: tells a sentence about a secret, such as `password: required`, from a secret."""

import re

_STATUS = frozenset(
    """
    see is are was were must should may might can cannot could would will not no none the a an in for of with from to on by as at it its
    this that these those your my our their be been has have had does do did or and but than too only need needs via if when while
    because before after under over required missing invalid expired incorrect wrong changed updated reset ok okay failed set unset
    unknown rejected accepted valid denied validation field use uses please enter mismatch mismatched policy empty blank length minimum
    maximum min max found ignored disabled enabled present absent hidden masked redacted omitted provided received sent used unused
    created deleted rotated rotation revoked issued refreshed verified unverified available unavailable supported unsupported allowed
    forbidden unauthorized malformed unexpected error complete completed success successful successfully yes nothing undefined null true
    false default optional mandatory necessary identifier string number value type name consent
    """.split()  # noqa: SIM905 - easier to read and to extend
)
_FUNCTION_WORDS = frozenset(
    """
    is are was were must should may can cannot could would will not no the a an in for of with from to on by as at it this that your my
    be been has have had does do did or and but than too only via if when
    """.split()  # noqa: SIM905
)
_WORDS = re.compile(r"[A-Za-z][a-z']{0,20}(?: [a-z']{1,20}){0,5}(?![\w@#$%^*+=/~-])")
_FIRST = re.compile(r"[A-Za-z']{1,21}(?![\w@#$%^*+=/~-])")
_BEFORE = re.compile(r"(?:([A-Za-z]{1,20})[ ])?([A-Za-z]{1,20})[ ]\Z")
_LOOK_BACK = 44
# the token is that of a parser, or of a page
_OTHER_TOKENS = frozenset(
    {"unexpected", "illegal", "next", "page", "continuation", "pagination", "stop", "per", "sync", "task", "expected", "unknown", "missing"}
)


def is_prose(text: str, start: int) -> bool:
    """Whether ``text`` goes on at ``start`` with a sentence and not with a secret."""
    first = _FIRST.match(text, start)
    if first is None:
        return False
    if first[0].lower() in _STATUS:
        return True
    words = _WORDS.match(text, start)
    return words is not None and not _FUNCTION_WORDS.isdisjoint(words[0].split(" ")[1:])


def names_before(text: str, start: int, key: str) -> list[str]:
    """The names that ``key``, a word at ``start`` in prose, makes with one and two words before it, such as `secret access key`."""
    before = _BEFORE.search(text, max(0, start - _LOOK_BACK), start)
    if before is None:
        return []
    return [f"{before[2]} {key}", *([f"{before[1]} {before[2]} {key}"] if before[1] else [])]


def is_other_token(text: str, start: int) -> bool:
    """Whether the word `token` at ``start`` is that of a parser or of a page, as in `Unexpected token: x`."""
    before = _BEFORE.search(text, max(0, start - _LOOK_BACK), start)
    return before is not None and before[2].lower() in _OTHER_TOKENS
