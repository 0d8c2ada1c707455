"""Login: the user name and password for OpenSearch, and the header that they make. None of this appears in a text, a log or a `repr`."""

import time
from base64 import b64encode
from collections.abc import Callable
from threading import Lock
from typing import Final, TypeVar

import msgspec

from pipeline.errors import MisconfiguredError

T = TypeVar("T")

_UNAUTHORIZED: Final = 401
_PAUSE: Final = 5.0
_MASK: Final = "[redacted]"
# a shorter password would be found in the words around it
_SHORTEST: Final = 4


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A user name and a password, neither of them empty."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(…)"

    def header(self) -> str:
        """The value of the header `authorization` for HTTP basic authentication, in UTF-8 (RFC 7617)."""
        return f"Basic {self._token()}"

    def mask(self, text: str) -> str:
        """Returns ``text`` without the password and the header, which Amazon's endpoints quote where they want a signature."""
        text = text.replace(self._token(), _MASK)
        return text.replace(self.password, _MASK) if len(self.password) >= _SHORTEST else text

    def _token(self) -> str:
        # what the environment holds may be no UTF-8
        return b64encode(f"{self.username}:{self.password}".encode("utf-8", "surrogateescape")).decode()


class FixedLogin:
    """A login that stays as it is. opensearch-py calls it for the headers of each request."""

    def __init__(self, login: Login) -> None:
        self._header = login.header()
        self.mask = login.mask

    def __call__(self, *_: object) -> dict[str, str]:
        """Returns the header of the login, whatever the request is."""
        return {"authorization": self._header}

    def attempt(self, call: Callable[[], T]) -> T:
        """Returns the result of ``call``."""
        return call()


class SecretLogin:
    """A login that is kept elsewhere: read before the first request, and once more after a request that OpenSearch answers with 401.

    Args:
        read: reads it; may raise any TracejoinError.
        clock: returns seconds that only grow.
    """

    def __init__(self, read: Callable[[], Login], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._login: Login | None = None
        self._not_before = 0.0
        self._lock = Lock()

    def __call__(self, *_: object) -> dict[str, str]:
        """Returns the header of the login, whatever the request is."""
        return {"authorization": self._login.header()} if self._login else {}

    def mask(self, text: str) -> str:
        """Returns ``text`` without the password and the header."""
        return self._login.mask(text) if self._login else text

    def attempt(self, call: Callable[[], T]) -> T:
        """Returns the result of ``call``, which sends a request; after a 401 the secret is read again, and ``call`` made once more."""
        if self._login is None:
            self._read_again(None)
        used = self._login
        try:
            return call()
        except MisconfiguredError as error:
            if error.status != _UNAUTHORIZED or not self._read_again(used):
                raise
        return call()

    def _read_again(self, used: Login | None) -> bool:
        """Returns whether a new request is worth while: ``used`` was read again now, or by another thread.

        A secret that was just found unchanged is not read again so soon.
        """
        with self._lock:
            if self._login is not used:
                return True
            if self._clock() < self._not_before:
                return False
            self._login = self._read()
            if self._login == used:
                self._not_before = self._clock() + _PAUSE
            return True
