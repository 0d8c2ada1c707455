"""How the command ends where it can't go on: one line that says why, no traceback, nothing left running, no comfort where nobody looked."""

import os
import signal
import subprocess
from pathlib import Path
from threading import Event

import pytest

from tests.support.command import MAIN, tracejoin
from tests.support.events import TRACE, function, lambda_event, powertools, report, service, start
from tests.support.http_server import HttpServer
from tests.support.paths import UNMEASURED
from tests.support.shipping import resolver, shipped
from tests.support.waiting import PATIENCE


@pytest.fixture
def known(store, settings):
    """The environment of a command that finds one trace."""
    shipped(lambda_event([start(), powertools("paid"), report()]), store, settings)
    resolver(store, settings, service(), function())[0].resolve([TRACE])
    store.refresh()
    return {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}


QUESTIONS = [("faults",), ("issues",), ("search", "a"), ("trace", TRACE), ("why", TRACE), ("map",), ("export", TRACE)]


@pytest.mark.parametrize("words", QUESTIONS, ids=lambda words: words[0])
def test_where_nothing_is_installed_nobody_has_looked(store, words):
    """Another prefix holds nothing at all: that is no "no hidden faults"."""
    status, output, said = tracejoin(*words, TRACEJOIN_ENDPOINT=store.endpoint, TRACEJOIN_PREFIX="nosuch")
    assert (status, output) == (2, "")
    assert said == f"tracejoin: nothing is installed at {store.endpoint} for the prefix 'nosuch': run `tracejoin setup` first\n"


@pytest.mark.parametrize("words", [("trace", TRACE), ("trace", TRACE, "--json"), ("search", "paid"), ("explain", "-"), ("--help",)])
def test_a_full_disk_is_said(known, words):
    """Whatever way a command prints: rich, click, JSON."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*MAIN, *words], stdout=full, stderr=subprocess.PIPE, text=True, input=start(), check=False,
                              env=os.environ | known)  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "tracejoin: the output can't be written: No space left on device\n")


def test_a_file_that_can_not_be_written(known, tmp_path):
    """A folder that is not there is a wrong argument; a full disk is not."""
    status, _, said = tracejoin("trace", TRACE, "--html", tmp_path / "nosuch" / "a.html", **known)
    assert (status, said.splitlines()[-1]) == (2, f"Error: {tmp_path}/nosuch/a.html: No such file or directory")
    status, _, said = tracejoin("trace", TRACE, "--html", "/dev/full", **known)
    assert (status, said) == (1, "tracejoin: /dev/full: No space left on device\n")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_no_wrong_usage(status):
    """Exit status 2 says that the words of the command were wrong."""
    with HttpServer(lambda _: (status, {"error": "no"})) as server:
        code, _, said = tracejoin("faults", TRACEJOIN_ENDPOINT=server.endpoint)
    assert code == 1
    assert str(status) in said


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it(number, status):
    """As shells expect, and without a word, while it waits for an answer."""
    asked, done = Event(), Event()

    def answer(_request):
        asked.set()
        done.wait(60)
        return 200, {}

    with HttpServer(answer) as server, subprocess.Popen([*MAIN, "faults"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                                        env=os.environ | {"TRACEJOIN_ENDPOINT": server.endpoint}) as process:  # fmt: skip
        assert asked.wait(60)
        process.send_signal(number)
        printed = process.communicate(timeout=PATIENCE)
        done.set()
    assert (process.returncode, *printed) == (status, "", "")


def test_what_the_demo_started_ends_with_it():
    """After SIGTERM neither its OpenSearch nor its local AWS is left."""
    with subprocess.Popen([*MAIN, "demo", "--keep"], stdout=subprocess.PIPE, text=True, env=os.environ | UNMEASURED) as process:
        next(said for said in process.stdout if "OpenSearch answers at" in said)
        started = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert len(started) >= 2
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
