"""Service URL: checks the URL of a service, and whether a password may be sent to it. No message repeats the URL: it may hold a secret."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+")


def service_url(text: str) -> str:
    """Returns ``text`` without slashes at its end. Raises ValueError unless it is a URL with http or https and without a login."""
    if " " in text or not text.isprintable():
        # urlsplit would drop a tab or a line's end, and join what stands beside it
        raise ValueError("must be a URL with http or https, without a space")
    if "@" in text:
        raise ValueError("must hold no user name and no password: whoever sees the URL would see them")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        # its own words may repeat a part of the URL
        raise ValueError("must be a URL with http or https") from None
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.hostname or ""):
        raise ValueError("must be a URL with http or https")
    return text.rstrip("/")


def endpoint_url(text: str) -> str:
    """Returns ``text`` as `service_url` does. Raises ValueError also where it has a query or a fragment, since paths are added to it."""
    url = service_url(text)
    if "?" in url or "#" in url:
        raise ValueError("must end with the host, the port or a path")
    return url


def keeps_a_password(url: str) -> bool:
    """Whether nobody on the way can read a password that is sent to ``url``: by https, or because the host is this computer."""
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_this_computer(parts.hostname or "")


def _is_this_computer(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
