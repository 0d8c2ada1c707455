"""An OpenSearch with a certificate: of an own authority, of nobody's, of another name, and one that has expired."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from tests.support.command import tracejoin
from tests.support.documents import indexed
from tests.support.events import TRACE, lambda_event, powertools, report
from tests.support.http_server import Forwarder, HttpServer

UNKNOWN = "has a certificate of an authority that is not trusted here: name your CA's file in TRACEJOIN_CA, or with --ca FILE"


@pytest.fixture(scope="module")
def authority():
    """An own authority."""
    return trustme.CA()


@pytest.fixture
def ca(authority, tmp_path):
    """The file with its certificate."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


def served(store, certificate):
    """The store's OpenSearch behind TLS with this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return HttpServer(Forwarder(store.endpoint), tls=context)


def test_a_search_over_tls_with_an_own_authority(authority, ca, store, settings, tmp_path):
    """By the option, the variable and the file; without them one line says what to do; --insecure goes on, and says so once."""
    indexed(lambda_event([powertools("paid"), report()]), store, settings)
    with served(store, authority.issue_cert("127.0.0.1")) as server:
        at = {"TRACEJOIN_ENDPOINT": server.endpoint, "TRACEJOIN_PREFIX": store.prefix}
        for words, more in ((("--ca", ca), {}), ((), {"TRACEJOIN_CA": str(ca)})):
            status, output, errors = tracejoin("search", TRACE, *words, **at, **more)
            assert (status, "paid" in output, errors) == (0, True, "")
        assert tracejoin("--ca", ca, "search", TRACE, **at)[0] == 0
        folder = tmp_path / "config" / "tracejoin"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(f'ca = "../../{ca.name}"\n')
        assert tracejoin("search", TRACE, **at, XDG_CONFIG_HOME=str(folder.parent))[0] == 0
        status, output, errors = tracejoin("search", TRACE, **at)
        assert (status, output, errors) == (1, "", f"tracejoin: OpenSearch at {server.endpoint} {UNKNOWN}\n")
        status, output, errors = tracejoin("search", TRACE, "--insecure", **at)
        assert (status, "paid" in output, errors.count("\n"), "no certificate is checked" in errors) == (0, True, 1, True)


@pytest.mark.parametrize(
    ("name", "ends", "told"),
    [
        ("other.example", 1, "has a certificate for another name: use the name in it as endpoint"),
        ("127.0.0.1", -1, "has a certificate that has expired: it has to be renewed there"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_one_line(authority, ca, store, name, ends, told):
    """Whose authority is trusted, and which is no good all the same."""
    begin, end = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) + timedelta(days=ends)
    with served(store, authority.issue_cert(name, not_before=begin, not_after=end)) as server:
        status, _, errors = tracejoin("--ca", ca, "faults", "--endpoint", server.endpoint)
        assert (status, errors) == (1, f"tracejoin: OpenSearch at {server.endpoint} {told}\n")


def test_one_that_is_not_valid_yet_and_a_server_without_tls(authority, ca, store):
    """The clock, and the wrong scheme."""
    begin = datetime.now(UTC) + timedelta(days=1)
    with served(store, authority.issue_cert("127.0.0.1", not_before=begin, not_after=begin + timedelta(days=1))) as server:
        assert "that is not valid yet: check this computer's clock" in tracejoin("--ca", ca, "faults", "--endpoint", server.endpoint)[2]
    endpoint = store.endpoint.replace("http:", "https:")
    assert f"OpenSearch at {endpoint} speaks no TLS: is it http:// instead of https://?" in tracejoin("faults", "--endpoint", endpoint)[2]


def test_dashboards_is_trusted_likewise(authority, ca, store):
    """Its certificate is told of, too; with the authority named it is asked."""
    with served(store, authority.issue_cert("127.0.0.1")) as server:
        words = ("setup", "--check", "--no-monitors", "--dashboards", server.endpoint)
        at = {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}
        assert UNKNOWN in " ".join(tracejoin(*words, **at)[1].split())
        status, output, _ = tracejoin(*words, "--ca", ca, **at)
        output = " ".join(output.split())
        assert (UNKNOWN in output, f"{server.endpoint} answers 400" in output, status) == (False, True, 0), output
