"""What an agent is told: bounded whatever was stored, without secrets and controls, and marked as data."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.agents.answer import LONGEST_TEXT, MOST_BYTES, MOST_BYTES_BESIDE, UNTRUSTED, Answer, answer_text, one_line
from pipeline.model.display_controls import DISPLAY_CONTROLS
from pipeline.redact.redactor import DEFAULT

SECRET = "AKIAIOSFODNN7EXAMPLE"


def read(answer, redact=str):
    """The answer as an agent reads it."""
    return json.loads(answer_text(answer, redact))


def test_the_mark_comes_first_and_rows_are_whole():
    """The mark is the first thing that is read; a small answer is not cut, and what is empty is left out."""
    text = answer_text(
        Answer(rows=[{"a": "x", "b": None, "c": 0, "d": [], "e": False}], total=1, more="?", beside={"none": [], "some": ["y"]}), str
    )
    assert text.startswith('{"note":"' + UNTRUSTED[:20])
    assert json.loads(text) == {"note": UNTRUSTED, "some": ["y"], "total": 1, "rows": [{"a": "x", "c": 0, "e": False}]}


def test_what_is_cut_is_said_with_a_way_to_the_rest():
    """Rows beyond the bytes, and rows that were never given, are counted, and the way to more is named."""
    found = read(Answer(rows=[{"n": n, "text": "x" * 1900} for n in range(100)], total=5000, more="ask again"))
    assert 0 < len(found["rows"]) < 100
    assert found["cut"] == f"only {len(found['rows'])} of 5,000 rows are here: ask again"
    assert [row["n"] for row in found["rows"]] == list(range(len(found["rows"])))


def test_long_texts_say_how_much_is_missing():
    """A text is cut, and what was cut is counted to the character."""
    (row,) = read(Answer(rows=[{"text": "x" * 100_000}], total=1, more=""))["rows"]
    assert row["text"] == "x" * LONGEST_TEXT + "… (98,000 characters more)"


@pytest.mark.parametrize("place", [0, LONGEST_TEXT - len(SECRET) // 2, LONGEST_TEXT])
def test_no_part_of_a_secret_is_left_by_a_cut(place):
    """A secret that an old index holds is masked, wherever the text is cut."""
    text = ("word " * LONGEST_TEXT)[: max(place - 1, 0)] + " " * bool(place) + SECRET + " tail" * 500
    (row,) = read(Answer(rows=[{"deep": [{"text": text}]}], total=1, more=""), DEFAULT.text)["rows"]
    assert "AKIA" not in json.dumps(row)


def test_an_error_is_one_line_without_secrets():
    """Line breaks, controls and secrets in an error's text are gone."""
    assert one_line(f"a\nb\x1b[31m {SECRET}", DEFAULT.text) == "a b␛[31m [redacted]"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50) | st.sampled_from(["\x1b[31m\u202e\ud800", "ü" * 9000, "a" * 20_000]),
    lambda inner: st.lists(inner, max_size=150) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=6),
    max_leaves=60,
)


@given(
    rows=st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=6),
    times=st.integers(1, 40),
    beside=st.lists(VALUES, max_size=40),
)
def test_an_answer_is_bounded_and_clean_whatever_is_stored(rows, times, beside):
    """Any content gives valid JSON within the bytes, without a display control; what is missing is always said."""
    answer = Answer(rows=rows * times, total=len(rows) * times, more="m", beside={"x": beside, "y": beside})
    text = answer_text(answer, str)
    assert len(text.encode()) <= MOST_BYTES + MOST_BYTES_BESIDE + 1000
    assert not DISPLAY_CONTROLS.search(json.dumps(json.loads(text), ensure_ascii=False))
    found = json.loads(text)
    assert ("cut" in found) == (len(found["rows"]) < answer.total)
    for name in ("x", "y"):
        listed = found.get(name, [])
        assert len(listed) == len(beside) or listed[-1].startswith("and ")
