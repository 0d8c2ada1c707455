"""Posting to servers with TLS that answer as a channel's does, and as it should not."""

import socket
import ssl
import threading
import time

import pytest

from pipeline.errors import BadInputError
from pipeline.notify import delivery, https_post
from pipeline.notify.channels import Slack
from pipeline.notify.delivery import deliver
from pipeline.notify.https_post import Network, NotNowError, Request, post
from shipper_function.deadline import TimeIsUp, deadline
from tests.support.alert_payloads import payload
from tests.support.tls_server import HOST, OK, TlsServer, certificate


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate for hooks.example, and its key."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def network(pair):
    """A network in which hooks.example is this machine, which is allowed, and whose certificate is trusted."""
    return Network(private=True, resolve=lambda host, port: ["127.0.0.1"], tls=ssl.create_default_context(cafile=str(pair[0])))


def told(server, network, remaining=lambda: 60.0):
    """Tells a channel of Slack; returns for how long it waited between its attempts."""
    pauses = []
    deliver(Slack(name="ops", url=server.url), payload(), "m1", network, remaining=remaining, pause=pauses.append)
    return pauses


def test_the_name_is_in_sni_and_host_and_the_address_is_the_checked_one(pair, network):
    """The name is looked up once, and never again by anything below."""
    asked = []
    once = Network(private=True, resolve=lambda host, port: asked.append((host, port)) or ["127.0.0.1"], tls=network.tls)
    with TlsServer(*pair, OK) as server:
        post(Request(server.url, b"{}", {"webhook-id": "m1"}), once)
    ((first, headers, body),) = server.requests
    assert (first, body) == ("POST /services/T0/B0/SECRETPATH HTTP/1.1", b"{}")
    assert (headers["host"], headers["content-type"], headers["webhook-id"]) == (f"{HOST}:{server.port}", "application/json", "m1")
    assert server.names == [HOST]
    assert asked == [(HOST, server.port)]


