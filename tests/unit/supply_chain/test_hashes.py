"""Requirements with hashes."""

import pytest

from supply_chain.hashes import pinned, with_hashes

TEXT = """# why
six==1.17.0 \\
    --hash=sha256:old \\
    --hash=sha256:older
Typing_Extensions==4.16.0 --hash=sha256:old
"""


def test_hashes_are_replaced_and_all_else_stays():
    """Comments, order and versions are kept; all hashes are new, one a line, in an order of their own."""
    lines = pinned(TEXT)
    assert lines == ["# why", "six==1.17.0", "Typing_Extensions==4.16.0"]
    text = with_hashes(lines, {"six": {"bb", "aa"}, "typing-extensions": {"cc"}})
    assert text.splitlines() == [
        "# why",
        "six==1.17.0 \\",
        "    --hash=sha256:aa \\",
        "    --hash=sha256:bb",
        "Typing_Extensions==4.16.0 \\",
        "    --hash=sha256:cc",
    ]
    assert pinned(text) == lines


def test_no_requirement_goes_without_a_hash():
    """Else pip would refuse the file only later."""
    with pytest.raises(KeyError):
        with_hashes(["six==1.17.0"], {})
