"""Whatever is set in a configuration file is read again, and nothing else changes."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.config_edit import with_value, without_value
from pipeline.cli.config_file import parse_config
from pipeline.errors import BadInputError

PATH = Path("/etc/c.toml")
KEYS = st.sampled_from(["endpoint", "prefix", "username", "author", "profile"])
NAMES = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
STEPS = st.lists(st.tuples(KEYS, TEXTS, st.one_of(st.just(""), NAMES)), max_size=8)
COMMENTED = '# first\nprefix = "a"  # beside\n\n[contexts.x]  # a table\n# inside\nregion = "r"\n'


def texts_of(text):
    """Each key of each context with its text."""
    file = parse_config(text, PATH)
    layers = {"": file.top, **file.contexts}
    return {(context, key): value.text for context, values in layers.items() for key, value in values.items()}


@given(STEPS, st.sampled_from(["", COMMENTED]))
def test_what_was_set_is_read(steps, text):
    """Any text, in any order, at the top and in contexts; each line that is told is that of the key."""
    expected = texts_of(text)
    for key, value, context in steps:
        text = with_value(text, key, value, context)
        expected[context, key] = value
    assert texts_of(text) == expected
    file, lines = parse_config(text, PATH), text.split("\n")
    for values in (file.top, *file.contexts.values()):
        for key, value in values.items():
            assert lines[value.line - 1].lstrip().startswith(key)
    for context, key in expected:
        text = without_value(text, key, context)
    assert texts_of(text) == {}


def test_comments_and_order_stay():
    """Only the one line changes."""
    assert with_value(COMMENTED, "region", "s", "x") == COMMENTED.replace('"r"', '"s"')
    assert with_value(COMMENTED, "insecure", True, "y") == f"{COMMENTED}\n[contexts.y]\ninsecure = true\n"
    assert without_value(COMMENTED, "region", "x") == COMMENTED.replace('region = "r"\n', "")


@pytest.mark.parametrize(
    ("text", "key", "context"), [("", "a", ""), ("contexts = 3", "a", "x"), ("[contexts]\nx = 3", "a", "x"), (COMMENTED, "prefix", "x")]
)
def test_what_is_not_set_can_not_be_unset(text, key, context):
    """Said, wherever it is looked for."""
    with pytest.raises(BadInputError, match="is not set"):
        without_value(text, key, context)
