"""The file with the progress of a backfill."""

import itertools

import pytest

from pipeline.backfill.portion import BEGINNING
from pipeline.backfill.saved_progress import SavedProgress, progress_path


def test_a_later_run_goes_on_with_the_same_times(tmp_path):
    """Positions and times are those of the first run, whatever the second one was told; done is done."""
    path = progress_path(tmp_path, "logs", "since 1d")
    saved = SavedProgress(path, since=1, until=9)
    assert (saved.resumed, saved.position("a")) == (False, BEGINNING)
    saved.reached("a", 5)
    saved.done("b")
    saved.save()
    again = SavedProgress(path, since=100, until=200)
    assert (again.resumed, again.since, again.until, again.position("a"), again.position("b")) == (True, 1, 9, 5, None)
    assert again.position("c") == BEGINNING
    again.forget()
    assert not SavedProgress(path, since=1, until=9).resumed
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"since": "x", "until": 1}', b"\xff\xfe", b"[]"])
def test_a_damaged_file_means_to_begin_anew(tmp_path, content):
    """Nothing is lost by that: what is shipped again is a duplicate."""
    path = tmp_path / "progress.json"
    path.write_bytes(content)
    saved = SavedProgress(path, since=1, until=9)
    assert (saved.resumed, saved.position("a")) == (False, BEGINNING)


def test_a_slow_disk_is_not_written_all_the_time(tmp_path):
    """Saving takes a twentieth of the time at most; at the end everything is saved."""
    ticks = itertools.count()
    path = tmp_path / "progress.json"
    saved = SavedProgress(path, since=1, until=9, clock=lambda: next(ticks))
    for position in range(10):
        saved.reached("a", position)
    assert SavedProgress(path, since=0, until=0).position("a") == 0
    saved.save()
    assert SavedProgress(path, since=0, until=0).position("a") == 9


def test_each_command_has_a_file_of_its_own(tmp_path):
    """Neither other words nor other borders between words lead to the same file."""
    assert len({progress_path(tmp_path, *words) for words in (("a", "bc"), ("ab", "c"), ("a", "b"), ("abc",))}) == 4
