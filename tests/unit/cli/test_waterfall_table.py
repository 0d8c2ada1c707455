"""The waterfall of the terminal: names and lines have half of the width, however deep and long they are."""

import pytest
from rich.cells import cell_len

from pipeline.cli.waterfall_table import waterfall_table
from pipeline.search.waterfall import rows
from pipeline.search.waterfall_items import item_of
from tests.support.waterfalls import stored_line, stored_span


def lines_of(documents, width):
    """The lines of the waterfall without its header."""
    return [line.plain for line in waterfall_table(rows([item_of(document) for document in documents]), width)][1:]


@pytest.mark.parametrize("width", [80, 100, 160, 300])
def test_names_have_half_of_the_width(width):
    """Of a name without an end each row shows half of the width at least; no line is wider than the terminal."""
    name = "abcdefghi " * 60
    documents = [stored_span(str(depth), depth, 100, str(depth - 1) if depth else "", name=name, serviceName="a-service-with-a-long-name" * 3)
                 for depth in range(60)]  # fmt: skip
    shown = lines_of(documents, width)
    assert max(map(cell_len, shown)) <= width
    for line in shown:
        text = line.partition("▸ ")[2].partition("…")[0]
        assert len(text) + 1 >= width / 2
        assert name.startswith(text)


def test_what_is_not_cut_stands_last():
    """Without a width each row has its whole text, ids included, and the bars before it are below each other."""
    body = f"START RequestId: 5ec3937c-9a81-4e22-ae1b-a3f7b867c658 {'x' * 300}"
    shown = lines_of([stored_span("a", 0, 100, name="first"), stored_line("l", 0, "a", body=body)], None)
    assert [line.rstrip().endswith(text) for line, text in zip(shown, ("▸ first", body), strict=True)] == [True, True]
    assert len({line.index(mark) for line, mark in zip(shown, ("━", "·"), strict=True)}) == 1


def test_a_deep_row_begins_with_its_depth():
    """Where there is no room to draw how deep it is."""
    shown = lines_of(
        [stored_span(str(depth), depth, 100, str(depth - 1) if depth else "", name=f"span {depth}") for depth in range(40)], 80
    )
    assert " 39 ▸ span 39" in shown[39]
    assert " 3 ▸" not in shown[3]


def test_long_ids_are_cut_in_the_middle_where_there_is_no_room():
    """Both ends stay; where the line has room, the id is whole."""
    body = f"START RequestId: 5ec3937c-9a81-4e22-ae1b-a3f7b867c658 {'x' * 20}"
    narrow, wide = (lines_of([stored_line("l", body=body)], width)[1] for width in (80, 160))
    assert "5ec393…67c658 xxxx" in narrow
    assert body in wide


def test_wide_letters_keep_the_columns():
    """Two columns for each Chinese letter: no line is too wide, and bars begin below each other."""
    documents = [
        stored_span("a", 0, 100, name="注文サービス" * 20),
        stored_line("l", 0, "a", body="決済が失敗しました" * 20),
        stored_line("m", 0, "a", body="plain"),
    ]
    shown = lines_of(documents, 80)
    assert max(map(cell_len, shown)) <= 80
    assert len({cell_len(line[: max(line.rfind("·"), line.find("━"))]) for line in shown}) == 1


def test_bars_tell_of_what_they_are():
    """A span, an open one, a line, a gap and what has no time."""
    undated = stored_span("undated", parent="root")
    del undated["@timestamp"]
    root, opened, gap, inside, line, last = lines_of(
        [
            stored_span("root", 0, 80),
            stored_span("open", 40, None, "root"),
            stored_line("says", 79, "root"),
            stored_span("x", 79, 80, "gone"),
            undated,
        ],
        80,
    )
    assert root.endswith("━" * 10)
    assert opened.endswith("  ┄┄┄┄┄")
    assert line.endswith(" ·")
    assert gap.endswith(" ╌")
    assert inside.endswith(" ━")
    assert last.rstrip().endswith("undated")
