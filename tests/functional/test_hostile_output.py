"""Every command, in every format, with hostile text wherever others decide a text: nothing steers the terminal."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from importlib import import_module

import msgspec
import pytest
from click.testing import CliRunner

from fuzz.steering import steering
from pipeline.agents.answer import answer_text
from pipeline.agents.tools import Stored, tool_named
from pipeline.alert.dispatch import Dispatch
from pipeline.cli.main import cli, main
from pipeline.configure import store_for
from pipeline.detect.rule import default_rules
from pipeline.doctor.check_result import CheckResult
from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.redact.redactor import DEFAULT
from pipeline.resolution import Resolution
from pipeline.settings import Settings
from tests.support.command import MAIN
from tests.support.documents import BEGAN, line, put, span
from tests.support.events import OTHER, TRACE, function, service
from tests.support.hostile import CONTROLS, HALF, HOSTILE
from tests.support.stores import installed

WRITABLE = HOSTILE.replace("\0", "")
# argv and file names hold no NUL, and a name no slash
ISSUE = "0123456789abcdef"
NAME = WRITABLE.replace("/", "")[:60]


@pytest.fixture(scope="module")
def hostile(embedded_endpoint):
    """An index with a line, a span and a trace that are hostile in each text of others; the environment to reach it."""
    with installed(Settings(endpoint=embedded_endpoint, prefix="hostile", region="eu-west-1")) as store:
        status = {
            "state": "complete",
            "stateReason": HOSTILE,
            "hiddenFault": True,
            "rules": ["timeout"],
            "clientSaw": "success",
            "edgeStatus": 200,
        }
        common = {"serviceName": HOSTILE, "traceId": TRACE, "transactionId": TRACE, "trace": status, "correlationId": ["c-1", HOSTILE]}
        logged = line(
            "l", BEGAN, body=HOSTILE, staleTraceId=OTHER, requestId=HOSTILE, signals=["error"], aws={"logGroup": HOSTILE}, **common
        )
        # half a surrogate pair can't be encoded, but stands in JSON
        half = [logged[0] | {"create": logged[0]["create"] | {"_id": "half"}}, msgspec.Raw(json.dumps(logged[1] | {"body": HALF}).encode())]
        shown = {"at": 1_790_000_000_000, "id": "l", "serviceName": HOSTILE, "text": HOSTILE, "logGroup": HOSTILE, "account": HOSTILE}
        finding = {"rule": "timeout", "severity": "alert", "serviceName": HOSTILE, "spanId": HOSTILE, "path": [HOSTILE, HOSTILE], "reported": "200",
                   "evidence": f"timed out: {HOSTILE}", "clientSaw": "success", "exceptionType": HOSTILE, "exceptionMessage": HOSTILE, "lines": [shown],
                   "unknown": [HOSTILE]}  # fmt: skip
        requests = {HOSTILE: {"requestId": HOSTILE}, "x": {"requestId": f"x{HOSTILE}", "elsewhere": True}}
        trace = common | {"doc": {"kind": "trace"}, "@timestamp": "2026-11-24T10:00:00.000Z", "lastSeenAt": "2026-11-24T10:00:00.000Z", "name": HOSTILE,
                          "xray": {"traceId": TRACE}, "missing": [HOSTILE], "findings": [finding], "state": {"requests": requests}}  # fmt: skip
        fingerprint = dict.fromkeys(("family", "entry", "service", "operation", "exceptionType", "message"), HOSTILE)
        trace["issues"] = [{"id": ISSUE, "fingerprint": fingerprint, "rules": ["timeout"], "evidence": HOSTILE, "version": HOSTILE}]
        change = {"at": 1_790_000_000_000, "by": HOSTILE, "state": "known", "note": HOSTILE}
        issue = {"id": ISSUE, "fingerprint": fingerprint, "state": "known", "changes": [change], "firstSeenAt": 1_790_000_000_000,
                 "lastSeenAt": 1_790_000_000_000, "firstTraceId": TRACE, "firstVersion": HOSTILE, "firstArn": HOSTILE}  # fmt: skip
        put(store, [{"create": {"_index": "@-issues", "_id": ISSUE}},
                    {"doc": {"kind": "issue"}, "@timestamp": trace["@timestamp"], "lastSeenAt": trace["@timestamp"], "serviceName": HOSTILE, "issue": issue}])  # fmt: skip
        put(store, logged, half, span("s", BEGAN, spanId="1" * 16, name=HOSTILE, status={"code": 2}, durationInNanos=1, parentSpanId="", **common),
            [{"create": {"_index": "@-traces", "_id": TRACE}}, trace])  # fmt: skip
        yield {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "hostile", "COLUMNS": "160"}


def run(*arguments, text="", **environment):
    """The command in this process."""
    return CliRunner().invoke(cli, list(map(str, arguments)), input=text, env=environment)


SEARCHES = [
    ["search"], ["search", "--json"], ["search", "--format", "csv"], ["search", "--format", "csv", "--columns", "body,serviceName,correlationId,trace,aws"],
    ["search", "x", "--text", WRITABLE], ["search", WRITABLE], ["search", "--service", WRITABLE, "--level", "fatal"], ["search", "--since", WRITABLE],
    ["search", "--columns", WRITABLE], ["trace", TRACE], ["trace", TRACE, "--json"], ["trace", WRITABLE], ["faults"], ["faults", "--json"],
    ["issues"], ["issues", "--json"], ["issues", "--service", WRITABLE], ["issue", ISSUE], ["issue", ISSUE, "--json"],
    ["faults", "--stale-ids"], ["faults", "--stale-ids", "--json"], ["faults", "--service", WRITABLE], ["why", TRACE], ["why", TRACE, "--json"],
    ["why", WRITABLE], ["setup", "--check"], ["setup", "--check", "--json"],
    *(["cost", "--no-aws", "--since", "2026-11-20", *more] for more in ([], ["--by", "log-group"], ["--json"])),
]  # fmt: skip


@pytest.mark.parametrize("arguments", SEARCHES, ids=lambda arguments: " ".join(word if word.isprintable() else "…" for word in arguments))
def test_what_is_stored_steers_nothing(hostile, arguments):
    """Tables, waterfalls, sentences, JSON and CSV show what is stored and what was asked; no control is in stdout or stderr."""
    done = run(*arguments, **hostile)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.output
    assert (steering(done.stdout), steering(done.stderr)) == ([], [])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("search", {}), ("search", {"question": WRITABLE}), ("trace", {"id": TRACE}), ("why", {"id": TRACE}), ("issues", {"since": ""}), ("map", {"since": ""}),
    ],
    ids=["search", "question", "trace", "why", "issues", "map"],
)  # fmt: skip
def test_an_agent_is_told_no_control(hostile, name, arguments):
    """What an agent's client may print holds none either, and is JSON, halves of surrogate pairs included."""
    store = store_for(Settings(endpoint=hostile["TRACEJOIN_ENDPOINT"], prefix=hostile["TRACEJOIN_PREFIX"]))
    answer = tool_named(name).call(Stored(store=store, rules=default_rules(), delays=(30,), api_gateway=()), arguments)
    found = json.loads(answer_text(answer, DEFAULT.text))
    assert found["rows"] or found["whyNothing"]
    assert steering(json.dumps(found, ensure_ascii=False)) == []


