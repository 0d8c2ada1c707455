"""What the address of a transaction's page asks for."""

import pytest

from pipeline.web.transaction_page import Asked


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({}, Asked()),
        (
            {"open": "k", "find": "  two words ", "page": "3", "since": "1.5", "until": "20", "folds": "open"},
            Asked(open="k", find="two words", page=3, since=1.5, until=20, unfolded=True),
        ),
        ({"page": "-1", "since": "nan", "until": "inf", "folds": "x"}, Asked()),
        ({"page": "1" * 500, "since": "1e999", "until": "-4"}, Asked()),
        ({"page": "²", "since": "", "until": "x"}, Asked()),
    ],
)
def test_an_address_is_read(query, asked):
    """What makes no sense counts as not given."""
    assert Asked.of(query) == asked
