"""The command line, as a person calls it: in a process of its own, with good and with bad input."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request

import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from pipeline.local.aws_spans import spans_of, subscription_event
from tests.support.command import MAIN, rows, tracejoin
from tests.support.events import (
    NOW,
    OTHER,
    OTHER_REQUEST,
    REQUEST,
    TRACE,
    document,
    edge,
    function,
    lambda_event,
    powertools,
    report,
    service,
    start,
)
from tests.support.paths import DOCS, ROOT, UNMEASURED
from tests.support.waiting import PATIENCE

XRAY = "1-5759e988-bd862e3fe1be46a994272793"


def test_explain_keeps_its_contract():
    """The names and the nulls that others build on, for lines on stdin."""
    status, output, _ = tracejoin("explain", "--json", text="\n".join([start().strip(), powertools("a", correlation_id="c-1"), "plain"]))
    found = rows(output)
    assert (status, len(found)) == (0, 3)
    keys = ["traceId", "xrayTraceId", "spanId", "requestId", "correlationIds", "sampled", "severity", "format", "idSource", "signals"]
    assert all(list(row) == keys for row in found)
    assert (found[1]["traceId"], found[1]["xrayTraceId"], found[1]["correlationIds"], found[1]["idSource"]) == (
        TRACE,
        XRAY,
        ["c-1"],
        "inline",
    )
    assert (found[0]["idSource"], found[0]["severity"], found[0]["signals"]) == ("request", None, [])


@pytest.mark.parametrize("content", [lambda_event([powertools("a"), report()]), document([powertools("a"), report()])])
def test_explain_reads_events(content, tmp_path):
    """A subscription event, as Lambda gets it or decoded."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(content, indent=2))
    assert [row["traceId"] for row in rows(tracejoin("explain", "--json", path)[1])] == [TRACE, TRACE]


def test_explain_reads_what_the_aws_command_prints(tmp_path):
    """The answer of FilterLogEvents: the lines of each stream are read as one."""
    path = tmp_path / "found.json"
    events = [
        {"logStreamName": name, "timestamp": 1, "message": line, "eventId": "1"} for line in (start(), "bare", report()) for name in "ab"
    ]
    path.write_text(json.dumps({"events": events, "searchedLogStreams": []}))
    assert [row["idSource"] for row in rows(tracejoin("explain", "--json", path)[1])] == ["request", "stream", "inline"] * 2


def test_classify_keeps_its_contract(tmp_path):
    """The names that others build on, from a BatchGetTraces answer, with and without the log lines."""
    documents = [edge(), service(parent_id="b" * 16, error=True), function(error=True)]
    answer = {"Traces": [{"Id": XRAY, "Segments": [{"Id": entry["id"], "Document": json.dumps(entry)} for entry in documents]}]}
    path, logs = tmp_path / "traces.json", tmp_path / "lines.log"
    path.write_text(json.dumps(answer))
    logs.write_text(report(status="timeout"))
    for more, rules in (
        ([], {"service-ok-function-failed", "edge-ok-downstream-fault"}),
        (["--logs", logs], {"service-ok-function-failed", "edge-ok-downstream-fault", "timeout"}),
    ):
        status, output, _ = tracejoin("classify", "--json", path, *more)
        (found,) = rows(output)
        assert status == 0
        assert list(found) == [
            "traceId",
            "xrayTraceId",
            "state",
            "edgeStatus",
            "clientSaw",
            "fault",
            "error",
            "throttle",
            "hiddenFault",
            "findings",
        ]
        assert list(found["findings"][0]) == ["rule", "severity", "serviceName", "spanId", "path", "evidence"]
        assert {finding["rule"] for finding in found["findings"]} == rules
        assert (found["state"], found["edgeStatus"], found["clientSaw"], found["hiddenFault"]) == ("complete", 200, "success", True)


