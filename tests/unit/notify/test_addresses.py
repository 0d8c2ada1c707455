"""Whom a request may reach."""

import pytest

from pipeline.errors import BadInputError, UnavailableError
from pipeline.notify.addresses import allowed_addresses

PUBLIC = ["8.8.8.8", "2600:9000::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "::8.8.8.8", "::ffff:0:808:808"]
PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd00::1", "100.64.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1",
           "192.0.2.1", "198.18.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::a00:1", "fec0::1", "5f00::1"]  # fmt: skip
NEVER = [
    "169.254.169.254",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "::169.254.169.254",
    "::ffff:0:a9fe:a9fe",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
]


def allowed(*addresses, private):
    """The addresses of a name that has these."""
    return allowed_addresses("hooks.example", 443, private=private, resolve=lambda host, port: list(addresses))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_ones_are_reached(address):
    """Also where IPv6 holds a public IPv4 one."""
    assert allowed(address, private=False) == [address]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_ones_are_reached_where_that_is_allowed(address):
    """And not as one among others otherwise."""
    assert allowed("8.8.8.8", address, private=True) == ["8.8.8.8", address]
    with pytest.raises(BadInputError, match="not public; NotifyAllowPrivate") as caught:
        allowed("8.8.8.8", address, private=False)
    assert address not in str(caught.value)
    assert "hooks" not in str(caught.value)


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("private", [True, False])
def test_a_cloud_s_metadata_is_never_reached(address, private):
    """Nor multicast, nor no address at all, however it is written."""
    with pytest.raises(BadInputError, match="not public"):
        allowed(address, private=private)


def test_a_name_without_an_address_may_get_one():
    """It is tried again later."""
    with pytest.raises(UnavailableError):
        allowed(private=False)
