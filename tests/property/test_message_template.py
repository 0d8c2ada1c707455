"""Message templates of any text: bounded, and the same whatever the variables are."""

from hypothesis import given
from hypothesis import strategies as st

from accuracy.grouping.causes import ALL
from accuracy.grouping.variables import filled
from pipeline.detect.message_template import message_template, path_template

ALL_BUT_BARE = [cause for cause in ALL if cause.name not in {"bare name", "expired", "not yet"}]


@given(st.text(max_size=3000))
def test_any_text_has_a_template_of_one_short_line(text):
    """Nothing raises, and nothing is long."""
    for template in (message_template(text), path_template(text)):
        assert len(template) <= 200
    assert len(message_template(text).splitlines()) <= 1


@given(st.randoms(use_true_random=False), st.sampled_from(ALL_BUT_BARE))
def test_two_messages_of_a_cause_read_the_same(rng, cause):
    """Whatever numbers, ids, names and lists stand in it; but a bare name, and an id of letters alone, look like words."""
    assert message_template(filled(cause.message, rng)) == message_template(filled(cause.message, rng))


@given(st.text(alphabet="0123456789abcdef-/'\"` .,:()[]{}*\\", max_size=400))
def test_a_text_of_nothing_but_odd_marks_ends(text):
    """Quotations that nothing ends, rows of stars and brackets: no expression runs away."""
    assert len(message_template(text)) <= 200
