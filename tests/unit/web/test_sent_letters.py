"""Which portions of dead letters are remembered, and by which key a form names a reason."""

import pytest

from pipeline.web.sent_letters import LetterPortion, SentPortion, SentPortions, reason_key

NOTHING = SentPortion(key="", further=False, at="2026-11-29T10:00:00.000Z", portion=LetterPortion())


def test_the_newest_clicks_are_remembered():
    """A server that runs for long keeps few of them."""
    portions = SentPortions()
    for number in range(25):
        portions.send_once(f"{number}", lambda: NOTHING)
    assert [number for number in range(25) if portions.find(f"{number}")] == list(range(5, 25))


def test_a_failure_is_no_portion():
    """What fails was not sent: the same click may try once more, and nobody waits for ever."""
    portions = SentPortions()
    with pytest.raises(ZeroDivisionError):
        portions.send_once("a", lambda: 1 // 0)
    assert portions.find("a") is None
    portions.send_once("a", lambda: NOTHING)
    assert portions.find("a") is NOTHING


@pytest.mark.parametrize("reason", ["", "a", "\ud800", "\r\n\x00<b>", "ä" * 500])
def test_a_key_is_short_and_goes_by_what_is_shown(reason):
    """Any text has one, which follows from its first 200 characters."""
    assert reason_key(reason) == reason_key(reason[:200])
    assert len(reason_key(reason)) == 16
    assert reason_key(reason) != reason_key("another")
