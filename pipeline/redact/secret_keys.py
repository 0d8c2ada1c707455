"""Which keys have values that nobody should read: names, however a key spells and prefixes them."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

DEFAULT_NAMES: Final = (
    "authorization", "authorization_token", "authentication_token", "=token", "access_token", "refresh_token", "id_token", "auth_token",
    "session_token", "security_token", "secret_token", "api_token", "bearer_token", "bot_token", "csrf_token", "xsrf_token", "vault_token",
    "github_token", "gitlab_token", "slack_token", "api_key", "auth_key", "secret_key", "access_key", "account_key", "private_key",
    "password", "passwd", "pwd", "passphrase", "passcode", "secret", "secret_string", "secret_binary", "cookie", "cookies", "credentials",
    "x_amz_signature", "x_amz_credential",
)  # fmt: skip
"""`password` is every key that ends in this word, such as dbPassword or MYSQL_PASSWORD; with `=`, the name is the whole key."""

_NAME = re.compile(r"!?=?[A-Za-z][A-Za-z0-9]*(?:[-_ ][A-Za-z0-9]+)*")
# where a word of a key begins: after a mark, and at a hump (apiKey, APIKey)
_WORDS = re.compile(r"[-_. ]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# so long a name is told from others also where a key runs its words together (dbpassword)
_LONG = 8
_LONGEST_KEY = 100


class SecretKeys:
    """The keys that are secret: the defaults, with ``names`` added, or taken away by a `!` before the name.

    Raises ValueError where one of ``names`` is none, or takes away what is no default.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        chosen = dict.fromkeys(DEFAULT_NAMES)
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a key: letters and digits, with -, _ or a space between its words")
            if not name.startswith("!"):
                chosen[name] = None
            elif chosen.pop(name[1:], ...) is ...:
                raise ValueError(f"{name!r} takes away what is no default: {', '.join(DEFAULT_NAMES)}")
        self._names = tuple(chosen)
        self._whole = frozenset(_squeezed(name) for name in chosen if name.startswith("="))
        self._endings = frozenset(_squeezed(name) for name in chosen if not name.startswith("="))
        self._long = tuple(name for name in self._endings if len(name) >= _LONG)
        self.hold = lru_cache(maxsize=4096)(self._hold)

    def __bool__(self) -> bool:
        return bool(self._names)

    @property
    def expression(self) -> str:
        """Hyperscan's, found wherever one of the keys may be followed by its value."""
        names = "|".join("[-_. ]?".join(re.split(r"[-_ ]", name.removeprefix("="))) for name in self._names)
        return rf"""(?i)(?:{names})(?:\\*["']\s*[:=,]|[ \t]*(?:[:=]|\\+u003d))"""

    def _hold(self, key: str) -> bool:
        """Whether the value of ``key`` is secret."""
        words = [word.lower() for word in _WORDS.split(key[-_LONGEST_KEY:].rpartition(".")[2]) if word]
        whole = "".join(words)
        return (
            whole in self._whole
            or whole.endswith(self._long)
            or any("".join(words[start:]) in self._endings for start in range(len(words)))
        )


def _squeezed(name: str) -> str:
    return re.sub(r"[-_ =]", "", name).lower()