def test_classify_judges_log_lines_alone_where_the_answer_has_no_segments(tmp_path):
    """X-Ray has nothing of a trace that was not sampled; without log lines that name a trace such an answer holds nothing to judge."""
    path, logs, others = tmp_path / "traces.json", tmp_path / "lines.log", tmp_path / "others.log"
    path.write_text(json.dumps({"Traces": [{"Id": XRAY, "Segments": []}], "UnprocessedTraceIds": []}))
    logs.write_text(f"[ERROR]\t2026-11-24T10:00:00.000Z\t{REQUEST}\tno stock\n{report(sampled=False)}")
    others.write_text("a print\n")
    status, output, _ = tracejoin("classify", "--json", path, "--logs", logs)
    (found,) = rows(output)
    assert (status, found["xrayTraceId"], found["state"]) == (0, XRAY, "unsampled")
    assert [finding["rule"] for finding in found["findings"]] == ["unsampled-error"]
    for more in ([], ["--logs", others]):
        status, _, errors = tracejoin("classify", path, *more)
        assert (status, "no segment document" in errors) == (1, True)


def test_classify_reads_documents_a_line_and_names_the_bad_ones(tmp_path):
    """One segment document a line; what can't be read is one line on stderr, and the others are judged."""
    path = tmp_path / "segments.jsonl"
    path.write_text("\n".join([json.dumps(service()), "nonsense", '{"format":"json","version":1}', json.dumps(function())]))
    status, output, errors = tracejoin("classify", "--json", path)
    assert (status, rows(output)[0]["state"], len(errors.splitlines())) == (0, "complete", 1)


def test_classify_reads_spans(tmp_path):
    """Lines of aws/spans, and the event that brings them, are judged like the segments that they were made of."""
    documents = [edge(), service(parent_id="b" * 16, error=True), function(error=True)]
    spans = [span for entry in documents for span in spans_of(entry)]
    lines, event = tmp_path / "spans.jsonl", tmp_path / "event.json"
    lines.write_text("\n".join(map(json.dumps, spans)))
    event.write_text(json.dumps(subscription_event(spans, at=NOW)))
    retrieved = tmp_path / "retrieved.json"
    parts = [{"Id": span["spanId"], "Document": json.dumps(span)} for span in spans]
    retrieved.write_text(json.dumps({"RetrievalStatus": "COMPLETE", "Traces": [{"Id": XRAY, "Spans": parts}]}))
    for path in (lines, event, retrieved):
        (found,) = rows(tracejoin("classify", "--json", path)[1])
        assert (found["state"], found["clientSaw"], {finding["rule"] for finding in found["findings"]}) == (
            "complete",
            "success",
            {"service-ok-function-failed", "edge-ok-downstream-fault"},
        )


def test_why_tells_state_and_evidence(embedded_endpoint, tmp_path):
    """What is missing, how often it was asked and what came back, which lines joined how; spans shipped as a file bring it about."""
    environment = {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "why", "TRACEJOIN_TRACE_SOURCE": "aws/spans"}
    lines, spans = tmp_path / "lines.json", tmp_path / "spans.json"
    at = NOW - 3_600_000
    lines.write_text(json.dumps(lambda_event([powertools("hello", correlation_id="c-9"), report()], at=at)))
    shifted = [function(start_time=at / 1000, end_time=at / 1000 + 0.1, annotations={"path": "/orders"})]
    spans.write_text(json.dumps(subscription_event([span for entry in shifted for span in spans_of(entry)], at=at)))
    tracejoin("setup", **environment)
    assert tracejoin("ship", lines, spans, **environment)[0] == 0
    assert tracejoin("resolve", **environment)[0] == 0
    status, output, _ = tracejoin("why", "c-9", "--json", **environment)
    (told,) = rows(output)
    assert (status, told["state"], told["final"], told["segments"]) == (0, "incomplete", True, 1)
    assert told["missing"] == ["the parent 0285bf1261be05ff of orders is missing",
                               "the segment of the request 52fdfc07-2182-454f-963f-5f0f9a621d72 is missing"]  # fmt: skip
    assert [(entry["source"], entry["outcome"]) for entry in told["lookups"]] == [("aws/spans", "subscribed")]
    assert (told["lines"], told["requests"]) == ({"inline": 2}, {"52fdfc07-2182-454f-963f-5f0f9a621d72": True})
    said = " ".join(tracejoin("why", XRAY, **environment)[1].split())
    for phrase in (
        "state incomplete: Time is up",
        "missing: the parent",
        "looked up once",
        "2 log lines naming the trace",
        "no rule fired",
    ):
        assert phrase in said, phrase
    found = rows(tracejoin("search", "--json", "--annotation", "path=/orders", **environment)[1])
    assert [row["doc"]["kind"] for row in found].count("log") == 2
    for arguments, code, wanted in ((["why", "nobody"], 1, "nothing is known"), (["search", "--annotation", "path"], 2, "key=value")):
        status, output, errors = tracejoin(*arguments, **environment)
        assert (status, output, len(errors.splitlines())) == (code, "", 1)
        assert wanted in errors


