"""Saving: what a policy for healthy traffic would take of the bill. Pure.

It takes lines and spans from OpenSearch's disk alone: CloudWatch has ingested a line before anybody can judge it, and X-Ray its trace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.cost.bill import Bill
from pipeline.retain.forecast import ServiceForecast

_DISK: Final = "OpenSearch disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What a policy would take of one service.

    Attributes:
        name: of the service.
        lines, spans: how many of them.
        bytes: their length as JSON.
        share: the part of the service's lines and spans that goes, by bytes.
        usd: dollars a month of disk; estimated, since a document's share of the disk is taken to be that of its JSON.
    """

    name: str
    lines: int
    spans: int
    bytes: int
    share: float
    usd: float


def savings(found: Bill, forecasts: Mapping[str, ServiceForecast], unnamed: str) -> list[Saving]:
    """Returns what a policy would take, most dollars first, and services of which nothing goes last.

    Args:
        found: the bill by service.
        forecasts: by service, what is stored of the same period and what of it goes.
        unnamed: how the bill calls a service without a name.
    """
    usd = {row.name: row.usd[_DISK] for row in found.rows}
    made = [
        Saving(name=(row := name or unnamed), lines=each.goes.lines, spans=each.goes.spans, bytes=each.goes.size,
               share=(share := each.goes.size / each.stored.size if each.stored.size else 0.0), usd=usd.get(row, 0.0) * share)
        for name, each in forecasts.items()
    ]  # fmt: skip
    return sorted(made, key=lambda saving: (-saving.usd, -saving.bytes, saving.name))
