"""Sizes: the whole function `ship` with its requests, beside the floor, for batches of several sizes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.batches import subscription_event
from bench.floor import floor
from bench.join.functions import Functions
from bench.join.meters import Cost, counted_requests, measured_own

SIZES: Final = (50, 500, 5000)
_EVENTS_A_ROUND: Final = 2000
_AGO_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class SizeCost:
    """What a log event costs in batches of one size.

    Attributes:
        ship: CPU seconds of the whole function.
        floor: CPU seconds of the floor.
        requests: to OpenSearch, a batch.
    """

    ship: float
    floor: float
    requests: float


def measure_size(size: int, functions: Functions, endpoint: str, *, rounds: int) -> SizeCost:
    """Measures batches of ``size`` events against the OpenSearch at ``endpoint``, best of some rounds, in which none comes twice."""
    began = int(time.time() * 1000) - _AGO_MS
    batches = max(_EVENTS_A_ROUND // size, 1)
    events = size * batches
    cost = Cost()
    ours: list[float] = []
    least: list[float] = []
    for number in range(rounds + 1):
        made = [subscription_event(size, _seed(size, number * batches + each), began) for each in range(batches)]
        with counted_requests(endpoint, cost):
            ours.append(measured_own(lambda: _ship_all(functions, made)))  # noqa: B023
        least.append(measured_own(lambda: [floor(event) for event in made]))  # noqa: B023
        functions.waiting.clear()
    # the first round warms up; what disturbs a round only ever adds to it
    return SizeCost(min(ours[1:]) / events, min(least[1:]) / events, cost.requests.total() / (batches * (rounds + 1)))


def _ship_all(functions: Functions, events: list[dict[str, Any]]) -> None:
    for event in events:
        ledger: Mapping[str, int] = functions.ship(event)
        if ledger["indexed"] != ledger["received"]:
            raise RuntimeError(f"not every log event was new: {ledger}")


def _seed(size: int, number: int) -> int:
    return size * 100_000 + number
