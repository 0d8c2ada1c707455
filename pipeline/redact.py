"""Redact: what is secret goes before anything is indexed, judged or sent. The key stays, the value does not, and JSON stays JSON.

A value goes by its key (`"password": "…"`, `Authorization: Bearer …`, `api_key=…`, at any depth, in JSON within JSON, in Python's rendering
of a dictionary, in headers and query strings), or by its own form (an AWS access key id, a JWT, a private key, …). Each step costs no
more than the length of the text.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.scan import Finder

REDACTED: Final = "[redacted]"
DEFAULT_KEYS: Final = (
    "authorization", "proxy-authorization", "cookie", "set-cookie", "jwt", "credentials", "*-password", "*-passwd", "*-pwd", "*-passphrase",
    "*-secret", "*-api-key", "*-access-key", "*-account-key", "*-secret-key", "*-private-key", "*-token",
    "x-amz-signature", "x-amz-credential",
    # these tell a page or a request from others
    "!next-token", "!next-page-token", "!page-token", "!pagination-token", "!continuation-token", "!next-continuation-token",
    "!client-token", "!client-request-token", "!sync-token", "!start-token", "!next-forward-token", "!next-backward-token", "!resume-token",
)  # fmt: skip
"""Keys whose values are secret, in any case, with `-`, `_`, a dot or a capital between their words.

`*-` stands for any words, or none; `!` takes a key out.
"""
# each begins in a way of its own; documented by those who issue them
_FORMS: Final = (
    r"\b(?:Bearer|Basic)\s{1,4}[A-Za-z0-9._~+/-]{8,4096}=*",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\beyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{0,8192}",
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\:,]{0,16384}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
    r"\bgh[pousr]_[A-Za-z0-9]{20,255}",
    r"\bgithub_pat_[A-Za-z0-9_]{20,255}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}",
    r"\b(?:sk|rk)_live_[A-Za-z0-9]{10,255}",
    r"\bAIza[A-Za-z0-9_-]{35}",
    r"\bAWS4-HMAC-SHA256\s{1,4}Credential=[^\r\n\"'\\}]{1,2048}",
)  # fmt: skip
_FORM = re.compile("|".join(f"(?:{form})" for form in _FORMS))
_AT_A_GLANCE: Final = (
    r"(?:Bearer|Basic)\s", r"(?:AKIA|ASIA)[A-Z0-9]{16}", r"eyJ[A-Za-z0-9_-]{8}", r"-----BEGIN ", r"gh[pousr]_[A-Za-z0-9]{20}",
    r"github_pat_", r"xox[abeoprs]-", r"(?:sk|rk)_live_", r"AIza[A-Za-z0-9_-]{35}", r"AWS4-HMAC-SHA256\s", r"://[^\s:@/\"']{0,128}:[^\s@/\"']{1,256}@",
)  # fmt: skip
# the password of a connection string
_LOGIN = re.compile(r"(://[^\s:@/\"']{0,128}:)([^\s@/\"']{1,256})(?=@)")
# a key with what stands between it and its value: quotes, perhaps with backslashes, and a colon or an equals sign
_KEY = re.compile(r"(?<![\w.-])(?P<key>[A-Za-z][\w.-]{0,80})(?P<close>\\{0,15}[\"'])?\s{0,4}(?P<sign>[:=])\s{0,4}")
_QUOTE = re.compile(r"(\\*)([\"'])")
_STRUCTURE = re.compile(r"\\*[\"']|[\[\]{}]")
_SCHEME = re.compile(r"(?:Bearer|Basic|Digest|Negotiate|ApiKey|Token)\s{1,4}", re.IGNORECASE)
_WORD = re.compile(r"[^\s,;&\"'\\)\]}<>]{0,8192}")
# API Gateway shows headers as {Cookie=a=b; c=d, Host=…}
_LINE = re.compile(r"(?:(?!,\s[\w-]{1,80}=)[^\r\n\"'\\}]){0,16384}")
_NOTHING: Final = frozenset({"null", "None", "true", "false", "True", "False", "undefined"})
# their values hold spaces, commas and semicolons
_WHOLE_LINES: Final = frozenset({"cookie", "setcookie", "authorization", "proxyauthorization"})
_HUMPS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


class Redactor:
    """Takes what is secret out of texts.

    Args:
        keys: whose values go, as in `DEFAULT_KEYS`.
        patterns: regular expressions of further secrets, as hyperscan takes them: no look-around, no back-references, nothing that
            matches the empty text.

    Raises ValueError where a pattern is none of these.
    """

    def __init__(self, keys: Sequence[str] = DEFAULT_KEYS, patterns: Sequence[str] = ()) -> None:
        wanted = [key for key in keys if not key.startswith("!") and f"!{key}" not in keys]
        self._exact = frozenset(_normal(key) for key in wanted if not key.startswith("*"))
        self._endings = tuple(_normal(key[1:]) for key in wanted if key.startswith("*"))
        self._exempt = frozenset(_normal(key[1:]) for key in keys if key.startswith("!"))
        self._finder = _finder(patterns)
        self._is_secret = lru_cache(maxsize=4096)(self._looks_secret)
        names = "|".join(_spelled(key.lstrip("*-_")) for key in wanted)
        self.worth_a_look = (rf"(?i)(?:{names})\\{{0,15}}[\"']?\s{{0,4}}[:=]", *_AT_A_GLANCE, *patterns)
        """Regular expressions of which one is found in every text that `text` changes, for a first look at many texts at once."""

    def text(self, text: str) -> str:
        """``text`` without its secrets; the same text where it holds none."""
        found = self._keyed(_FORM.sub(REDACTED, text))
        if "://" in found:
            found = _LOGIN.sub(rf"\1{REDACTED}", found)
        return self._finder.replace(found, REDACTED) if self._finder else found

    def _keyed(self, text: str) -> str:
        parts: list[str] = []
        done = 0
        for match in _KEY.finditer(text):
            if match.start() < done or not self._is_secret(match["key"]):
                continue
            end, replacement = _value(text, match)
            if end > match.end():
                parts += (text[done : match.end()], replacement)
                done = end
        return "".join((*parts, text[done:])) if parts else text

    def _looks_secret(self, key: str) -> bool:
        name = _normal(key)
        return (name in self._exact or name.endswith(self._endings)) and name not in self._exempt


def _value(text: str, match: re.Match[str]) -> tuple[int, str]:
    """Where the value behind a key ends, and what stands for it; the end of the match where there is nothing to hide."""
    start = match.end()
    if text.startswith(REDACTED, start):
        return start, ""
    if opened := _QUOTE.match(text, start):
        end = _string_end(text, opened)
        inside = text[opened.end() : end]
        closed = text[end : end + len(opened[0])]
        nothing = not inside or inside == REDACTED
        return (start, "") if nothing else (end + len(closed), f"{opened[0]}{REDACTED}{opened[0] if closed else ''}")
    quote = match["close"] or ""
    if text[start : start + 1] in {"[", "{"} and (quote or match["sign"] == ":"):
        return _structure_end(text, start), f"{quote}{REDACTED}{quote}"
    if quote:
        word = _WORD.match(text, start)
        said = word[0] if word else ""
        return (start, "") if not said or said in _NOTHING else (start + len(said), f"{quote}{REDACTED}{quote}")
    return _bare(text, start, whole_line=_normal(match["key"]) in _WHOLE_LINES)


def _bare(text: str, start: int, *, whole_line: bool) -> tuple[int, str]:
    """A value without quotes: a header's, up to the end of its line or its braces; else a word, with a scheme before it."""
    scheme = _SCHEME.match(text, start)
    found = (_LINE if whole_line and not scheme else _WORD).match(text, scheme.end() if scheme else start)
    said = found[0].rstrip() if found else ""
    if not said or said in _NOTHING or said.startswith(REDACTED):
        return start, ""
    return (scheme.end() if scheme else start) + len(said), REDACTED