def test_ship_resolve_less_search_trace_faults(embedded_endpoint, tmp_path):
    """From a recorded event to a search, with the ledger's contract; nothing found is exit status 1."""
    environment = {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "cli"}
    path = tmp_path / "events.jsonl"
    path.write_text(
        "\n".join(
            json.dumps(lambda_event([line], first=number))
            for number, line in enumerate([powertools("hello", correlation_id="c-9"), report()])
        )
    )
    assert "tracejoin setup" in tracejoin("ship", path, **environment)[2]
    assert tracejoin("setup", "--check", "--json", **environment)[0] == 1
    assert {row["action"] for row in rows(tracejoin("setup", "--json", **environment)[1])} == {"created", "skipped"}
    assert tracejoin("setup", "--check", "--json", **environment)[0] == 0
    status, output, _ = tracejoin("ship", "--json", path, **environment)
    assert (status, rows(output)) == (
        0,
        [{"received": 2, "indexed": 2, "duplicate": 0, "filtered": 0, "deadLettered": 0, "controlMessages": 0, "badEnvelopes": 0}],
    )
    for arguments in (["--trace-id", XRAY], ["--correlation-id", "c-9"], ["--text", "hello"], ["--service", "orders", "--since", "now-1d"]):
        status, output, _ = tracejoin("search", "--json", *arguments, **environment)
        assert status == 0
        assert all({"_index", "_id", "@timestamp"} <= set(row) for row in rows(output))
    page = tmp_path / "page.html"
    assert tracejoin("trace", "c-9", "--html", page, **environment)[0] == 0
    assert "hello" in page.read_text()
    for arguments in (["faults"], ["search", "--trace-id", "1" * 32], ["trace", "nobody"]):
        status, output, errors = tracejoin(*arguments, **environment)
        assert (status, len(errors.splitlines())) == (1, 1)


