"""Faults: picks which request meets which fault, by the request's kind and a seed. Pure."""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

Kind = Literal["bulk", "mget", "search", "refresh", "other"]
Fault = Literal["reset", "429", "503", "page", "answer lost", "half answer", "cut body", "length too long", "length too short", "late 503",
                "late page", "slow", "items 429"]  # fmt: skip

KINDS: Final[tuple[Kind, ...]] = ("bulk", "mget", "search", "refresh", "other")
BEFORE: Final[tuple[Fault, ...]] = ("reset", "429", "503", "page")
"""Faults of requests that OpenSearch never sees."""
AFTER: Final[tuple[Fault, ...]] = (
    "answer lost",
    "half answer",
    "cut body",
    "length too long",
    "length too short",
    "late 503",
    "late page",
    "slow",
)
"""Faults of the answers to requests that OpenSearch has carried out."""
ALL: Final[tuple[Fault, ...]] = (*BEFORE, *AFTER, "items 429")

_PATHS: Final[Mapping[str, Kind]] = {"_bulk": "bulk", "_mget": "mget", "_search": "search", "_refresh": "refresh"}
_LAST_PART: Final = re.compile(r"/(_\w+)/?(?:\?|$)")


def kind_of(target: str) -> Kind:
    """The kind of a request by its target, which is a path and perhaps a query."""
    found = _LAST_PART.search(target)
    return _PATHS.get(found[1], "other") if found else "other"


class FaultPlan:
    """Gives the n-th request of each kind its fault: the same one for the same seed, whatever other kinds do meanwhile.

    Args:
        seed: of the plan.
        share: how many of the requests meet a fault, 0 to 1.
        faults: to choose from.
    """

    def __init__(self, seed: int, share: float, faults: Sequence[Fault] = ALL) -> None:
        self._share = share
        self._rngs = {kind: random.Random(f"faults {seed} {kind}") for kind in KINDS}
        self._faults = {kind: [fault for fault in faults if kind == "bulk" or fault != "items 429"] for kind in KINDS}

    def next(self, kind: Kind) -> Fault | None:
        """The fault of the next request of this kind; None for none."""
        rng = self._rngs[kind]
        met, fault = rng.random() < self._share, rng.choice(self._faults[kind])
        return fault if met else None
