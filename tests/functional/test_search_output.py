"""What `tracejoin search` prints: tables, JSON and CSV, and what it says where something is wrong."""

import csv
import io
import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
import pytest

from pipeline.cli.csv_output import DEFAULT_COLUMNS, csv_lines
from pipeline.cli.hit_table import HitTable
from pipeline.search.highlights import new_marks
from pipeline.settings import Settings
from pipeline.ship import ship
from tests.support.command import MAIN, tracejoin
from tests.support.documents import BEGAN, XRAY, indexed, line, put
from tests.support.events import TRACE, lambda_event, powertools
from tests.support.stores import installed
from tests.support.waiting import PATIENCE

ODD = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    'with "quotes", commas',
    "two\nlines\r\nand more",
    "",
    "日本語",
    "\t=1",
    "plain",
    "'=1",
    "half \ud800 pair",
]


def test_csv_round_trip():
    """What a CSV reader reads is what was stored; only what a spreadsheet would run has an apostrophe before it."""
    rows = [{"_index": "i", "_id": str(number), "doc": {"kind": "log"}, "body": text, "sampled": True, "durationInNanos": -5, "correlationId": ["a", "b"],
             "annotations": {"b.c": [1]}} for number, text in enumerate(ODD)]  # fmt: skip
    columns = ["_id", "body-or-name", "sampled", "durationInNanos", "correlationId", "annotations.b.c", "doc", "missing.path"]
    written = csv_lines(rows[:5], columns, header=True) + csv_lines(rows[5:], columns, header=False)
    header, *found = csv.reader(io.StringIO(written.decode(), newline=""))
    assert header == columns
    assert [row[0] for row in found] == [str(number) for number in range(len(ODD))]
    guarded = [f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text.replace("\ud800", "?") for text in ODD]
    assert [row[1] for row in found] == guarded
    assert {tuple(row[2:]) for row in found} == {("true", "-5", '["a","b"]', "[1]", '{"kind":"log"}', "")}


def test_default_columns_say_what_happened():
    """A line shows its message and a span its name in the same column."""
    rows = [
        {"@timestamp": "t", "doc": {"kind": kind}, "body": "said", "name": "GET /", "traceId": TRACE, "trace": {"state": "complete"}}
        for kind in ("log", "span")
    ]
    _, *found = csv.reader(io.StringIO(csv_lines(rows, DEFAULT_COLUMNS, header=True).decode(), newline=""))
    assert found == [["t", "log", "", "said", TRACE, "", "complete"], ["t", "span", "", "GET /", TRACE, "", "complete"]]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_list_fits_the_terminal_and_no_text_steers_it(width):
    """Each row is one line within the terminal, in several parts under one header; controls are shown, not sent; long ids stay whole or are listed."""
    from rich.console import Console

    marks = new_marks()
    listing = HitTable(width, marks)
    nasty = "\x1b[31m red\x07\r\n\u202eright \x9b2J" + "long " * 100
    hits = [{"_source": {"@timestamp": f"2026-11-24T10:00:00.{number:03d}Z", "doc": {"kind": "log"}, "body": nasty, "serviceName": "a-service-with-a-long-name",
                         "traceId": TRACE, "trace": {"state": "sourceDisabled"}}} for number in range(3)]  # fmt: skip
    hits[1]["highlight"] = {"body": ["x" * 500 + f" {marks[0]}needle{marks[1]} " + "y" * 500]}
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(listing.part(hits[:2]))
    console.print(listing.part(hits[2:]))
    printed = console.file.getvalue()
    rows = [row for row in printed.splitlines() if "10:00:00" in row or ":00:00." in row]
    assert len(rows) == 3
    assert all(len(row) <= width for row in printed.splitlines())
    assert printed.count("service ") == 1
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(printed)
    assert "needle" in rows[1]
    assert XRAY in rows[0] or any(XRAY in told for told in listing.traces())


@pytest.fixture(scope="module")
def shelf(embedded_endpoint):
    """An index with 1,200 lines, a trace and an odd line, and how to reach it from the command line."""
    settings = Settings(endpoint=embedded_endpoint, prefix="shelf", region="eu-west-1")
    with installed(settings) as store:
        put(store, *(line(f"l{number:04d}", BEGAN + timedelta(milliseconds=number), body=f"=line {number}") for number in range(1200)))
        indexed(lambda_event([powertools("a pair", correlation_id="c-9")]), store, settings)
        action, source = line("half", datetime.now(UTC), correlationId="c-half", body="half ? pair")
        put(store, [action, msgspec.Raw(json.dumps(source).replace("?", "\\ud800").encode())])
        yield {"TRACEJOIN_ENDPOINT": embedded_endpoint, "TRACEJOIN_PREFIX": "shelf"}