def test_resolve_says_that_xray_is_away_and_does_the_rest(embedded_endpoint, tmp_path):
    """Exit status 1 and one line with the reason; the trace that needs no look-up is settled, and `why` tells of the other one."""
    environment = {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "away", "AWS_REGION": "eu-west-1",
                   "AWS_ENDPOINT_URL_XRAY": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}  # fmt: skip
    path = tmp_path / "events.jsonl"
    lines = [powertools("a"), report(), report(OTHER_REQUEST, OTHER, sampled=False)]
    # of now, since a trace whose source is away is given up ten minutes after its last line
    path.write_text(json.dumps(lambda_event(lines, at=int(time.time() * 1000))))
    assert tracejoin("setup", **environment)[0] == 0
    assert tracejoin("ship", path, **environment)[0] == 0
    status, output, errors = tracejoin("resolve", "--json", **environment)
    assert (status, rows(output)[0]["settled"], rows(output)[0]["failed_lookups"]) == (1, 1, 1)
    assert "X-Ray does not answer" in errors
    assert "X-Ray did not answer so far" in tracejoin("why", XRAY, **environment)[1]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [(["search", "--endpoint", "http://127.0.0.1:1", "--text", "x"], 1, "does not answer"), (["search", "--endpoint", "nowhere"], 2, "--endpoint: "),
     (["ship", "missing.json"], 2, "missing.json"), (["explain", "missing.log"], 2, "missing.log"), (["classify", "missing.json"], 2, "missing.json"),
     (["search", "--trace-id", "42"], 2, "is no trace id"), (["search", "--limit", "many"], 2, "limit"), (["nonsense"], 2, "nonsense"),
     (["resolve"], 2, "AWS_REGION")],
)  # fmt: skip
def test_bad_usage_is_one_clear_line(arguments, status, said):
    """A wrong endpoint, a missing file, a word that is no command: the right exit status, and a line that says so."""
    code, output, errors = tracejoin(*arguments)
    assert (code, output) == (status, "")
    assert said in errors.splitlines()[-1]


def test_one_transaction_on_the_command_line(embedded_endpoint, tmp_path):
    """Two traces that a correlation id joins, one of them named by a stale line: one waterfall, the edge, and the function that logs the id."""
    environment = {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "joined", "TRACEJOIN_TRACE_SOURCE": "aws/spans",
                   "TRACEJOIN_CORRELATION_PATHS": "order.id"}  # fmt: skip
    batches = [[powertools("calls", correlation_id="order-17"), report(sampled=False)],
               [powertools("answers", request=OTHER_REQUEST, trace=TRACE, order={"id": "order-17"})], [report(OTHER_REQUEST, OTHER, sampled=False)]]  # fmt: skip
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(json.dumps(lambda_event(lines, first=10 * number)) for number, lines in enumerate(batches)))
    assert tracejoin("setup", **environment)[0] == 0
    assert tracejoin("faults", "--stale-ids", **environment)[0] == 1
    assert tracejoin("ship", path, **environment)[0] == 0
    assert tracejoin("resolve", **environment)[0] == 0
    status, output, _ = tracejoin("trace", "order-17", **environment)
    assert (status, "of 2 traces" in output, "joined by order-17" in output) == (0, True, True)
    assert {row["transactionId"] for row in rows(tracejoin("search", OTHER_REQUEST, "--json", **environment)[1])} == {TRACE}
    status, output, _ = tracejoin("faults", "--stale-ids", "--json", **environment)
    (stale,) = rows(output)
    assert (status, stale["serviceName"], stale["lines"], stale["example"]["claimed"], stale["example"]["traceId"]) == (
        0,
        "orders",
        1,
        TRACE,
        OTHER,
    )
    assert "stale trace ids" in tracejoin("faults", **environment)[1]
    assert "stale trace ids" in tracejoin("faults", "--service", "orders", **environment)[1]
    for narrowed in (["--service", "nosuch"], ["--edge-status", "5xx"], ["--rule", "timeout"], ["--min-duration", "1h"]):
        assert tracejoin("faults", *narrowed, **environment)[:2] == (1, "")
    assert tracejoin("faults", "--stale-ids", "--service", "orders", **environment)[0] == 0
    status, output, errors = tracejoin("faults", "--stale-ids", "--service", "order", **environment)
    assert (status, output, "did you mean orders?" in errors) == (1, "", True)
    told = {row["traceId"]: row for row in rows(tracejoin("why", "order-17", "--json", **environment)[1])}
    assert (told[TRACE]["elsewhere"], told[OTHER]["transactionId"]) == ([OTHER_REQUEST], TRACE)