def test_json_is_the_same_data(hostile):
    """What is escaped is read back as it is stored, halves of surrogate pairs included."""
    found = {row["_id"]: row for row in map(json.loads, run("search", "--json", **hostile).stdout.splitlines())}
    assert (found["l"]["body"], found["half"]["body"], found["s"]["name"]) == (HOSTILE, HALF, HOSTILE)


def test_csv_stays_readable(hostile):
    """Cleaned CSV has its rows and columns still, line breaks inside a cell included."""
    header, *rows = csv.reader(io.StringIO(run("search", "--format", "csv", "--columns", "_id,body", **hostile).stdout, newline=""))
    assert header == ["_id", "body"]
    assert {row[0]: row[1].rpartition("\n")[2] for row in rows} == {"l": "second line", "half": "? ?", "s": ""}


def test_a_page_holds_no_control(hostile, tmp_path):
    """The page of `trace --html` shows the same, as text."""
    page = tmp_path / "page.html"
    assert run("trace", TRACE, "--html", page, **hostile).exit_code == 0
    written = page.read_text(encoding="utf-8")
    assert "second line" in written
    assert steering(written) == []
    assert "evil.example]" in written, "markup is text"
    assert "<b>" not in written


def test_a_tail_steers_nothing(hostile, monkeypatch):
    """What comes in with --follow, and the trouble that it tells of."""
    hit = {
        "_index": "i",
        "_id": "1",
        "_source": {"@timestamp": "2026-11-24T10:00:00.000Z", "doc": {"kind": "log"}, "body": HOSTILE, "serviceName": HOSTILE},
    }

    def tail(*_, trouble, **__):
        trouble(HOSTILE)
        yield [hit]

    monkeypatch.setattr(import_module("pipeline.cli.search"), "follow_hits", tail)
    for form in ("table", "json", "csv"):
        done = run("search", "-f", "--format", form, **hostile)
        assert (done.exit_code, steering(done.stdout), steering(done.stderr)) == (0, [], [])
        assert len(done.stderr.splitlines()) == 1


def test_files_steer_nothing(tmp_path):
    """Lines, traces and events in files whose names are hostile, too; good ones, bad ones, and none."""
    logs, traces, bad = tmp_path / f"l{NAME}", tmp_path / f"t{NAME}", tmp_path / f"b{NAME}"
    logs.write_text(
        WRITABLE
        + json.dumps({"level": HOSTILE, "requestId": HOSTILE, "message": HOSTILE, "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793"})
    )
    failed = {"error": True, "cause": {"exceptions": [{"id": "1", "type": HOSTILE, "message": HOSTILE}]}}
    traces.write_text(
        "\n".join([json.dumps(service(error=True, name=HOSTILE)), WRITABLE.replace("\n", ""), json.dumps(function(name=HOSTILE, **failed))])
    )
    bad.write_text(WRITABLE)
    for arguments in (["explain", logs], ["classify", traces], ["classify", traces, "--logs", logs], ["classify", bad], ["explain", tmp_path], ["ship", bad],
                      ["ship", f"{bad}missing"], ["explain", f"{bad}missing"], ["explain", "-"]):  # fmt: skip
        for more in ([], ["--json"]):
            done = run(*arguments, *more, text=WRITABLE)
            assert (steering(done.stdout), steering(done.stderr)) == ([], []), arguments


