"""Secret keys: decides by a key's name whether its value is secret, however the key spells or prefixes that name."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

DEFAULT_NAMES: Final = (
    # headers and cookies
    "authorization", "authorization_token", "authentication_token", "cookie", "cookies", "session_id", "jsessionid", "phpsessid",
    "=connect.sid",
    # tokens: the key `token` itself, and every longer key that ends in it, but for the harmless ones below
    "=token", "*token", "access_token", "refresh_token", "id_token", "auth_token", "session_token", "security_token", "secret_token",
    "api_token", "bearer_token", "bot_token", "csrf_token", "xsrf_token", "vault_token", "github_token", "gitlab_token", "slack_token",
    "user_token", "jwt",
    # keys
    "api_key", "auth_key", "secret_key", "access_key", "account_key", "private_key", "signing_key", "encryption_key", "application_key",
    "app_key", "shared_key", "pre_shared_key", "master_key", "storage_key", "subscription_key", "functions_key", "license_key",
    "deploy_key", "ssh_key", "hmac_key", "jwt_key", "psk",
    # passwords
    "password", "password_confirmation", "password_confirm", "password_repeat", "password_hash", "password_digest", "passwd", "pwd", "pw",
    "pass", "passphrase", "passcode", "otp", "totp", "otp_code", "totp_code", "mfa_code", "mfa_token", "two_factor_code", "recovery_code",
    "recovery_codes", "backup_codes", "seed_phrase", "recovery_phrase",
    # secrets
    "secret", "secret_string", "secret_binary", "credential", "credentials", "client_assertion", "saml_response", "saml_assertion",
    "authorization_code", "code_verifier",
    # signed URLs
    "x_amz_signature", "x_amz_credential", "x_goog_signature", "x_goog_credential", "shared_access_signature",
)  # fmt: skip
"""`password` stands for every key that ends in this word, such as dbPassword or MYSQL_PASSWORD. After `=`, the name is the whole key;
after `*`, it is the end of a longer key, unless that is known to be harmless (`nextToken`)."""

QUERY_NAMES: Final = frozenset({"sig", "signature", "code"})
"""Parameters that are secret in a URL's query or a form, and nowhere else."""

# page tokens, idempotency tokens, handles of AWS calls, and the tokens of parsers and language models
_HARMLESS_TOKENS = tuple(
    f"{word}token"
    for word in (
        "next", "page", "continuation", "pagination", "starting", "client", "clientrequest", "idempotency", "task", "sync", "resume",
        "cancel", "cancellation", "scroll", "skip", "delta", "change", "eos", "bos", "pad", "unk", "sep", "cls", "mask", "stop",
        "special", "public", "unexpected", "illegal", "lexer", "design", "per",
    )
)  # fmt: skip
# parameters of URLs, options of commands, parameters of Systems Manager
_ELSEWHERE = (
    r"(?i)(?:^|[^a-z_])(?:sig|signature|code)=",
    r"(?i)--?[a-z-]{0,20}(?:password|passwd|passphrase|pass|pwd|token|secret|key)\s+[^\s|-]",
    r"(?i)securestring",
)
_NAME = re.compile(r"!?[=*]?[A-Za-z][A-Za-z0-9]*(?:[-_. ][A-Za-z0-9]+)*")
# the words of a key are separated by punctuation or camel case (apiKey, APIKey)
_WORDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NUMBER = re.compile(r"(?<=[A-Za-z])[-_. ]?\d{1,2}\Z")
_PATH = re.compile(r"[./:\\]")
# a name of this length is unmistakable even if a key runs its words together (dbpassword)
_UNMISTAKABLE = 8
_LONGEST_KEY = 100


class SecretKeys:
    """Decides which keys are secret: the default names plus ``names``; a `!` before a name removes that default.

    Raises ValueError if one of ``names`` is malformed, or removes a name that is no default.
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
        self._tails = tuple(_squeezed(name) for name in chosen if name.startswith("*"))
        self._endings = frozenset(_squeezed(name) for name in chosen if name[0] not in "=*")
        self._unmistakable = tuple(name for name in self._endings if len(name) >= _UNMISTAKABLE)
        self.is_secret = lru_cache(maxsize=4096)(self._is_secret)

    def __bool__(self) -> bool:
        return bool(self._names)

    @property
    def expressions(self) -> Sequence[str]:
        """Hyperscan expressions, one of which matches wherever a secret key may be followed by its value."""
        words = [re.split(r"[-_. ]", name.lstrip("=*").lower()) for name in self._names]
        single = {name[0] for name in words if len(name) == 1}
        # of a longer name its last two words, grouped by the last one: so the expression compiles fast
        groups: dict[str, set[str]] = {}
        for name in words:
            if name[-1] not in single:
                groups.setdefault(name[-1], set()).add(name[-2])
        names = "|".join((*sorted(single), *(f"(?:{'|'.join(sorted(before))})[-_. ]?{last}" for last, before in sorted(groups.items()))))
        if not names:
            return _ELSEWHERE
        # a quote, bracket or separator behind the name, perhaps behind a space or another word
        return (rf"""(?i)(?:{names})[-_]?[0-9]?(?:[^\w\s.-]|\s{{1,8}}[\w-]*[=:"'`\[<-])""", *_ELSEWHERE)

    def _is_secret(self, key: str) -> bool:
        """Whether the value of ``key`` is secret. Only the end of a long key and the last part of a path or dotted name count."""
        key = key[-_LONGEST_KEY:].strip()
        if _squeezed(key) in self._whole:
            return True
        words = [word.lower() for word in _WORDS.split(_NUMBER.sub("", _PATH.split(key)[-1])) if word]
        whole = "".join(words)
        return (
            whole in self._whole
            or whole.endswith(self._unmistakable)
            or any("".join(words[start:]) in self._endings for start in range(len(words)))
            or (len(words) > 1 and words[-1] in self._tails and not whole.endswith(_HARMLESS_TOKENS))
        )


def _squeezed(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", name).lower()