def _string_end(text: str, opened: re.Match[str]) -> int:
    """Where a string's closing quote begins, backslashes included; the end of the text where it never closes.

    A string within strings has quotes with backslashes before them: it closes with as many as it opened with, counted in
    whole escapes of its level.
    """
    level, quote = len(opened[1]), opened[2]
    for found in _QUOTE.finditer(text, opened.end()):
        if found[2] == quote and len(found[1]) >= level and (len(found[1]) - level) % (2 * (level + 1)) == 0:
            return found.end() - 1 - level
        if len(found[1]) < level and found[2] == quote:
            # the string around it ends here
            return found.start()
    return len(text)


def _structure_end(text: str, start: int) -> int:
    """Where an array or an object ends; the end of the text where it never does."""
    depth, position = 0, start
    while found := _STRUCTURE.search(text, position):
        position = found.end()
        if found[0] in "[{":
            depth += 1
        elif found[0] in "]}":
            depth -= 1
            if depth == 0:
                return position
        elif opened := _QUOTE.match(text, found.start()):
            end = _string_end(text, opened)
            position = min(end + len(opened[0]), len(text))
    return len(text)


def _normal(key: str) -> str:
    """A key without case and separators."""
    return key.replace("-", "").replace("_", "").replace(".", "").lower()


def _spelled(key: str) -> str:
    """An expression for a key in any spelling."""
    return "[-_.]?".join(word.lower() for word in _HUMPS.findall(key))


def _finder(patterns: Sequence[str]) -> "Finder | None":
    if not patterns:
        return None
    # imported here: few have any
    from pipeline.scan import Finder  # noqa: PLC0415

    return Finder(patterns)


def redactor_for(settings: Settings) -> Redactor | None:
    """What these settings want redacted; None where they want nothing."""
    return _redactor(settings.redact_keys, settings.redact_patterns) if settings.redact else None


@lru_cache(maxsize=8)
def _redactor(keys: tuple[str, ...], patterns: tuple[str, ...]) -> Redactor:
    return Redactor((*DEFAULT_KEYS, *keys), patterns)
