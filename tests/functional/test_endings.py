"""How the command ends where it can't go on: one line that says why, no traceback, nothing left running, no comfort where nobody looked."""

import os
import select
import shlex
import signal
import subprocess
import time
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


QUESTIONS = [("faults",), ("issues",), ("search", "a"), ("trace", TRACE), ("why", TRACE), ("map",), ("export", TRACE),
             ("tail",), ("resolve",), ("invocations",), ("keep", TRACE), ("keep", "--list"), ("issue", "abcd"), ("issue", "ack", "abcd", "--by", "me"),
             ("cost", "--no-aws"), ("serve", "--no-browser"), ("replay", "send")]  # fmt: skip


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_where_nothing_is_installed_nobody_has_looked(store, words):
    """Another prefix holds nothing at all: that is no "no hidden faults"."""
    status, output, said = tracejoin(*words, TRACEJOIN_ENDPOINT=store.endpoint, TRACEJOIN_PREFIX="nosuch", AWS_REGION="eu-west-1")
    assert (status, output) == (2, "")
    told = f"tracejoin: nothing is installed at {store.endpoint} for the prefix 'nosuch': run `tracejoin setup` first\n"
    # replay says before that it knows no bucket
    assert said.endswith(told)
    assert said.count("\n") == (2 if words[0] == "replay" else 1)


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


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("words", [("trace", TRACE), ("why", TRACE), ("faults",), ("search", "paid"), ("--help",)])
def test_a_terminal_that_lacks_a_character(known, words, encoding):
    """Something else stands in its place."""
    done = subprocess.run([*MAIN, *words], capture_output=True, check=False, env=os.environ | known | {"PYTHONIOENCODING": encoding})
    assert (done.returncode in {0, 1}, b"Traceback" in done.stderr) == (True, False), done.stderr


def test_closed_streams(known):
    """Without stdout nothing is done and the status is 1; without stderr the command answers all the same."""
    quoted = shlex.join([*MAIN, "search", "--limit", "1"])
    for closing, status in ((">&-", 1), (">&- 2>&-", 1), ("2>&-", 0)):
        done = subprocess.run(["sh", "-c", f"{quoted} {closing}"], capture_output=True, text=True, check=False, env=os.environ | known)
        told = "tracejoin: the output can't be written: stdout is closed\n" if closing == ">&-" else ""
        assert (done.returncode, done.stderr, bool(done.stdout)) == (status, told, status == 0)


PRINTING = [("faults",), ("issues",), ("search", "paid"), ("search", "nosuch"), ("trace", TRACE), ("why", TRACE), ("map",), ("services",),
            ("export", TRACE), ("invocations",), ("keep", TRACE), ("keep", "--list"), ("setup",), ("setup", "--check", "--channel", "x"),
            ("resolve",), ("explain", "-"), ("classify", "-"), ("policy", "check", "-"), ("config",), ("--help",), ("help", "output"), ("nosuch",)]  # fmt: skip


def unread(words, environment, *, text):
    """Status and stderr of a command that runs after the reader of its output has ended."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*MAIN, *words], stdout=writing, stderr=subprocess.PIPE, input=text, text=True, check=False,
                          env=os.environ | {"TZ": "UTC"} | environment, timeout=PATIENCE)  # fmt: skip
    os.close(writing)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_the_status_is_the_same_where_nobody_reads(known, words):
    """For people and as JSON, whatever way a command prints: as with a reader, and not a word about the pipe."""
    for form in ((), *((("--json",),) if words[0] not in {"--help", "help", "export"} else ())):
        status, output, said = tracejoin(*words, *form, text=start(), **known)
        assert output or status or form, words
        assert unread((*words, *form), known, text=start()) == (status, "" if words[0] in {"export", "invocations"} else said)


@pytest.mark.parametrize("options", [(), ("--json",), ("--format", "raw"), ("--tsv",), ("--format", "{body}")], ids=" ".join)
def test_a_long_list_ends_with_its_reader(known, store, settings, options):
    """`| head`: a list that has begun ends with 0 once nobody reads it; so does one without an end."""
    shipped(lambda_event([powertools(f"paid {number} {'x' * 900}") for number in range(300)], first=1000), store, settings)
    store.refresh()
    with subprocess.Popen([*MAIN, "search", "paid", "--all", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=os.environ | known) as process:  # fmt: skip
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_what_is_followed_ends_with_its_reader(known, store, settings):
    """`tail | head` ends with the next line that comes in; stderr may lead into the same pipe."""
    with subprocess.Popen([*MAIN, "tail", "paid", "--json", "--interval", "0.1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=os.environ | known) as process:  # fmt: skip
        number = 1000
        with process.stdout as printed:
            readable: list[object] = []
            while not readable:
                shipped(lambda_event([powertools("paid")], first=number, at=time.time_ns() // 1_000_000), store, settings)
                store.refresh()
                number += 1
                readable = select.select([printed], [], [], 1)[0]
            assert printed.readline()
        while process.poll() is None:
            shipped(lambda_event([powertools("paid")], first=number, at=time.time_ns() // 1_000_000), store, settings)
            store.refresh()
            number += 1
            time.sleep(0.2)
    assert process.returncode == 0


def test_what_is_no_opensearch():
    """A server that answers everything in JSON of its own, and a path that OpenSearch does not know: one line, and nothing is written."""
    seen = []

    def answer(request):
        seen.append(request.method)
        return 200, {"took": 1}

    with HttpServer(answer) as server:
        for words in (("setup", "--check"), ("setup",)):
            status, output, said = tracejoin(*words, "--endpoint", server.endpoint)
            assert (status, output, said.count("\n"), "or is no OpenSearch" in said) == (1, "", 1, True), said
    assert set(seen) == {"GET"}

    def unknown(request):
        return 400, {"error": f"no handler found for uri [{request.path}] and method [{request.method}]"}

    with HttpServer(unknown) as server:
        for words in (("setup", "--check"), ("faults",), ("search", "a")):
            status, _, said = tracejoin(*words, "--endpoint", f"{server.endpoint}/some/where")
            assert (status, said.count("\n")) == (1, 1)
            assert "it may be no OpenSearch, or the path /some/where of the endpoint is wrong" in said


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
