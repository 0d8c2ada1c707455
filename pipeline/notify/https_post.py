"""HTTPS post: sends one request, to an address that was checked, and reads no more of the answer than it needs.

The name is looked up once: the connection goes to that very address, with the name in SNI, in the certificate's check and in `Host`, so no
second answer of DNS gets in. Redirects are not followed, and proxies of the environment are not used.
Source: RFC 9110 (15.2: interim answers), "429" by RFC 6585 and `Retry-After`.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import msgspec

from pipeline.errors import BadInputError, UnavailableError
from pipeline.notify.addresses import Resolve, allowed_addresses, resolve_name

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 8.0
_HTTPS: Final = 443
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500
# too early, too many requests, and a time-out that the server noticed: the same request may succeed later
_PASSING: Final = frozenset({408, 425, 429})
_MOST_READ: Final = 200
_MOST_INTERIM: Final = 10
# what Slack's webhooks answer ("Handling errors"); anything else is not shown, since it may repeat what was sent
_CODES: Final = frozenset({
    b"action_prohibited", b"channel_is_archived", b"channel_not_found", b"invalid_blocks", b"invalid_payload", b"invalid_token",
    b"no_active_hooks", b"no_service", b"no_service_id", b"no_team", b"no_text", b"posting_to_general_channel_denied", b"rate_limited",
    b"team_disabled", b"too_many_attachments", b"user_not_found",
})  # fmt: skip
_LONGEST_WAIT: Final = 3600.0


class NotNowError(UnavailableError):
    """Raised where the same request may succeed later; ``after`` is for how many seconds the server asked to wait, 0 if it did not."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        self.after = after
        super().__init__(reason)


class Request(msgspec.Struct, frozen=True):
    """A POST of JSON, with further headers. It has no `repr` of its values, which are secret."""

    url: str
    body: bytes
    headers: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Request({len(self.body)} bytes)"


class Network(msgspec.Struct, frozen=True):
    """What requests go through.

    Attributes:
        private: whether addresses that are not public are allowed.
        resolve: looks names up.
        tls: makes what certificates are checked by.
    """

    private: bool = False
    resolve: Resolve = resolve_name
    tls: ssl.SSLContext | None = None


def post(request: Request, network: Network) -> None:
    """Sends a request once.

    Raises NotNowError where it may succeed later: no connection, no answer, 408, 425, 429, 5xx. Raises BadInputError where it never will:
    an address that is not allowed, a redirect, another 4xx. No error holds an address, a key or what was answered but a code word.
    """
    parts = urlsplit(request.url)
    host, port = parts.hostname or "", parts.port or _HTTPS
    try:
        addresses = allowed_addresses(host, port, private=network.private, resolve=network.resolve)
    except UnavailableError as error:
        raise NotNowError(str(error)) from None
    connection = _Connection(host, port, addresses, network.tls or ssl.create_default_context())
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    headers = {"Content-Type": "application/json", "User-Agent": "tracejoin", "Connection": "close", **request.headers}
    try:
        connection.request("POST", target, request.body, headers)
        answer = _final(connection.getresponse())
        read = b"" if answer.status < _REDIRECT else _beginning_of(answer)
    except ssl.SSLCertVerificationError:
        raise NotNowError("its certificate is not valid for its host name, or nobody who is trusted signed it") from None
    except (OSError, HTTPException, ValueError) as error:
        # only its type: some of these quote the address
        raise NotNowError(f"it could not be reached, or did not answer in time ({type(error).__name__})") from None
    finally:
        connection.close()
    _judge(answer.status, answer.getheader("Retry-After", ""), read)


def _final(answer: HTTPResponse) -> HTTPResponse:
    """The answer behind those that only say that one will come, such as 103; `http.client` skips 100 alone. Raises like its `begin`."""
    for _ in range(_MOST_INTERIM):
        if answer.status >= _OK:
            return answer
        # else `begin` takes the answer for read
        answer.headers = None  # type: ignore[assignment]
        answer.begin()
    raise HTTPException("no answer but interim ones")


def _beginning_of(answer: HTTPResponse) -> bytes:
    """What the body says first; nothing where it can't be read, since the status says enough."""
    try:
        return answer.read(_MOST_READ)
    except (OSError, HTTPException):
        return b""


def _judge(status: int, retry_after: str, read: bytes) -> None:
    if _OK <= status < _REDIRECT:
        return
    if _REDIRECT <= status < _CLIENT_ERROR:
        raise BadInputError(f"it answered {status}: redirects are not followed, give the address itself")
    code = f" ({read.decode('ascii')})" if read in _CODES else ""
    if status in _PASSING or status >= _SERVER_ERROR:
        raise NotNowError(f"it answered {status}{code}", seconds_in(retry_after))
    raise BadInputError(f"it answered {status}{code}, which stays so")


def seconds_in(retry_after: str, now: float | None = None) -> float:
    """Returns for how many seconds `Retry-After` asks to wait, a number or a date; 0 where it says nothing, an hour at most.

    ``now`` is in seconds since the epoch; the clock's by default.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(at - (time.time() if now is None else now), 0.0), _LONGEST_WAIT)


class _Connection(HTTPSConnection):
    """A connection to one of these addresses of ``host``, and to no other."""

    def __init__(self, host: str, port: int, addresses: list[str], tls: ssl.SSLContext) -> None:
        super().__init__(host, port, context=tls, timeout=READ_SECONDS)
        self._addresses = addresses
        self._tls = tls

    def connect(self) -> None:
        """Connects to the first address that answers. Raises OSError."""
        failure = OSError("no address")
        for address in self._addresses:
            try:
                plain = socket.create_connection((address, self.port), CONNECT_SECONDS)
            except OSError as error:
                failure = error
                continue
            try:
                self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
            except (OSError, ValueError):
                plain.close()
                raise
            self.sock.settimeout(READ_SECONDS)
            return
        raise failure
