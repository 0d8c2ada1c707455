"""What a progress bar says."""

from pipeline.cli.progress_bar import progress_bar, progress_words


def test_it_says_how_far_how_fast_and_how_long():
    """Half is done in a minute; what an earlier run did says nothing of the speed."""
    assert progress_words(0.5, 0.5, 1200, 60, "events") == "50%  1,200 events  20 events/s  1 min left"
    assert progress_words(0.9, 0.1, 10, 7200, "events") == "90%  10 events  0 events/s  2 h left"
    assert progress_words(0.9, 0.0, 0, 0, "events") == "90%  0 events"


def test_without_a_terminal_it_is_a_line_now_and_then(capsys):
    """One line each ten seconds on stderr, and nothing on stdout."""
    now = [0.0]
    with progress_bar("events", clock=lambda: now[0]) as update:
        for second in range(0, 25, 5):
            now[0] = float(second)
            update(second / 20, second)
    output = capsys.readouterr()
    assert (output.out, output.err.splitlines()) == (
        "",
        ["tracejoin: 50% 10 events 1 events/s 10 s left", "tracejoin: 100% 20 events 1 events/s 0 s left"],
    )
