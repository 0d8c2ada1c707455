"""The one way to stdout and stderr, and JSON that steers nothing."""

import io
import json
import re
import sys
from contextlib import suppress

import pytest
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fuzz.steering import steering
from pipeline.cli.json_output import json_line
from pipeline.cli.terminal import clean_parts, safe_stream, safe_streams
from pipeline.cli.terminal_text import one_line, terminal_safe
from tests.support.hostile import CONTROLS, HOSTILE


def test_text_shows_what_it_would_have_sent():
    """Each ASCII control has its picture; a tab, a line's end and every other text stay."""
    assert terminal_safe("\x1b[31m\x07\x7f\x9b \u202e\ud800") == "␛[31m␇␡� ��"
    assert terminal_safe("größer 日本語 🙂❤️\tx\r\ny\n") == "größer 日本語 🙂❤️\tx\r\ny\n"
    assert terminal_safe("fine\rEVIL") == "fine␍EVIL"
    assert one_line(f"a\n b{CONTROLS}\u2028c").count("\n") == 0


def test_a_stream_lets_nothing_through():
    """Text and bytes, in the order in which they were written; a second stream before the first changes nothing."""
    behind = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    stream = safe_stream(behind)
    assert safe_stream(stream) is stream
    stream.write("1 \x1b[2J")
    stream.buffer.write(f"2 {HOSTILE}".encode("utf-8", "replace"))
    stream.write("3\n")
    stream.flush()
    shown = behind.buffer.getvalue().decode()
    assert steering(shown) == []
    assert [shown.index(number) for number in ("1 ", "2 ␛", "3\n")] == sorted(shown.index(number) for number in ("1 ", "2 ␛", "3\n"))


def test_streams_are_put_back():
    """Also after an error."""
    before = sys.stdout, sys.stderr
    with suppress(ValueError), safe_streams():
        assert sys.stdout is not before[0]
        raise ValueError
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize("colours", [None, "truecolor"])
def test_a_console_cleans_what_a_table_forgot(colours):
    """Cells, titles and panels that nobody cleaned, and a link in markup; our colours stay."""
    console = Console(file=io.StringIO(), force_terminal=bool(colours), color_system=colours, width=100, legacy_windows=False)
    clean_parts(console)
    table = Table(HOSTILE.replace("[", "("), title=Text(HOSTILE))
    table.add_row(Text(HOSTILE), end_section=True)
    for content in (table, Panel(Text(HOSTILE), title="x"), "[bold red]ours[/] [link=http://evil.example]theirs[/link]", Text(CONTROLS)):
        console.print(content)
    shown = console.file.getvalue()
    assert ("\x1b[1;31mours" in shown) == bool(colours)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert steering(plain) == []


def test_json_escapes_and_means_the_same():
    """Nothing steers, and a reader gets the very text, characters beyond the first plane and halves of pairs included."""
    for content in ({"a": HOSTILE, HOSTILE: [HOSTILE]}, {"a": HOSTILE.replace("\ud800", "").replace("\udfff", "")}, "\U000e0041"):
        text = json_line(content)
        assert steering(text) == []
        assert "\n" not in text
        assert json.loads(text) == content
    assert json_line({"a": "größer 🙂"}) == '{"a":"größer 🙂"}'
