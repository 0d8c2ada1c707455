"""Long ids are cut in their middle, and nothing else is."""

import pytest

from pipeline.model.short_ids import middle, with_short_ids


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("START RequestId: 5ec3937c-9a81-4e22-ae1b-a3f7b867c658 Version: $LATEST", "START RequestId: 5ec393…67c658 Version: $LATEST"),
        ("1-5759e988-bd862e3fe1be46a994272793", "1-5759…272793"),
        ("trace 5759e988bd862e3fe1be46a994272793.", "trace 5759e9…272793."),
        ("span 0285bf1261be05ff", "span 0285bf…be05ff"),
        ("order 1234567 costs 99", "order 1234567 costs 99"),
        ("deadbeefdeadbeef is a word, not a number", "deadbeefdeadbeef is a word, not a number"),
        ("x5ec3937c-9a81-4e22-ae1b-a3f7b867c658", "x5ec3937c-9a81-4e22-ae1b-a3f7b867c658"),
        ("", ""),
    ],
)
def test_ids_in_a_text(text, short):
    """Trace ids, UUIDs and span ids keep both ends; numbers and words stay."""
    assert with_short_ids(text) == short


def test_the_middle_is_cut():
    """As many characters stay as are asked for, the mark included."""
    assert middle("abcdefghij", 5) == "ab…ij"
    assert middle("abcdefghij", 10) == "abcdefghij"
