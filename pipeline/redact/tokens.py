"""Tokens: finds secrets that are recognisable by how they begin."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

from pipeline.redact.vendor_tokens import VENDOR_TOKENS


class Token(NamedTuple):
    """A kind of token, as two regular expressions: its beginning and the rest. A group marks the secret part; else all of it is secret.

    The beginning must have a fixed width if the token has to begin a word. The prefilter searches for the hint, or for the beginning if
    there is none. Hyperscan compiles literals fastest, and long bounded repeats slowest.
    """

    beginning: str
    rest: str = ""
    begins_word: bool = True
    hint: str = ""


TOKENS: Final = (
    # RFC 6750, RFC 7617 (base64 has capitals or padding inside, other words do not), RFC 7616
    Token(r"(?i:bearer)\s", r"\s*+(?:[\w.~+/-]{20,}|(?=[A-Za-z_.~+/-]*[0-9])[\w.~+/-]{8,})={0,2}"),
    Token(r"(?i:basic)\s", r"\s*+(?=[A-Za-z0-9+/]+[A-Z=])[A-Za-z0-9+/]{6,}={0,2}"),
    Token(r"(?i:digest)\s", r"""\s*+(?:\w+=(?:\\*"(?:\w[^"\\]*)?\\*"|[^\s"'\\,{}]+)(?:,[ ]?)?)+"""),
    # AWS Signature Version 4, in a header
    Token(r"AWS4-HMAC-SHA256\s", r"""\s*+Credential=[^\s"'\\,]+(?:,?\s+(?:SignedHeaders|Signature)=[\w;=-]+)*"""),
    # access key ids of users, sessions and others that grant access (IAM user guide, "Understanding unique ID prefixes"; ABIA and ACCA are
    # bearer tokens and context-specific credentials), with the secret that may follow
    Token(r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{4}", r"""[A-Z0-9]{12}(?::[^\s"'\\,;&<>(){}\[\]]+|[,|][A-Za-z0-9/+]{40})?""", begins_word=False),
    # session tokens of AWS STS: they are base64 of a protocol buffer
    Token(r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)", r"(?:[A-Za-z0-9+/=]|%2[BbFf]|%3[Dd]|\\/)*+", begins_word=False),
    # RFC 7519 and RFC 7516: base64 of {"
    Token(r"eyJ[\w-]{8}", r"[\w-]*+\.[\w-]{4,}(?:\.[\w-]*+){0,3}", hint=r"eyJ[\w-]{4}"),
    # RFC 7468, and SSH2's four dashes
    Token(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
        # line ends may be escaped as in JSON; strings may be joined over lines
        r"""(?:[^"'`<>{}\\-]++|-(?!----)|\\++[nrtu/]|["'`]\s*+\+\s*+["'`])*+(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?""",
        begins_word=False,
        hint="PRIVATE KEY",
    ),
    Token(
        r"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
        r"""(?:[^"'`<>{}\\-]++|-(?!---)|\\++[nrtu/])*+(?:---- END [A-Z0-9 ]{0,40} ----)?""",
        begins_word=False,
    ),
    Token(r"PuTTY-User-Key-File-[23]", r"""(?:[^"'`<>{}\\]++|\\++[nrtu/])*+""", begins_word=False),
    # the password in a URL, whose slashes may be escaped; it may hold slashes if it is no port
    Token(r""":\\*+/\\*+/[^\s/:@"'\\?#]*+:([^\s/"'\\]+)@""", begins_word=False, hint=r"(?:://|\\/)[^\s/:@]*:[^\s/]+@"),
    Token(
        r""":\\*+/\\*+/[^\s/:@"'\\?#]*+:""",
        r"""((?![\[/]|[0-9]{1,5}[/?#])[^\s@"'\\/]{1,100}+/[^\s@"'\\]{0,150}+)@""",
        begins_word=False,
        hint=r"//[^\s/:@]*:[^\s@/]+/[^\s@]*@",
    ),
    # Go's MySQL driver, Oracle's thin driver
    Token(r""":([^\s:/@"'\\]{1,100})@(?:tcp|unix)\(""", begins_word=False, hint=r"@(?:tcp|unix)\("),
    Token(r"jdbc:oracle:(?:thin|oci):", r"""[^\s/@"'\\]{1,60}/([^\s@"'\\]+)@""", begins_word=False),
    # curl -u user:password as a list of arguments
    Token(r"""(?:-u|--user|--proxy-user)\\{0,3}["'],\s""", r"""?\\*["'][^\s:"'\\]*:([^"'\\]+)""", begins_word=False),
    *(Token(*token) for token in VENDOR_TOKENS),
)  # fmt: skip
_ARGUMENT = r"""["']?([^\s"'|;&]+)"""
COMMANDS: Final = (
    Token(r"curl\s", rf"""(?:[^\n]{{0,400}}?\s)?(?:-u|--user|-U|--proxy-user)[ =]?["']?[^\s:"']{{0,100}}:{_ARGUMENT}"""),
    Token(r"mysql(?:dump|admin|import)?\s", rf"""(?:[^\n]{{0,400}}?\s)?-p{_ARGUMENT}""", begins_word=False),
    Token(
        r"(?:sshpass|docker login|podman login|az login|helm registry login)\s",
        rf"""(?:[^\n]{{0,400}}?\s)?-p[ ]?{_ARGUMENT}""",
        begins_word=False,
    ),
    Token(r"redis-cli\s", rf"""(?:[^\n]{{0,400}}?\s)?-a[ ]{_ARGUMENT}"""),
    Token(r"(?i:identified by|with password|with encrypted password)\s", r"""\s*+["']([^"'\n]+)""", begins_word=False),
)  # fmt: skip
"""Commands with a password: curl -u user:password, mysql -ppassword, sshpass -p password, SQL's IDENTIFIED BY 'password'.

Their quotes may be escaped, so they are looked for in decoded text (`pipeline.redact.secret_values`).
"""
# what may precede a word: no word character, unless it is part of an escape in JSON or in a URL
_BEFORE: Final = (r"<![\w-]", r"<=\\[nrt]", r"<=\\u[0-9a-fA-F]{4}", r"<=%[0-9a-fA-F]{2}")


@cache
def exact(token: Token) -> re.Pattern[str]:
    """The compiled expression of ``token``. It is made on first use: a cold start should not wait for it."""
    # the look-behind follows the beginning, because the engine can jump to a literal beginning
    before = f"(?:{'|'.join(f'(?{before}{token.beginning})' for before in _BEFORE)})" if token.begins_word else ""
    return re.compile(token.beginning + before + token.rest, re.ASCII)


def without_tokens(text: str, kinds: Iterable[Token], mask: str) -> str:
    """Returns ``text`` with ``mask`` in place of each token of these ``kinds``."""
    for token in kinds:
        text = exact(token).sub(lambda match: _masked(match, mask), text)
    return text


def _masked(match: re.Match[str], mask: str) -> str:
    if not match.re.groups:
        return mask
    start = match.start()
    return match[0][: match.start(1) - start] + mask + match[0][match.end(1) - start :]
