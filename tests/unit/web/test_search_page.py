"""What the templates of the search print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.overview import Bar, Overview
from pipeline.search.question import parse_question
from pipeline.web.search_page import chips, counted, hit_row, presets

MARKS = ("\ue000a\ue001", "\ue000a\ue002")


def row(body, **more):
    """A line's row, with OpenSearch's marks in its text."""
    hit = {
        "_id": "l",
        "_index": "i",
        "_source": {"doc": {"kind": "log"}, "body": body},
        "highlight": {"body": [body]} if MARKS[0] in body else {},
    }
    hit["_source"] |= more
    return hit_row(hit, MARKS, lambda key: f"/search?open={key}")


def test_a_row_is_cut_where_it_matched():
    """A long text begins shortly before its first match, and ends after some hundred characters; line breaks become spaces."""
    found = row(f"{'x' * 5000}\n{MARKS[0]}needle{MARKS[1]} {'y' * 5000}").parts
    assert [matched for _, matched in found] == [False, True, False, False]
    assert (found[1][0], found[0][0][0], sum(len(text) for text, _ in found) < 500) == ("needle", "…", True)
    assert row("x" * 5000).parts[-1] == ("…", False)


@given(st.text(), st.dictionaries(st.sampled_from(["serviceName", "traceId", "@timestamp"]), st.text()))
def test_any_line_is_a_row(body, fields):
    """Whatever a document holds; what is no time is shown as it is."""
    found = row(body, **fields)
    assert "".join(text for text, _ in found.parts).removesuffix("…") in " ".join(body.split())


@pytest.mark.parametrize(("severity", "code", "mark"), [(17, 0, "fail"), (13, 0, "warn"), (9, 0, ""), (None, 2, "fail")])
def test_what_failed_is_marked(severity, code, mark):
    """By the level of a line, or the status of a span."""
    assert row("x", severity={"number": severity}, status={"code": code}).mark == mark


def test_times_are_chosen_and_left():
    """The choice shows what is asked for; a time of one's own is none of them, and each leads away from it."""
    assert [name for name, _, chosen in presets(parse_question("x since:1h")) if chosen] == ["1 h"]
    assert [name for name, _, chosen in presets(parse_question("x")) if chosen] == ["all"]
    asked = presets(parse_question("since:2026-11-24 until:2026-11-25 x"))
    assert not any(chosen for _, _, chosen in asked)
    assert [address for _, address, _ in asked][::4] == ["/search?q=x+since%3A15m", "/search?q=x"]


def test_a_chip_takes_its_term_away():
    """And no other."""
    assert chips(parse_question('service:"a b" -x x')) == [('service:"a b"', "/search?q=-x+x"), ("-x", "/search?q=service%3A%22a+b%22+x"),
                                                           ("x", "/search?q=service%3A%22a+b%22+-x")]  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=90).filter(
        lambda bars: any(count for count, _ in bars)
    )
)
def test_bars_stay_in_their_picture(numbers):
    """However large the numbers are, nothing is drawn outside, and each piece of time with a hit has a bar that can be seen."""
    bars = [Bar(at * 10, count, min(failed, count)) for at, (count, failed) in enumerate(numbers)]
    picture = counted(parse_question("x"), Overview(total=1, step=10, bars=bars, facets={})).histogram
    assert len(picture.bars) == sum(bar.count > 0 for bar in bars)
    for bar in picture.bars:
        assert 0 <= bar.x < bar.x + bar.width <= 1000.1
        assert 0 <= bar.failed <= bar.height <= 56
        assert bar.height >= 1.5
    assert (picture.first, picture.last) == (0, len(bars) * 10)