def test_files_that_are_no_logs(tmp_path):
    """Bytes that are no text, and JSON that is no event."""
    binary, other = tmp_path / "binary", tmp_path / "other.json"
    binary.write_bytes(b"\x00\xff\xfe")
    other.write_text('{"hello": "world"}')
    for arguments in (["explain", binary], ["ship", binary], ["ship", other], ["classify", binary], ["classify", other]):
        code, _, errors = tracejoin(*arguments)
        assert (code, len(errors.splitlines())) == (1, 1), errors
        assert "does not answer" not in errors


def test_settings_report_every_fault_at_once():
    """Each wrong variable is named in one go."""
    code, _, errors = tracejoin(
        "search",
        TRACEJOIN_ENDPOINT="x",
        TRACEJOIN_PREFIX="Up",
        TRACEJOIN_RETENTION_DAYS="0",
        TRACEJOIN_LOOKUP_DELAYS="1,9999",
        TRACEJOIN_CORRELATION_PATHS="order.id;detail.[",
    )
    assert code == 2
    assert all(name in errors for name in ("TRACEJOIN_ENDPOINT", "TRACEJOIN_PREFIX", "TRACEJOIN_RETENTION_DAYS", "TRACEJOIN_LOOKUP_DELAYS",
                                           "TRACEJOIN_CORRELATION_PATHS"))  # fmt: skip


def test_every_sample_of_others(samples):
    """Every file that others recorded gives sensible output or a counted refusal, never a traceback."""
    for path in sorted(samples.rglob("*")):
        if path.is_file() and path.name != "PROVENANCE.json":
            command = "classify" if path.parent.name == "segments" else "explain"
            result = CliRunner().invoke(cli, [command, "--json", str(path)])
            assert result.exit_code == 0, (path.name, result.output, result.exception)
            assert rows(result.stdout), path.name


@pytest.mark.parametrize(("source", "calls_a_trace"), [("auto", 0.3), ("StartTraceRetrieval", 0.5), ("aws/spans", 0)])
def test_demo_finds_what_it_hides(source, calls_a_trace):
    """The demo runs whole, its figures add up, and every source of traces comes to the same."""
    status, output, _ = tracejoin("demo", "--json", TRACEJOIN_TRACE_SOURCE=source, **UNMEASURED)
    (found,) = rows(output)
    ledger = found["ledger"]
    assert status == 0
    assert ledger["received"] == ledger["indexed"] > 50
    assert (found["settled"], found["hiddenFaults"], len(found["traces"])) == (11, 3, 7)
    assert found["calls"] / found["settled"] <= calls_a_trace


def test_demo_tells_of_the_stale_and_of_the_unsampled():
    """What a person sees: the trace that nobody recorded, and the line that names another's, each explained."""
    status, output, _ = tracejoin("demo")
    said = " ".join(output.split())
    assert status == 0
    assert "state unsampled: The trace was not sampled" in said
    assert "Looked up once" in said, "API Gateway's log names it, too, and does not say that it was not sampled"
    assert "1 log line of these with a stale id, 1-" in said
    assert said.endswith("Look at it in a browser: tracejoin demo --serve")


def test_demo_serves_what_it_stored():
    """`demo --serve` prints the address of the page last; its inbox has the demo's hidden faults; Ctrl-C ends all of it."""
    command = [*MAIN, "demo", "--serve", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | UNMEASURED) as process:
        address = next(said.strip() for said in process.stdout if said.startswith("http://127.0.0.1:"))
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(address, timeout=PATIENCE) as answer:
            assert "ValueError" in answer.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 0


def test_every_command_has_its_row():
    """docs/command-line.md and the command line name the same commands, and README leaves none out."""
    listed = re.findall(r"^\| `([a-z]+)", (DOCS / "command-line.md").read_text(), re.MULTILINE)
    _, output, _ = tracejoin("--help")
    commands = [line.split()[0] for line in output.partition("Commands:")[2].splitlines() if line[2:3].strip()]
    assert len(commands) == 27
    assert sorted(listed) == sorted(commands)
    readme = (ROOT / "README.md").read_text()
    assert all(f"`{command}`" in readme for command in commands)
