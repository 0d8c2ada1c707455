"""Access: decides whether a request may reach a page. Pure.

A page of another site can make a browser send requests to this computer, or give its own name this computer's address. So a request must
name a host that is served, come from this page or from the address bar, and carry the session that the token in the first address began.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # recognised, not bound
_HTTP: Final = 80
_OWN_SITE: Final = frozenset({"", "none", "same-origin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may see the pages.

    Attributes:
        token: the secret that begins a session.
        host: the address that the server is bound to.
        port: its port.
        names: further host names by which a browser may ask, such as that of a proxy; with any port.
    """

    token: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; with the port, since a browser shows a host's cookies to all of its ports."""
        return f"tracejoin-{self.port}"

    @property
    def session(self) -> str:
        """The value of the session's cookie. The token does not follow from it."""
        return self._derived("session")

    @property
    def form_token(self) -> str:
        """The value that every form carries, which no other site can know."""
        return self._derived("form")

    @property
    def first_address(self) -> str:
        """The address that begins a session in a browser on this computer."""
        name = "localhost" if self.host in _ANY_ADDRESS else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}/?{urlencode({'token': self.token})}"

    def is_token(self, text: str) -> bool:
        """Whether ``text`` is the token."""
        return _same(text, self.token)

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.token.encode(), purpose.encode(), hashlib.sha256).hexdigest()

    def serves(self, host: str) -> bool:
        """Whether a request whose header Host is ``host`` means this server."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if not name or parts.netloc != host or "@" in host:
            return False
        if name in {allowed.lower() for allowed in self.names}:
            return True
        if (port or _HTTP) != self.port:
            return False
        return name in _LOOPBACK or name == self.host.lower() or (self.host in _ANY_ADDRESS and _is_address(name))

    def is_session(self, cookies: Mapping[str, str]) -> bool:
        """Whether the cookies of a request hold the session."""
        return _same(cookies.get(self.cookie, ""), self.session)

    def is_form(self, token: str) -> bool:
        """Whether ``token``, which a form sent, is that of this page's forms."""
        return _same(token, self.form_token)


def from_own_page(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this server's own page, or from a person who follows a link or types an address.

    Args:
        method: the HTTP method.
        headers: by their names in lower case. Browsers alone set Origin and Sec-Fetch-Site, and no page can change them.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "")
    if origin is not None and _netloc(origin) != headers.get("host", "").lower():
        return False
    if method in {"GET", "HEAD"}:
        # a link in a ticket is followed from another site
        is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return site in _OWN_SITE or is_link
    return site in _OWN_SITE and (origin is not None or site == "same-origin")


def _netloc(origin: str) -> str:
    """The host and port in an Origin, in lower case; empty where it names none, as `null` does."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in {"http", "https"} else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(text: str, secret: str) -> bool:
    # encoded, since compare_digest refuses other texts than ASCII
    return hmac.compare_digest(text.encode("utf-8", "surrogateescape"), secret.encode())