def test_resolve_steers_nothing(hostile, monkeypatch):
    """What SNS and X-Ray answer, and ids of traces."""
    done = Resolution(alerts=Dispatch(failures=(HOSTILE,)), unsettled=(HOSTILE,))
    monkeypatch.setattr(import_module("pipeline.cli.resolve").Resolver, "sweep", lambda *_, **__: done)
    for more in ([], ["--json"]):
        said = run("resolve", *more, **hostile, TRACEJOIN_TRACE_SOURCE="aws/spans")
        assert (said.exit_code, steering(said.stdout), steering(said.stderr)) == (0, [], [])
        assert len(said.stderr.splitlines()) == 1


def test_the_doctor_steers_nothing(monkeypatch):
    """Names of stacks and log groups, messages and remedies; a message makes no line of its own."""
    results = [CheckResult(HOSTILE, status, HOSTILE, HOSTILE, HOSTILE) for status in ("ok", "warning", "problem", "unknown")]
    monkeypatch.setattr(import_module("pipeline.cli.doctor"), "diagnose", lambda *_: iter(results))
    for more in ([], ["--json"]):
        done = run("doctor", "--stack", WRITABLE, *more, AWS_REGION="eu-west-1")
        assert done.exit_code == 1
        assert (steering(done.stdout), steering(done.stderr)) == ([], [])
        assert not any(said.startswith("second") for said in done.stdout.splitlines())


@pytest.mark.parametrize("error", [BadInputError(HOSTILE), MisconfiguredError([HOSTILE, HOSTILE]), ValueError(HOSTILE)])
def test_errors_steer_nothing(error, monkeypatch, capsys):
    """What OpenSearch or AWS answers is one line on stderr."""

    def fail(*_):
        raise error

    monkeypatch.setattr("sys.argv", ["tracejoin", "why", "x"])
    monkeypatch.setattr("sys.stdout", sys.stdout)
    monkeypatch.setattr("sys.stderr", sys.stderr)
    monkeypatch.setattr(import_module("pipeline.cli.why"), "explain_traces", fail)
    with pytest.raises((SystemExit, ValueError)):
        main()
    if not isinstance(error, ValueError):
        told = capsys.readouterr().err
        assert steering(told) == []
        assert all(said.startswith("tracejoin: ") for said in told.splitlines())


@pytest.mark.parametrize(
    "command", ["demo", "setup", "ship", "resolve", "search", "tail", "trace", "faults", "why", "explain", "classify", "doctor", ""]
)
def test_wrong_usage_steers_nothing(command):
    """What click itself prints, in a process of its own: an option, a command and a value that do not exist."""
    for arguments in (
        [*filter(None, [command]), f"--{WRITABLE[:80]}"],
        [WRITABLE[:80]],
        [*filter(None, [command]), "--limit", WRITABLE[:80]],
    ):
        done = run(*arguments)
        assert done.exit_code == 2
        assert (steering(done.stdout), steering(done.stderr)) == ([], [])


def test_a_real_terminal_gets_our_colours_and_nothing_else(hostile):
    """Through a pseudo terminal: of escape sequences only colours and styles; a traceback and a warning of a library are cleaned, too."""
    ends = "import sys, logging; from pipeline.cli.terminal import install_safe_streams as i; i(); t = sys.argv[1]; "
    ends += "logging.getLogger('urllib3').warning(t); print(t); raise ValueError(t)"
    for command in (
        [*MAIN, "trace", TRACE],
        [*MAIN, "faults"],
        [*MAIN, "search"],
        [*MAIN, "search", "--format", "csv"],
        [MAIN[0], "-c", ends, WRITABLE],
    ):
        shown = in_terminal(command, hostile)
        if command[-1] != WRITABLE:
            shown = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        assert "[2J" in shown
        assert steering(shown) == []


def in_terminal(command, environment):
    """What a command prints to a terminal."""
    own, its = pty.openpty()
    with subprocess.Popen(command, stdout=its, stderr=its, stdin=its, env=os.environ | environment | {"TERM": "xterm-256color"}) as process:
        os.close(its)
        shown = b""
        while chunk := read(own):
            shown += chunk
    os.close(own)
    assert process.returncode in {0, 1}
    # the terminal driver itself puts a carriage return before each line feed
    return shown.decode().replace("\r\n", "\n")


def read(descriptor):
    """The next bytes; empty at the end, which Linux tells as an error."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def test_the_check_itself_can_fail():
    """The characters that it knows are those that must not be printed."""
    assert len(steering(CONTROLS)) == len(CONTROLS) - 2
    assert not steering("größer 日本語 🙂 \t\r\n")
