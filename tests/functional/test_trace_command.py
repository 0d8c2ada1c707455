"""`tracejoin trace` and `tracejoin tail`, as a person calls them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.support.command import MAIN, rows, tracejoin
from tests.support.documents import put
from tests.support.waiting import PATIENCE
from tests.support.waterfalls import ONE, stored_bulk, stored_line, stored_span, stored_trace

NOISE = {"logGroup": "API-Gateway-Execution-Logs_abc/prod", "logStream": "s"}


@pytest.fixture
def environment(store, settings):
    """A transaction forty spans deep, with long lines in it and API Gateway's logs around it, and what reaches it."""
    chain = [
        stored_span(f"{depth:016x}", depth, 100, f"{depth - 1:016x}" if depth else "", name=f"span {depth} {'of many ' * 20}")
        for depth in range(40)
    ]
    lines = [stored_line(f"line-{depth}", depth, f"{depth:016x}", body=f"says {depth} {'a lot ' * 30}") for depth in range(40)]
    noise = [stored_line(f"step {number}", number, f"{0:016x}", body=f"(id) step {number}", aws=NOISE) for number in range(5)]
    put(store, *map(stored_bulk, [*chain, *lines, *noise]), stored_trace())
    return {"TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "COLUMNS": "80"}


def test_a_waterfall_fits_into_eighty_columns(environment):
    """No line is wider, names and lines have half of it at least, and API Gateway's lines are one row until --all."""
    status, output, errors = tracejoin("trace", ONE, **environment)
    assert (status, errors) == (0, "")
    lines = output.splitlines()
    assert max(map(cell_len, lines)) <= 80
    names = [line.partition("▸ ")[2].partition("…")[0] for line in lines if "▸ " in line]
    assert len(names) == 40
    assert min(map(len, names)) >= 39, "and the mark of the cut"
    assert "+ 5 lines of API Gateway's logs" in output
    assert "--all shows each" in output
    assert "step 3" not in output
    _, everything, _ = tracejoin("trace", ONE, "--all", **environment)
    assert ("step 3" in everything, "--all shows each" in everything) == (True, False)


def test_json_is_every_document_as_it_is_stored(environment, tmp_path):
    """Folded or not; a file can be written beside it."""
    page = tmp_path / "page.html"
    status, output, _ = tracejoin("trace", ONE, "--json", "--html", page, **environment)
    assert (status, len(rows(output))) == (0, 85)
    assert {"_index", "_id", "@timestamp", "doc"} <= rows(output)[0].keys()
    assert "span 39 of many" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("place", ["missing/x.html", "page.html/x.html", "n" * 256, ""])
def test_a_page_that_cannot_be_written_is_one_sentence(environment, tmp_path, place):
    """The waterfall is printed all the same, and nothing is left behind."""
    (tmp_path / "page.html").touch()
    status, output, errors = tracejoin("trace", ONE, "--html", tmp_path / place if place else "", **environment)
    assert (status, "Traceback" in errors, [path.name for path in tmp_path.iterdir()]) == (2, False, ["page.html"])
    assert "span 39 of many" in output or not place


def test_tail_is_search_that_follows(environment):
    """It prints what is there, waits, and ends with Ctrl-C; it takes search's options but --until."""
    with subprocess.Popen(
        [*MAIN, "tail", "--json", "--limit", "2", "--kind", "log"], stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        shown = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE)
    assert ([row["_id"] for row in rows("".join(shown))], rest, process.returncode) == (["line-38", "line-39"], "", 0)
    assert tracejoin("tail", "--until", "1h", **environment)[0] == 2


@pytest.mark.parametrize(
    ("words", "completed"), [("tracejoin tr", "trace"), ("tracejoin trace --ht", "--html"), ("tracejoin tail --le", "--level")]
)
def test_the_shell_completes(words, completed):
    """Commands, and the options of each."""
    # as its name is part of the variable's
    installed = Path(sys.executable).with_name("tracejoin")
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1), "_TRACEJOIN_COMPLETE": "bash_complete"}
    done = subprocess.run([installed], env=os.environ | asked, capture_output=True, text=True, check=True)
    assert f"plain,{completed}" in done.stdout.splitlines()
