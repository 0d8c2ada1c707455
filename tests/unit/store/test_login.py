"""The login for OpenSearch: when it is read, and that it never shows."""

import pytest

from pipeline.errors import MisconfiguredError, UnavailableError
from pipeline.store.login import FixedLogin, Login, SecretLogin
from tests.support.secrets import token


def refusal(status=401):
    """What the Store raises where OpenSearch refuses a request."""
    error = MisconfiguredError(["refused"])
    error.status = status
    return error


class Source:
    """A secret that can change, and counts how often it is read."""

    def __init__(self, *passwords):
        self.passwords, self.reads, self.now = list(passwords), 0, 100.0

    def __call__(self):
        self.reads += 1
        password = self.passwords.pop(0) if len(self.passwords) > 1 else self.passwords[0]
        if isinstance(password, Exception):
            raise password
        return Login(username="u", password=password)

    def clock(self):
        return self.now


def server(login, *let_in):
    """Answers where the header of ``login`` is that of a password that is let in; counts the requests."""

    def call():
        call.times += 1
        if login()["authorization"] in {f"Basic {token('u', password)}" for password in let_in}:
            return "fine"
        raise refusal()

    call.times = 0
    return call


def test_it_is_read_with_the_first_request_and_once():
    """Making it reads nothing; a hundred requests read it once."""
    source = Source("one")
    login = SecretLogin(source, source.clock)
    assert source.reads == 0
    call = server(login, "one")
    assert [login.attempt(call) for _ in range(100)] == ["fine"] * 100
    assert (source.reads, call.times) == (1, 100)


def test_a_rotated_secret_is_read_again_after_a_401_and_the_request_sent_once_more():
    """One reload, one retry, and from then on the new one."""
    source = Source("one", "two")
    login = SecretLogin(source, source.clock)
    login.attempt(server(login, "one"))
    call = server(login, "two")
    assert login.attempt(call) == "fine"
    assert (source.reads, call.times) == (2, 2)
    login.attempt(call)
    assert (source.reads, call.times) == (2, 3)


def test_a_login_that_stays_wrong_makes_no_storm():
    """One request makes one more at most, and many make one reload in a while; a later rotation is seen all the same."""
    source = Source("one")
    login = SecretLogin(source, source.clock)
    call = server(login)
    for _ in range(50):
        with pytest.raises(MisconfiguredError):
            login.attempt(call)
    assert (source.reads, call.times) == (2, 51)
    source.now += 10
    source.passwords = ["two"]
    assert login.attempt(server(login, "two")) == "fine"


def test_another_refusal_reads_nothing():
    """403 means that OpenSearch knows who asks."""
    source = Source("one")
    login = SecretLogin(source, source.clock)

    def call():
        raise refusal(403)

    with pytest.raises(MisconfiguredError):
        login.attempt(call)
    assert source.reads == 1


def test_a_secret_that_another_thread_read_meanwhile_is_used():
    """Two requests are refused with the old one; the second uses what the first has read."""
    source = Source("one", "two")
    login = SecretLogin(source, source.clock)
    inner = server(login, "two")

    def call():
        call.times += 1
        if call.times == 1:
            login.attempt(inner)
            raise refusal()
        return inner()

    call.times = 0
    assert login.attempt(call) == "fine"
    assert source.reads == 2


def test_where_the_secret_cannot_be_read_that_is_the_error_and_the_next_request_tries_again():
    """At first, and after a 401."""
    source = Source(UnavailableError("away"), "one", UnavailableError("away again"), "two")
    login = SecretLogin(source, source.clock)
    with pytest.raises(UnavailableError, match="away"):
        login.attempt(server(login, "one"))
    assert login.attempt(server(login, "one")) == "fine"
    with pytest.raises(UnavailableError, match="away again"):
        login.attempt(server(login, "two"))
    assert login.attempt(server(login, "two")) == "fine"


@pytest.mark.parametrize("password", ["hunter2-at-home", "päss€wörd", "with:colon", "\udce4byte"])
def test_a_login_shows_nowhere_and_is_taken_out_of_what_others_say(password):
    """Any text is a password, those of an odd environment too; no `repr` shows it, and what quotes it loses it."""
    login = Login(username="u", password=password)
    assert login.header().startswith("Basic ")
    shown = [repr(login), str(login), repr([login]), repr(FixedLogin(login)), repr(SecretLogin(lambda: login))]
    assert not any(password in text or login.header()[6:] in text for text in shown)
    masked = login.mask(f"wrong: {login.header()} {password}.")
    assert masked == "wrong: Basic [redacted] [redacted]."
