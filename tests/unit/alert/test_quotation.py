"""Text of others in a message: it links, formats, mentions and steers nothing, and nobody can end its quotation."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.steering import steering
from pipeline.alert.quotation import neutral, one_line, quoted
from tests.support.hostile import HOSTILE

LONG = 2000


@pytest.mark.parametrize(
    ("text", "shown"),
    [("http://evil.example", "hxxp://evil[.]example"), ("HTTPS://Evil.Example/x?y=1", "hxxps://Evil[.]Example/x?y=1"),
     ("see evil.example/x, www.evil.com.", "see evil[.]example/x, www[.]evil[.]com."), ("ftp://x", "ftp[:]//x"), ("slack://x", "slack[:]//x"),
     ("mailto:a@evil.com", "mailto[:]a[@]evil[.]com"), ("10.0.0.1:8080/x", "10[.]0[.]0[.]1:8080/x"), ("1.2.3.4.5", "1[.]2[.]3[.]4[.]5"),
     ("version 1.2, 3.00 s", "version 1.2, 3.00 s"), ("javascript:alert(1)", "javascript[:]alert(1)"), (r"\\evil\share", r"[\\]evil\share"),
     ("ｈｔｔｐ：／／ｅｖｉｌ．ｃｏｍ", "hxxp://evil[.]com"), ("evil。com evil․com", "evil[.]com evil[.]com"), ("evil.рф", "evil[.]рф"),
     ("<!channel> <@U1> <http://x|y>", "＜!channel＞ ＜[@]U1＞ ＜hxxp://x|y＞"), ("@here @everyone ＠channel", "[@]here [@]everyone [@]channel"),
     ("*b* _i_ ~s~ `c` __init__", "∗b∗ ＿i＿ ∼s∼ 'c' ＿＿init＿＿"), ("order_id", "order_id"), ("&lt;!here&gt; &#60;", "＆lt;!here＆gt; ＆#60;"),
     ("[x](http://y) [x][y] x]@y", "[x] (hxxp://y) [x] [y] x] [@]y"), ("[ERROR] ValueError: no stock", "[ERROR] ValueError: no stock"),
     ("> quote\n# title\r\n- item", "＞ quote # title - item"), ("a\u202eb\x1b[31mc\u200bd\x00", "a b [31mc d")],
)  # fmt: skip
def test_nothing_acts(text, shown):
    """Links, bare domains, addresses, mentions, markup, controls: what is shown instead."""
    assert neutral(text, LONG) == shown


def test_a_quotation_cannot_be_closed():
    """Quotation marks inside become plain ones; a quotation that is cut is closed still; there is none of nothing."""
    assert quoted("no” tracejoin says “yes", LONG) == '“no" tracejoin says "yes”'
    assert quoted("x" * 500, 100) == f"“{'x' * 97}…”"
    assert quoted("\u202e \n", LONG) == ""


def test_a_name_keeps_its_letters():
    """An attribute that subscribers filter by is cleaned, and not changed otherwise."""
    assert one_line("api.example.com\n\u202e*x*") == "api.example.com *x*"


@given(
    st.text(st.one_of(st.sampled_from("hHtTpPsS:/.@<>&*_~`[]()|“”\\ \n\r\x1b\u202e。．evilcom0123456789"), st.characters()), max_size=80)
)
def test_whatever_is_written(text):
    """No link, domain, address or mention in any client's grammar, no markup, one line, bounded."""
    shown = quoted(text, 100)
    assert len(shown) <= 100
    assert steering(shown) == []
    assert not re.search(r"https?:|(?<!hxxp)(?<!hxxps)://|\.[^\W\d_]|@(?!\])|[<>&*~`\n]|\]\(|\]\[|\d+\.\d+\.\d+\.\d+", shown, re.IGNORECASE)
    assert not re.search("[“”]", shown[1:-1])


def test_hostile_text():
    """All of it at once."""
    assert steering(quoted(HOSTILE, LONG)) == []
