"""What every command gets."""

from pathlib import Path

from pipeline.cli.context import state_folder


def test_the_state_folder_follows_the_xdg_specification(monkeypatch, tmp_path):
    """XDG_STATE_HOME counts if it is absolute; else the folder below the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for given, expected in (
        (str(tmp_path / "x"), tmp_path / "x"),
        ("relative", tmp_path / ".local/state"),
        ("", tmp_path / ".local/state"),
    ):
        monkeypatch.setenv("XDG_STATE_HOME", given)
        assert state_folder() == Path(expected) / "tracejoin"
