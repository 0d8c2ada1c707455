"""The list of prices, and a user's own over it."""

from typing import get_args

import pytest

from pipeline.cost.prices import PriceName, list_prices, read_prices
from pipeline.errors import MisconfiguredError

OWN = "date: 2026-01-01\nregion: eu-west-1\n"


def test_the_list_has_every_price_with_its_source():
    """No price is missing, each has a unit and a page, and what is no page of AWS is not called confirmed."""
    prices = list_prices()
    assert set(prices.prices) == set(get_args(PriceName))
    for name, price in prices.prices.items():
        assert price.usd > 0, name
        assert price.per, name
        assert price.source.startswith("https://"), name
        assert not price.confirmed or "aws.amazon.com" in price.source, name
    # the default of the template
    assert prices.opensearch_nodes["t3.small.search"] * 730 == pytest.approx(26.28)
    assert prices.bytes_per_event == 26
    assert prices.compression == 0.15


def test_an_own_file_goes_over_the_list(tmp_path):
    """What it names counts, the rest is the package's and named as borrowed."""
    path = tmp_path / "prices.yaml"
    path.write_text(OWN + "prices: {logs_ingestion: {usd: 0.57}}\nopensearch_nodes: {r7g.large.search: 0.2}\ncompression: 1\n")
    found, known = read_prices(path), list_prices()
    assert (found.usd("logs_ingestion"), found.region, found.compression) == (0.57, "eu-west-1", 1)
    assert found.usd("xray_recorded") == known.usd("xray_recorded")
    assert set(found.opensearch_nodes) == {*known.opensearch_nodes, "r7g.large.search"}
    assert set(found.borrowed) == set(known.prices) - {"logs_ingestion"}
    assert set(known.unconfirmed) == set(known.prices) - {"xray_recorded", "xray_retrieved"}
    assert set(found.unconfirmed) == set(known.unconfirmed) - {"logs_ingestion"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a: [", r"prices.yaml:\d+: this is no YAML"),
        ("- 1", "expected date, region and prices"),
        ("", "expected date, region and prices"),
        (OWN + "prices: {xray: {usd: 1}}", "'xray'"),
        (OWN + "prices: {sqs_requests: {usd: -1}}", r"usd"),
        (OWN + "prices: {sqs_requests: {usd: .inf}}", r"usd"),
        (OWN + "prices: {sqs_requests: {usd: .nan}}", r"usd"),
        (OWN + "prices: {sqs_requests: {usd: cheap}}", r"usd"),
        (OWN + "price: {}", "price"),
        (OWN + "borrowed: [a]", "borrowed"),
        ("region: eu-west-1", "date"),
        ("date: 2026-13-01\nregion: x", "month"),
        (OWN + "compression: 2", "compression"),
        ("[" * 5000, "prices.yaml"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path, text, named):
    """One line says which file and which place in it; nothing is guessed."""
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(MisconfiguredError, match=named) as error:
        read_prices(path)
    assert "\n" not in str(error.value)
    assert "prices.yaml" in str(error.value)


def test_a_file_that_cannot_be_read(tmp_path):
    """A file that is not there, and one that is no text."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("absent", "binary"):
        with pytest.raises(MisconfiguredError, match=f"{name} can't be read"):
            read_prices(tmp_path / name)
