"""The geometry of a waterfall's rows, and their JSON in a page."""

import json

import pytest

from pipeline.search.waterfall import Row, rows
from pipeline.search.waterfall_items import item_of
from pipeline.web.waterfall_rows import Window, drawn_rows, rows_json
from tests.support.hostile import HALF, HOSTILE
from tests.support.waterfalls import stored_line, stored_span


def row(**values):
    """A row of a span from 20 to 60 milliseconds."""
    return Row(**{"key": "k", "kind": "span", "offset": 20, "duration": 40, "depth": 0} | values)


@pytest.mark.parametrize(
    ("since", "until", "bar"),
    [
        (0, 100, (20, 40)),
        (20, 60, (0, 100)),
        (40, 50, (0, 100)),
        (0, 40, (50, 50)),
        (50, 100, (0, 20)),
        (61, 100, (None, 0)),
        (0, 19, (None, 0)),
    ],
)
def test_a_bar_lies_in_its_window(since, until, bar):
    """In percent of the width; what sticks out is cut off, and what is outside has no bar."""
    (drawn,) = drawn_rows([(0, row())], Window(since=since, until=until))
    assert (drawn.start, drawn.width) == bar


def test_bars_of_lines_and_open_spans():
    """A moment has no width, an open span reaches to the end, and what has no time has no bar."""
    window = Window(since=0, until=100)
    drawn = drawn_rows(list(enumerate([row(duration=0), row(duration=None), row(offset=None)])), window)
    assert [(each.start, each.width) for each in drawn] == [(20, 0), (20, 80), (None, 0)]
    assert drawn[1].css == "w-span open-end"


def test_what_is_inside_a_fold_is_known():
    """So that it can be left out on paper."""
    found = [row(kind="fold", size=2), row(kind="log", depth=1), row(kind="log", depth=1), row(kind="log")]
    assert [each.folded for each in drawn_rows(list(enumerate(found)), Window(since=0, until=100))] == [False, True, True, False]


def test_json_stands_in_a_script_element():
    """No text can end the element, whatever was logged; the data is the same but for what steers a reader's eye."""
    bodies = ["</script><script>alert(1)</script>", "<!--<script>", HOSTILE, HALF, "a & b \u2028"]
    documents = [
        stored_span("root", name="</SCRIPT>"),
        *(stored_line(f"{place}", place, "root", body=body) for place, body in enumerate(bodies)),
    ]
    text = str(rows_json(rows([item_of(document) for document in documents]), 10.0))
    assert not set("<>&\u2028\u2029\u202e\x1b") & set(text)
    read = json.loads(text)
    assert [each[7] for each in read["rows"]][:2] == ["</SCRIPT>", "</script><script>alert(1)</script>"]
    assert read["services"] == ["orders"]
    assert read["rows"][0][:6] == [documents[0]["_id"], 0, 0, 5, 0, 10]


def test_marks_tell_of_failures():
    """1 failed, 2 on the way, 4 cut."""
    packed = json.loads(str(rows_json([row(failed=True, on_way=True), row(is_cut=True)], 1)))["rows"]
    assert [each[10] for each in packed] == [3, 4]
