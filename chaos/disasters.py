"""Disasters: says what fails when: services away, OpenSearch stopped, killed, blocked or slow, leaps of the clock. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

DisasterKind = Literal["OpenSearch stopped", "OpenSearch killed", "X-Ray away", "X-Ray denied", "SNS away", "SQS away", "flood stage",
                       "write block", "index closed", "OpenSearch slow", "clock leaps", "disk full"]  # fmt: skip
FLAGS: Final[dict[DisasterKind, tuple[str, float]]] = {
    "X-Ray away": ("xray_away", 1),
    "X-Ray denied": ("xray_denied", 1),
    "SNS away": ("sns_away", 1),
    "SQS away": ("sqs_away", 1),
    "OpenSearch slow": ("slowness", 0.4),
}
"""The condition that each of these sets while it lasts, and its value."""
LEAP: Final = 20.0
"""Seconds by which the clock leaps: rarely enough that no trace is given up before everything is delivered."""
_SECONDS: Final[dict[DisasterKind, tuple[float, float]]] = {
    "OpenSearch stopped": (1, 4), "OpenSearch killed": (0, 0), "X-Ray away": (3, 8), "X-Ray denied": (2, 5), "SNS away": (3, 8),
    "SQS away": (1, 3), "flood stage": (1, 3), "write block": (1, 3), "index closed": (1, 3), "OpenSearch slow": (2, 6),
    "clock leaps": (0, 0), "disk full": (25, 40),
}  # fmt: skip
ALL: Final[tuple[DisasterKind, ...]] = tuple(kind for kind in _SECONDS if kind != "disk full")
"""All that take seconds; a full disk shows to OpenSearch after ten, so it comes by hand alone."""
NEED_A_PROCESS: Final[frozenset[DisasterKind]] = frozenset({"OpenSearch stopped", "OpenSearch killed"})


@dataclass(frozen=True, slots=True)
class Disaster:
    """One disaster: it begins when the share ``at`` of the events has arrived, and lasts some seconds."""

    at: float
    kind: DisasterKind
    seconds: float


def disasters_of(seed: int, kinds: Sequence[DisasterKind] = ALL, *, times: int = 1) -> list[Disaster]:
    """Each kind so many times, in the order in which they begin; one after the other begins, many overlap."""
    rng = random.Random(f"disasters {seed}")
    return sorted((Disaster(rng.uniform(0.05, 0.95), kind, rng.uniform(*_SECONDS[kind])) for kind in kinds for _ in range(times)),
                  key=lambda disaster: disaster.at)  # fmt: skip
