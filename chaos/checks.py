"""Checks: the promises beside equal documents: nothing pending, every ledger adds up, each alert told once, none lost."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.store.client import Store

Alert = tuple[str, str]
"""The id of a trace, and a rule."""
Telling = tuple[str, str, str]
"""An alert and its group: one that was told of a service which the trace does not show is told again of one that it shows."""


@dataclass(slots=True)
class Told:
    """Which alerts SNS took.

    Attributes:
        times: how often each was told.
        excused: how often each was told in an invocation that ended before it could mark it as sent: it may be told once more.
    """

    times: Counter[Telling] = field(default_factory=Counter)
    excused: Counter[Telling] = field(default_factory=Counter)

    @property
    def alerts(self) -> set[Alert]:
        """All that were told."""
        return {(trace, rule) for trace, rule, _ in self.times}

    @property
    def twice(self) -> dict[Telling, int]:
        """Alerts that were told again without such an excuse, with the number of times."""
        return {alert: times for alert, times in self.times.items() if times > 1 + self.excused[alert]}


def read_told(notes: Iterable[str]) -> Told:
    """Reads the notes of all workers, in the order in which they were written."""
    told = Told()
    open_: dict[int, Counter[Telling]] = {}
    for note in map(json.loads, notes):
        mine = open_.setdefault(note["job"], Counter())
        if "told" in note:
            mine.update(map(tuple, note["told"]))
            told.times.update(map(tuple, note["told"]))
        for alert in note.get("marked", ()):
            del mine[tuple(alert)]
    for unmarked in open_.values():
        told.excused.update(unmarked)
    return told


def read_told_file(path: Path) -> Told:
    """Reads the file of the notes; there may be none."""
    return read_told(path.read_text().splitlines() if path.exists() else ())


def open_work(store: Store) -> Counter[str]:
    """How many documents are pending, how many traces unsettled or given up since X-Ray was away, and how many alerts due."""
    store.refresh()
    return Counter({
        "pending documents": _count(store, store.everything, {"term": {"trace.state": "pending"}}),
        "unsettled traces": _count(store, f"{store.prefix}-traces", {"term": {"settled": False}}),
        "traces given up": _count(store, f"{store.prefix}-traces", {"term": {"trace.state": "sourceUnavailable"}}),
        "due alerts": _count(store, f"{store.prefix}-alerts", {"term": {"alert.state": "due"}}),
    })  # fmt: skip


def stored(store: Store, pattern: str) -> int:
    """How many documents there are."""
    return _count(store, f"{store.prefix}-{pattern}", {"match_all": {}})


def adds_up(ledger: Mapping[str, int]) -> bool:
    """Whether a ledger of `ship` accounts for every event."""
    return ledger["received"] == ledger["indexed"] + ledger["duplicate"] + ledger["filtered"] + ledger["dead_lettered"]


def sent_alerts(store: Store) -> set[Alert]:
    """The alerts that are marked as sent."""
    hits = store.scan({"term": {"alert.state": "sent"}}, index=f"{store.prefix}-alerts")
    return {(hit.source["traceId"], hit.source["rule"]) for hit in hits}


def _count(store: Store, index: str, query: Mapping[str, Any]) -> int:
    body = {"size": 0, "track_total_hits": True, "query": query}
    return int(store.search(body, index=index)["hits"]["total"]["value"])
