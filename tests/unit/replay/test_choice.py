"""Which parked events and dead letters are wanted."""

import pytest

from pipeline.replay.choice import Choice, alike


@pytest.mark.parametrize(("reason", "others"), [
    ("2 of 7 could not be written: 429", ["9 of 70 could not be written: 503"]), ("id 52fdfc0721", ["id 0b7e3a51"]), ("not base64", []), ("", [])])  # fmt: skip
def test_reasons_that_differ_in_numbers_and_ids_are_alike(reason, others):
    """Words that hold a digit are words."""
    assert {alike(each) for each in (reason, *others)} == {alike(reason)}
    assert ("base64" in alike(reason)) == ("base64" in reason)


@pytest.mark.parametrize("wanted", ["", "could NOT", "2 of 7", "… of …: cluster_block"])
def test_a_part_of_the_reason_is_enough_as_it_is_or_as_the_list_shows_it(wanted):
    """In upper or lower case."""
    assert Choice(reason=wanted).wants("2 of 7: cluster_block, could not be written")
    assert not Choice(reason="other").wants("2 of 7: cluster_block")


def test_ids_with_a_slash_are_keys():
    """All others are ids of letters."""
    choice = Choice(ids=frozenset(["b/c", "a/b", "x"]))
    assert (choice.keys, choice.letters) == (["a/b", "b/c"], ["x"])
