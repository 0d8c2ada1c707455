"""CSV that a spreadsheet opens: no text of others becomes a formula, whatever separates cells in its country."""

import csv
import io
import json

import pytest

from fuzz.steering import steering
from pipeline.cli.csv_output import csv_lines
from tests.support.hostile import HOSTILE

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", "﹦1", "\r=1", "\n=1", ' "=1', '",=1', ";=1", "ok;=1", "ok; \t+1", 'ok;"=1', "ok\n=1", "ok\r\n-1",
            "ok\t@x", "ok;\u00a0＝1", "ok;;=1", "ok\u2028;=1", '=HYPERLINK("http://evil.example","x")', "ok;=cmd|' /C calc'!A0"]  # fmt: skip


def written(*values):
    """The text of CSV with a row for each value, between two harmless cells."""
    return csv_lines([{"a": "x", "text": value, "b": 1} for value in values], ["a", "text", "b"], header=True).decode()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_no_text_becomes_a_formula(separator, formula):
    """As text, in a list and in an object: no cell begins with what a spreadsheet runs, blanks and quotation marks aside."""
    text = written(formula, [formula], {"key": formula})
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
    assert not [cell for cell in cells if cell.strip().lstrip('" \t\r\n,;')[:1] in set("=+-@＝＋－＠﹦")]


def test_what_is_harmless_stays():
    """Numbers stay numbers, words keep their hyphens, and JSON means the same data."""
    values = ["a-b", "x, -5 degrees", "a = b", "'=1", [";=1", '";@x'], {"a;+1": -5}, -5, 2.5, True, None]
    _, *rows = csv.reader(io.StringIO(written(*values), newline=""))
    found = [row[1] for row in rows]
    assert found[:4] == values[:4]
    assert [json.loads(text) for text in found[4:-1]] == values[4:-1]
    assert found[-3:] == ["2.5", "true", ""]


def test_a_cell_steers_no_terminal():
    """Text is cleaned, JSON is escaped; each is one cell."""
    text = written(HOSTILE, [HOSTILE])
    assert steering(text) == []
    _, *rows = csv.reader(io.StringIO(text, newline=""))
    assert [len(row) for row in rows] == [3, 3]
    assert rows[0][1].endswith("second line")
    assert json.loads(rows[1][1]) == [HOSTILE]
