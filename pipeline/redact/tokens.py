"""Tokens that show what they are by how they begin, wherever they stand; and the user's own patterns."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from threading import Lock
from typing import Final, NamedTuple

import hyperscan

from pipeline.redact.prefilter import compiled


class Token(NamedTuple):
    """A kind of token: how it begins, and what follows; a group in it is what is secret of it.

    The beginning serves for a first look with hyperscan, too. It has a fixed width where the token has to begin a word.
    """

    beginning: str
    rest: str = ""
    begins_word: bool = True


TOKENS: Final = (
    # RFC 6750, RFC 7617 (base64 has capitals or padding inside, other words do not), RFC 7616
    Token(r"(?i:bearer)\s", r"\s*+(?:[\w.~+/-]{20,}|(?=[A-Za-z_.~+/-]*[0-9])[\w.~+/-]{8,})={0,2}"),
    Token(r"(?i:basic)\s", r"\s*+(?=[A-Za-z0-9+/]+[A-Z=])[A-Za-z0-9+/]{6,}={0,2}"),
    Token(r"(?i:digest)\s", r"""\s*+(?:\w+=(?:\\*"(?:\w[^"\\]*)?\\*"|[^\s"'\\,{}]+)(?:,[ ]?)?)+"""),
    # AWS Signature Version 4, in a header
    Token(r"AWS4-HMAC-SHA256\s", r"""\s*+Credential=[^\s"'\\,]+(?:,?\s+(?:SignedHeaders|Signature)=[\w;=-]+)*"""),
    # access key ids of users and of sessions (IAM user guide, "Understanding unique ID prefixes")
    Token(r"(?:AKIA|ASIA)[A-Z0-9]{16}", begins_word=False),
    # RFC 7519 and RFC 7516: base64 of {"
    Token(r"eyJ[\w-]{8}", r"[\w-]*+\.[\w-]{4,}(?:\.[\w-]*+){0,3}"),
    # RFC 7468
    Token(
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
        # line ends may be JSON's
        r"""(?:[^"'<>{}\\-]++|-(?!----)|\\++[nrtu/])*+(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?""",
        begins_word=False,
    ),
    # the password in a URL
    Token(r"""://[^\s/:@"'\\?#]*:([^\s/"'\\]+)@""", begins_word=False),
    Token(r"gh[oprsu]_[A-Za-z0-9]{30}", r"[A-Za-z0-9]*+"),
    Token(r"github_pat_\w{20}", r"\w*+"),
    Token(r"glpat-[\w-]{20}", r"[\w-]*+"),
    Token(r"xox[abeoprs]-[\w-]{10}", r"[\w-]*+"),
    Token(r"hooks\.slack\.com/services/\w", r"[\w/]*+"),
    Token(r"[rs]k_(?:live|test)_[A-Za-z0-9]{10}", r"[A-Za-z0-9]*+"),
    Token(r"whsec_[A-Za-z0-9+/]{20}", r"[A-Za-z0-9+/=]*+"),
    Token(r"AIza[\w-]{35}", begins_word=False),
    Token(r"ya29\.[\w-]{20}", r"[\w.-]*+"),
    Token(r"GOCSPX-[\w-]{20}", r"[\w-]*+"),
    Token(r"SG\.[\w-]{16}", r"[\w-]*+\.[\w-]{16,}"),
    Token(r"npm_[A-Za-z0-9]{36}", begins_word=False),
    Token(r"pypi-AgE[\w-]{20}", r"[\w-]*+"),
    Token(r"sk-(?:proj|ant-)[\w-]{20}", r"[\w-]*+"),
    Token(r"sk-[A-Za-z0-9]{32}", r"[A-Za-z0-9]*+"),
    Token(r"hvs\.[\w-]{20}", r"[\w-]*+"),
    Token(r"dop_v1_[0-9a-f]{64}", begins_word=False),
    Token(r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", begins_word=False),
)
# what stands before a word: none of its own characters, unless they spell an escape of JSON's or of a URL's
_BEFORE: Final = (r"<![\w-]", r"<=\\[nrt]", r"<=\\u[0-9a-fA-F]{4}", r"<=%[0-9a-fA-F]{2}")


@cache
def _exact(token: Token) -> re.Pattern[str]:
    """Compiled when the first line is marked: a cold start should not wait for it."""
    # looks back only once the beginning is found, since the engine can leap to that
    before = f"(?:{'|'.join(f'(?{before}{token.beginning})' for before in _BEFORE)})" if token.begins_word else ""
    return re.compile(token.beginning + before + token.rest, re.ASCII)


def without_tokens(text: str, kinds: Iterable[Token], mask: str) -> str:
    """``text`` with ``mask`` in place of each token of these kinds."""
    for token in kinds:
        text = _exact(token).sub(lambda match: _masked(match, mask), text)
    return text


def _masked(match: re.Match[str], mask: str) -> str:
    if not match.re.groups:
        return mask
    start = match.start()
    return match[0][: match.start(1) - start] + mask + match[0][match.end(1) - start :]


class OwnPatterns:
    """The user's patterns. Hyperscan applies them, which never backtracks: a line costs no more than its length times what is found.

    Args:
        patterns: regular expressions of hyperscan's grammar, PCRE's without references and look-around. The longest match counts.

    Raises ValueError that names the number of a pattern that is none of that grammar, or matches nothing at all.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        expressions = [pattern.encode() for pattern in patterns]
        self._database = _checked(expressions) if expressions else None
        self._lock = Lock()

    def __bool__(self) -> bool:
        return self._database is not None

    def without(self, text: str, mask: str) -> str:
        """``text`` with ``mask`` in place of what matches."""
        if self._database is None:
            return text
        data = text.encode("utf-8", "replace")
        spans: list[tuple[int, int]] = []

        def note(_expression: int, start: int, end: int, _flags: int, _context: object) -> None:
            spans.append((start, end))

        with self._lock:
            self._database.scan(data, note)
        return b"".join(_cut(data, sorted(spans), mask.encode())).decode() if spans else text


def _checked(expressions: list[bytes]) -> "hyperscan.Database":
    """The database of ``expressions``. Raises ValueError that names the first that hyperscan refuses."""
    # imported here: few have any
    import hyperscan  # noqa: PLC0415

    flags = hyperscan.HS_FLAG_SOM_LEFTMOST | hyperscan.HS_FLAG_UTF8
    for number, expression in enumerate(expressions, 1):
        try:
            compiled([expression], flags)
        except hyperscan.HyperscanError as error:
            raise ValueError(f"pattern {number} ({expression.decode()}): {error}") from None
    return compiled(expressions, flags)


def _cut(data: bytes, spans: Iterable[tuple[int, int]], mask: bytes) -> Iterator[bytes]:
    """``data`` with one ``mask`` in place of all ``spans`` that touch each other; they are sorted by their starts."""
    position = end_of_last = -1
    for start, end in spans:
        if start > end_of_last:
            yield data[max(position, 0) : start]
            yield mask
        end_of_last = position = max(end_of_last, end)
    yield data[max(position, 0) :]