def test_another_address_is_tried_where_the_first_does_not_answer(pair, network):
    """A name may have an address of IPv6 that this network has no way to."""
    several = Network(private=True, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"], tls=network.tls)
    with TlsServer(*pair, OK) as server:
        post(Request(server.url, b"{}"), several)
    assert len(server.requests) == 1


@pytest.mark.parametrize("answers", [[(500, {}, b""), OK], [(503, {}, b""), (502, {}, b""), OK], ["closed", OK], [(408, {}, b""), OK]])
def test_what_passes_is_tried_again(pair, network, answers):
    """A 5xx, a 408 or a connection that is closed; each wait is longer than the last could be short, and they vary."""
    with TlsServer(*pair, *answers) as server:
        pauses = told(server, network)
    assert len(server.requests) == len(answers)
    assert all(0.25 * 2**number <= pause <= 0.5 * 2**number for number, pause in enumerate(pauses))


def test_a_server_that_asks_to_wait_is_waited_for(pair, network):
    """Retry-After is kept to where there is time for it; otherwise the failure says for how long, and nothing is sent before."""
    busy = (429, {"Retry-After": "7"}, b"rate_limited")
    with TlsServer(*pair, busy, OK) as server:
        assert told(server, network) == [7.0]
    with TlsServer(*pair, busy) as server, pytest.raises(NotNowError, match=r"429 \(rate_limited\)") as caught:
        told(server, network, remaining=lambda: 15.0)
    assert caught.value.after == 7.0
    assert len(server.requests) == 1


def test_a_channel_that_stays_away_is_given_up(pair, network):
    """After four attempts; the queue comes back to it later."""
    with TlsServer(*pair, (500, {}, b"")) as server, pytest.raises(NotNowError, match="it answered 500"):
        told(server, network)
    assert len(server.requests) == 4


@pytest.mark.parametrize(("answer", "words"), [
    ((404, {}, b"no_service"), r"404 \(no_service\)"), ((400, {}, b"the url SECRETPATH is wrong"), "400, which stays so"), ((403, {}, b""), "403"),
    ((302, {"Location": "https://elsewhere.example/"}, b""), "redirects are not followed"), ((307, {"Location": "/"}, b""), "307")])  # fmt: skip
def test_what_stays_wrong_is_final(pair, network, answer, words):
    """Another 4xx and a redirect, which is followed nowhere; nothing of the address or the answer is in the words but a code."""
    with TlsServer(*pair, answer) as server, pytest.raises(BadInputError, match=words) as caught:
        told(server, network)
    assert len(server.requests) == 1
    assert not any(secret in str(caught.value) for secret in ("SECRETPATH", HOST, "elsewhere", str(server.port)))


def test_a_slow_server_is_left(pair, network, monkeypatch):
    """One that never answers after the time for reading; one that sends a byte now and then by the deadline of the delivery."""
    monkeypatch.setattr(https_post, "READ_SECONDS", 0.3)
    begun = time.monotonic()
    with TlsServer(*pair, "silent") as server, pytest.raises(NotNowError, match="did not answer in time"):
        post(Request(server.url, b"{}"), network)
    with TlsServer(*pair, "drip") as server, pytest.raises(TimeIsUp), deadline(0.7):
        post(Request(server.url, b"{}"), network)
    assert time.monotonic() - begun < 10


def test_no_more_of_a_huge_answer_is_read_than_needed(pair, network):
    """A server that sends for ever, or says that it will, costs nothing: of an error 200 bytes are read, of a success none."""
    huge = b"x" * 50_000_000
    with TlsServer(*pair, (200, {}, huge), (500, {}, huge)) as server:
        begun = time.monotonic()
        post(Request(server.url, b"{}"), network)
        with pytest.raises(NotNowError, match=r"it answered 500$"):
            post(Request(server.url, b"{}"), network)
        assert time.monotonic() - begun < 5


def test_a_certificate_of_another_name_and_one_that_nobody_signed(pair, network, tmp_path):
    """Neither gets a request."""
    other = certificate(tmp_path, "other.example")
    trusting = Network(private=True, resolve=network.resolve, tls=ssl.create_default_context(cafile=str(other[0])))
    for trusted in (trusting, Network(private=True, resolve=network.resolve)):
        with TlsServer(*other, OK) as server, pytest.raises(NotNowError, match="certificate is not valid") as caught:
            post(Request(server.url, b"{}"), trusted)
        assert HOST not in str(caught.value)
        assert server.requests == []


def test_a_closed_port_and_a_name_that_nobody_knows(network):
    """Both may be mended later."""
    for resolve in (network.resolve, lambda host, port: (_ for _ in ()).throw(socket.gaierror(-2, "Name or service not known"))):
        with pytest.raises(NotNowError) as caught:
            post(Request(f"https://{HOST}:1/SECRETPATH", b"{}"), Network(private=True, resolve=resolve))
        assert not {HOST, "SECRETPATH"} & set(str(caught.value).split())


def test_this_machine_is_not_reached_unless_it_is_allowed(pair, network):
    """Nothing is connected to: the server sees nobody."""
    with TlsServer(*pair, OK) as server:
        for addresses in (["127.0.0.1"], ["::1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]):
            with pytest.raises(BadInputError, match="not public"):
                post(Request(server.url, b"{}"), Network(resolve=lambda host, port, found=addresses: found, tls=network.tls))
    assert server.requests == server.names == []


def test_attempts_end_with_the_time(pair, network):
    """No attempt begins that may outlast what is left."""
    before = threading.active_count()
    with TlsServer(*pair, (500, {}, b"")) as server, pytest.raises(NotNowError):
        told(server, network, remaining=lambda: delivery.CONNECT_SECONDS)
    assert len(server.requests) == 1
    assert threading.active_count() < before + 20


@pytest.mark.parametrize("host", ["hooks..example", f"{'a' * 64}.example"])
def test_a_name_that_can_t_be_one_is_refused_for_good(host):
    """Python's resolver answers it with an error of encoding, and not with one of the network."""
    with pytest.raises(BadInputError, match="can't be one") as caught:
        post(Request(f"https://{host}/", b"{}"), Network())
    assert host not in str(caught.value)


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
EMPTY = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n"


def test_the_final_answer_counts(pair, network):
    """RFC 9110, 15.2: others may come before it, and are no refusal; who sends nothing but these has not answered."""
    with TlsServer(*pair, INTERIM + EMPTY % 200) as server:
        post(Request(server.url, b"{}"), network)
    with TlsServer(*pair, INTERIM + EMPTY % 404) as server, pytest.raises(BadInputError, match="404"):
        post(Request(server.url, b"{}"), network)
    for rest in (INTERIM * 20, b""):
        with TlsServer(*pair, INTERIM + rest) as server, pytest.raises(NotNowError, match="did not answer"):
            post(Request(server.url, b"{}"), network)


@pytest.mark.parametrize("body", [b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"Content-Length: 99\r\n\r\nno_"])
def test_a_refusal_whose_body_can_t_be_read_stays_one(pair, network, body):
    """Its status says that it will never succeed."""
    with TlsServer(*pair, b"HTTP/1.1 403 X\r\n" + body) as server, pytest.raises(BadInputError, match="it answered 403, which stays so"):
        post(Request(server.url, b"{}"), network)
