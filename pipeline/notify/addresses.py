"""Addresses: whom a request may reach. A name is looked up once, and each address that it has is checked.

Sources: IANA's special-purpose address registries, as Python's `ipaddress` has them, and "IPv6 Global Unicast Address Assignments"; for
IPv4 in IPv6 RFC 6052 and 8215 (NAT64), RFC 4291, 2.5.5 (compatible and mapped), RFC 2765, 2.1 (translated), 6to4 and Teredo; Amazon EC2
user guide, "Access instance metadata" (fd00:ec2::254).
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from pipeline.errors import BadInputError, UnavailableError

Resolve = Callable[[str, int], list[str]]
"""Returns the IP addresses of a host name and port. Raises OSError."""

# IPv6 that leads to the IPv4 address in its last 32 bits
_HOLDS_IPV4: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))
# all of IPv6 that is anybody's
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
# what EC2 has at link-local addresses of IPv4
_OF_EC2: Final = IPv6Network("fd00:ec2::/32")


def resolve_name(host: str, port: int) -> list[str]:
    """Looks a host name up. Raises OSError where it has no address."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def allowed_addresses(host: str, port: int, *, private: bool, resolve: Resolve = resolve_name) -> list[str]:
    """Looks ``host`` up once, and returns its addresses to connect to.

    Args:
        host: a name or an address.
        port: its port.
        private: whether addresses that only this network knows, and those of this computer, are allowed.
        resolve: looks it up.

    Raises BadInputError if one of the addresses is not allowed, UnavailableError if there is none now. Neither holds name or address.
    """
    try:
        found = resolve(host, port)
    except UnicodeError:
        # a part that is empty or has more than 63 characters
        raise BadInputError("its host name can't be one") from None
    except OSError as error:
        raise UnavailableError(f"its host name could not be looked up ({type(error).__name__})") from None
    # one wrong among many is reason enough: who answers so wants something
    if not all(_is_allowed(ip_address(address.partition("%")[0]), private=private) for address in found):
        allow = "" if private else "; NotifyAllowPrivate (TRACEJOIN_NOTIFY_PRIVATE) allows those of your own network"
        raise BadInputError(f"its host name leads to an address that is not public{allow}")
    if not found:
        raise UnavailableError("its host name has no address")
    return found


def _is_allowed(address: IPv4Address | IPv6Address, *, private: bool) -> bool:
    embedded = _embedded(address)
    if embedded:
        return _is_allowed(embedded, private=private)
    # link-local is where a cloud's metadata and credentials are, and nobody's webhook
    if address.is_multicast or address.is_unspecified or address.is_link_local or address in _OF_EC2:
        return False
    return private or (address.is_global and (isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST))


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to."""
    if isinstance(address, IPv4Address):
        return None
    if any(address in network for network in _HOLDS_IPV4):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
