"""What a mistyped name may have meant."""

import pytest

from pipeline.model.close_names import did_you_mean


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("serach", "did you mean search?"),
        ("ORDERS", "did you mean orders?"),
        ("payment", "did you mean payments?"),
        ("Ordres", "did you mean orders?"),
        ("nothing-alike", ""),
        ("", ""),
    ],
)
def test_what_is_like_it(name, expected):
    """A swap of letters and another case find the name; what is like none finds nothing."""
    assert did_you_mean(name, ["search", "orders", "payments"]) == expected


def test_several_are_named():
    """Up to three, the likest first."""
    assert did_you_mean("order", ["orders", "ordered", "border", "older"]) == "did you mean orders or border or ordered?"
