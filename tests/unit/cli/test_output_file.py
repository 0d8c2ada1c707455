"""The file that a person names, whole or not at all, whatever stands at its place."""

import os
import threading

import click
import pytest

from pipeline.cli.output_file import write_whole


def test_a_file_is_written_whole(tmp_path):
    """Its content is all texts; half characters don't stop it; nothing else is left in the folder."""
    path = tmp_path / ("n" * 255)
    write_whole(iter(["a\n", "b\ud800\n"]), path)
    assert path.read_text(encoding="utf-8") == "a\nb?\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path):
    """Where the texts end amid, the older file is as it was; else it is replaced, and who may read it stays the same."""
    path = tmp_path / "incident"
    path.write_text("old")
    path.chmod(0o600)

    def texts():
        yield "half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(texts(), path)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])
    write_whole(["new"], path)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_link_stays_a_link(tmp_path):
    """What it points to gets the new content."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(["new"], link)
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    """A pipe, like a device such as /dev/null, is the same thing afterwards."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_whole(["a", "b"], pipe)
    reader.join()
    assert (read, pipe.is_fifo(), list(tmp_path.iterdir())) == (["ab"], True, [pipe])


@pytest.mark.parametrize(("place", "why"), [("missing/x", "No such file"), ("file/x", "Not a directory"), ("", "Is a directory"),
                                            ("n" * 256, "File name too long")])  # fmt: skip
def test_a_bad_place_is_one_sentence(tmp_path, place, why):
    """A folder that is missing or none, no name, a name that is too long: one sentence, and nothing is left behind."""
    (tmp_path / "file").write_text("old")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(click.UsageError, match=why):
        write_whole(["x"], tmp_path / place)
    assert sorted(tmp_path.iterdir()) == before
