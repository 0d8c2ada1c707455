"""Prices: reads a list of AWS' prices, with its date and region; a user's own file goes over the list of the package."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from pipeline.errors import MisconfiguredError

PriceName = Literal["logs_ingestion", "logs_storage", "xray_recorded", "xray_retrieved", "opensearch_volume", "lambda_compute",
                    "lambda_requests", "sqs_requests", "cloudwatch_metrics", "cloudwatch_alarms"]  # fmt: skip
_Dollars = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One price.

    Attributes:
        usd: US dollars for one unit.
        per: the unit, such as GB or trace; a GB is a thousand million bytes.
        source: the page that it was read on.
        confirmed: whether that is AWS' own page.
        note: what else to know of it.
    """

    usd: _Dollars
    per: str = ""
    source: str = ""
    confirmed: bool = False
    note: str = ""


class PriceFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of prices, which may leave out any of them.

    Attributes:
        date: when they held.
        region: the AWS region that they are of.
        opensearch_nodes: US dollars an hour by type of node.
        bytes_per_event: what CloudWatch Logs counts for each event beside its message.
        compression: the part of the bytes that CloudWatch Logs bills for as stored.
    """

    date: date
    region: str
    prices: Mapping[PriceName, Price] = {}
    opensearch_nodes: Mapping[str, _Dollars] = {}
    bytes_per_event: Annotated[int, msgspec.Meta(ge=0)] | None = None
    compression: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None


class Prices(PriceFile, frozen=True, kw_only=True):
    """Every price; ``borrowed`` names those that a user's file left out, so that they are of the package's list."""

    bytes_per_event: int
    compression: float
    borrowed: tuple[str, ...] = ()

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """The names of the prices whose source is no page of AWS; one without a source is the user's own."""
        return tuple(sorted(name for name, price in self.prices.items() if price.source and not price.confirmed))

    def usd(self, name: PriceName) -> float:
        """US dollars for one unit."""
        return self.prices[name].usd


@lru_cache(maxsize=1)
def list_prices() -> Prices:
    """The package's own list, which has every price."""
    text = files("pipeline.cost").joinpath("list_prices.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), Prices)


def read_prices(path: Path) -> Prices:
    """The prices of a YAML file with `date`, `region` and any of the prices; those that it lacks are the package's.

    Raises MisconfiguredError with one line that names the file and what is wrong in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeError as error:
        raise MisconfiguredError([f"the price file {path} can't be read: it is not UTF-8"]) from error
    except OSError as error:
        raise MisconfiguredError([f"the price file {path} can't be read: {error.strerror}"]) from error
    own, known = _parsed(text, path.name), list_prices()
    return Prices(
        date=own.date,
        region=own.region,
        prices={**known.prices, **own.prices},
        opensearch_nodes={**known.opensearch_nodes, **own.opensearch_nodes},
        bytes_per_event=known.bytes_per_event if own.bytes_per_event is None else own.bytes_per_event,
        compression=known.compression if own.compression is None else own.compression,
        borrowed=tuple(sorted(set(known.prices) - set(own.prices))),
    )


def _parsed(text: str, name: str) -> PriceFile:
    try:
        content: Any = yaml.safe_load(text)
        return msgspec.convert(content, PriceFile)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MisconfiguredError([f"{name}:{line}: this is no YAML: {error.problem or error}"]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # msgspec's errors are ValueErrors that name the place, such as $.prices[...].usd
        expected = "expected date, region and prices as in pipeline/cost/list_prices.yaml"
        raise MisconfiguredError([f"{name}: {str(error).splitlines()[0]}: {expected}"]) from error