def test_the_command_prints_in_each_form(shelf):
    """The same documents as JSON, CSV and table; a note on stderr says that there are more."""
    status, output, errors = tracejoin("search", "--json", "--limit", "2", **shelf)
    assert (status, len(output.splitlines())) == (0, 2)
    assert errors == "tracejoin: showing the newest 2 of 1,202; --all shows everything\n"
    for arguments in (["--all"], ["--limit", "0"], ["--limit", "5000"]):
        status, output, errors = tracejoin("search", "--format", "json", *arguments, **shelf)
        assert (status, errors, len({json.loads(row)["_id"] for row in output.splitlines()})) == (0, "", 1202)
    status, output, _ = tracejoin("search", "--format", "csv", "--columns", "_id,body", "--until", "2026-11-24", "--all", TZ="UTC", **shelf)
    header, *rows = csv.reader(io.StringIO(output, newline=""))
    assert (header, len(rows), rows[0]) == (["_id", "body"], 1200, ["l0000", "'=line 0"])
    status, output, _ = tracejoin("search", "c-9", "--text", "pair", COLUMNS="80", **shelf)
    assert (status, XRAY in output, "pair" in output) == (0, True, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [(["--since", "soon"], 2, "'soon' is no time"), (["--until", "2026-13-01"], 2, "is no time"), (["--since", "1m", "--until", "2m"], 2, "lies after"),
     (["--follow", "--until", "1m"], 2, "--follow has no end"), (["--json", "--format", "csv"], 2, "contradict"), (["--columns", "body"], 2, "--format csv"),
     (["--format", "csv", "--columns", "body,,name"], 2, "empty name"), (["--limit", "-1"], 2, "-1"), (["--level", "loud"], 2, "loud"), (["nobody"], 1, "nothing is known"),
     (["--trace-id", "42"], 2, "is no trace id"), (["c-9", "--level", "fatal"], 1, "--level excludes"),
     (["--trace-id", ""], 2, "it is empty"), (["--correlation-id", ""], 2, "it is empty"), (["--request-id", ""], 2, "it is empty"),
     (["--", *(f"-w{number}" for number in range(101))], 2, "more than 100 words")],
)  # fmt: skip
def test_the_command_says_what_is_wrong(shelf, arguments, status, said):
    """Wrong usage and nothing found: the right exit status, nothing on stdout, and a last line that says it."""
    code, output, errors = tracejoin("search", *arguments, **shelf)
    assert (code, output) == (status, "")
    assert said in errors.splitlines()[-1]


def test_faults_read_the_same_times(shelf):
    """The same words for times, and the same refusal."""
    code, output, errors = tracejoin("faults", "--since", "soon", **shelf)
    assert (code, output, "is no time" in errors) == (2, "", True)
    code, output, errors = tracejoin("faults", "--since", "2h30m", "--until", "now/d", **shelf)
    assert (code, output, errors.splitlines()) == (1, "", ["tracejoin: no hidden faults that meet --since, --until: drop or widen them"])


def test_follow_ends_with_ctrl_c(shelf):
    """What is there comes at once, each row as it is found; Ctrl-C is how it ends, so the exit status is 0, and there is no traceback."""
    command = [*MAIN, "search", "-f", "--limit", "3", "--interval", "0.1", "--json"]
    with subprocess.Popen(command, env=os.environ | shelf, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        shown = [json.loads(row)["_id"] for row in islice(process.stdout, 3)]
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, len(set(shown)), output, errors) == (0, 3, "", "")


def test_json_takes_half_a_pair(shelf):
    """What no UTF-8 can hold is printed by JSON's own escape, and CSV's reader gets a question mark: no traceback."""
    status, output, _ = tracejoin("search", "c-half", "--json", **shelf)
    assert (status, "\\ud800" in output, json.loads(output)["body"]) == (0, True, "half \ud800 pair")
    status, output, _ = tracejoin("search", "c-half", "--format", "csv", "--columns", "body", **shelf)
    assert (status, output.splitlines()) == (0, ["body", "half ? pair"])
    assert tracejoin("search", "c-half", **shelf)[0] == 0


def test_raw_gives_each_line_byte_for_byte(endpoint, settings, store):
    """White space, numbers and escapes are as they were written, colours too; spans are left out; a line without an end gets one."""
    lines = [powertools("paid", order={"id": 9}).replace('": ', '" :  ') + "\n", "\x1b[31mred\x1b[0m  \n", '{"message":"\\u00e9","n":1.10}']
    ship(lambda_event(lines), store=store, settings=settings, remaining=lambda: 30.0)
    store.refresh()
    environment = os.environ | {"TRACEJOIN_ENDPOINT": endpoint, "TRACEJOIN_PREFIX": store.prefix}
    found = subprocess.run([*MAIN, "search", "--raw", "--all"], env=environment, capture_output=True, check=True)
    assert sorted(found.stdout.decode().splitlines(keepends=True)) == sorted([*lines[:2], lines[2] + "\n"])


@pytest.mark.parametrize(
    ("arguments", "found"),
    [(["pair"], 2), (["a", "pair", "service:orders"], 1), (["c-9"], 1), (["c-9 until:2026-01-01"], 0), (['"a pair"'], 1), (["--", "pair", "-half"], 1), (["id:pair"], 0),
     (["text:c-9"], 0), (["pair", "--text", "half", "--state", "pending"], 1)],
)  # fmt: skip
def test_terms_are_the_language_of_the_page(shelf, arguments, found):
    """Words, keys, phrases and exclusions as arguments; what an id names is found as before; the options add to them."""
    status, output, _ = tracejoin("search", "--json", *arguments, **shelf)
    assert (status, len(output.splitlines())) == (int(not found), found), output


@pytest.mark.parametrize(("arguments", "said"), [(["servce:orders"], "servce: is no key; the keys are service, level"), (["level:loud"], "level is one of"), (['"pair'], "close it"),
                                                 (["level:error", "--level", "warn"], "level is given twice"), (["-f", "until:1m"], "--follow has no end")])  # fmt: skip
def test_a_term_that_is_wrong_is_one_line(shelf, arguments, said):
    """What is wrong with a term is said in one line, and nothing is searched."""
    status, output, errors = tracejoin("search", *arguments, **shelf)
    assert (status > 0, output, said in errors.splitlines()[-1]) == (True, "", True), errors
