"""No sockets here."""

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_sockets():
    """Any attempt to open one fails the test."""
    disable_socket()
    yield
    enable_socket()
