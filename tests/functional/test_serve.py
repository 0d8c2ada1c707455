"""`tracejoin serve`, as a person starts it."""

import http.client
import os
import signal
import stat
import subprocess
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from pipeline.web.access import Access
from tests.support.command import MAIN, tracejoin
from tests.support.waiting import PATIENCE


@contextmanager
def serving(store, *arguments):
    """A running server and the address that it printed."""
    command = [*MAIN, "serve", "--no-browser", "--endpoint", store.endpoint, *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TRACEJOIN_PREFIX": store.prefix}
    ) as process:
        try:
            yield process, urlsplit(process.stdout.readline().strip())
        finally:
            process.kill()


def ask(address, path, **headers):
    """The status, the headers and the text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=PATIENCE)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def test_it_prints_an_address_that_opens(store):
    """The address alone is on stdout; it begins a session; Ctrl-C ends the server with status 0 and no traceback, a page that follows or not."""
    with serving(store) as (process, address):
        assert (address.scheme, address.hostname, len(parse_qs(address.query)["token"][0]) >= 43) == ("http", "127.0.0.1", True)
        assert ask(address, "/")[0] == 401
        status, headers, _ = ask(address, f"/?{address.query}")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"].partition(";")[0]
        assert ask(address, "/health", Cookie=cookie)[0] == 200
        tail = http.client.HTTPConnection("127.0.0.1", address.port, timeout=PATIENCE)
        tail.request("GET", "/search/tail?q=x", headers={"Cookie": cookie})
        answer = tail.getresponse()
        assert answer.readline() == b": begun\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
        answer.close()
        tail.close()
    assert (process.returncode, output, errors) == (0, "", "")


def test_each_start_has_a_new_token(store):
    """A cookie of an earlier start at the same port opens nothing."""
    with serving(store) as (_, first):
        cookie = ask(first, f"/?{first.query}")[1]["Set-Cookie"].partition(";")[0]
    with serving(store, "--port", first.port, "--read-only") as (_, second):
        assert (second.port, second.query != first.query) == (first.port, True)
        assert ask(second, "/", Cookie=cookie)[0] == 401
        status, _, said = tracejoin(
            "serve", "--no-browser", "--port", first.port, TRACEJOIN_ENDPOINT=store.endpoint, TRACEJOIN_PREFIX=store.prefix
        )
        assert (status, f"port {first.port}" in said) == (1, True)


def test_a_token_file_lasts(store, tmp_path):
    """It is made where it is missing, for its owner alone, and read again."""
    file = tmp_path / "token"
    with serving(store, "--token-file", file) as (_, first):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with serving(store, "--token-file", file) as (_, second):
        assert second.query == first.query == f"token={file.read_text().strip()}"


def test_others_need_a_token_that_lasts(store, tmp_path):
    """--host alone is refused; with a token file it says what it means, and serves the names it is told."""
    status, output, said = tracejoin("serve", "--no-browser", "--host", "0.0.0.0")
    assert (status, output, "--token-file" in said) == (2, "", True)
    with serving(store, "--host", "0.0.0.0", "--allow-host", "logs.example", "--token-file", tmp_path / "token") as (
        process,
        address,
    ):
        assert ask(address, f"/?{address.query}", Host="logs.example")[0] == 303
        assert ask(address, f"/?{address.query}", Host="evil.example")[0] == 421
        process.send_signal(signal.SIGINT)
        assert "reads every log line" in process.communicate(timeout=PATIENCE)[1]


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("short", 0o600, "32 characters"),
        ("t" * 40, 0o644, "chmod 600"),
        ("t" * 20 + " " + "t" * 20, 0o600, "without a space"),
        ("ü" * 40, 0o600, "no token"),
    ],
)
def test_a_token_file_that_is_no_good(tmp_path, content, mode, said):
    """One line that says what to do, before anything is served."""
    file = tmp_path / "token"
    file.write_text(content)
    file.chmod(mode)
    status, output, errors = tracejoin("serve", "--no-browser", "--token-file", file)
    assert (status, output, said in errors) == (2, "", True)


def test_it_sends_dead_letters_again(store):
    """Health's form works in the program as it is started, with its own settings; with --read-only it is refused."""
    for arguments, status in (((), 303), (("--read-only",), 403)):
        with serving(store, *arguments) as (_, address):
            access = Access(token=parse_qs(address.query)["token"][0], port=address.port)
            cookie = f"{access.cookie}={access.session}"
            connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=PATIENCE)
            connection.request("POST", "/health/letters", urlencode({"token": access.form_token}), {
                "Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{address.netloc}", "Cookie": cookie})  # fmt: skip
            answer = connection.getresponse()
            answer.read()
            connection.close()
            assert answer.status == status
            if status == 303:
                assert "There is no dead letter to send" in ask(address, answer.headers["Location"].partition("#")[0], Cookie=cookie)[2]


def test_it_starts_while_opensearch_is_away():
    """The page tells of it, and goes on when OpenSearch is back."""
    with serving(SimpleNamespace(endpoint="http://127.0.0.1:1", prefix="away")) as (_, address):
        cookie = ask(address, f"/?{address.query}")[1]["Set-Cookie"].partition(";")[0]
        assert "does not answer" in ask(address, "/", Cookie=cookie)[2]
