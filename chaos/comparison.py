"""Comparison: holds every document under one prefix against the one of the same id under another, field by field."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

from pipeline.search.read_records import as_recorded
from pipeline.store.client import Store
from pipeline.store.results import Hit

# join keys are left out: they only grow, and keep what a line claimed on the way; what follows from them is each document's transaction
_LOGS: Final = "logs-*"
INDICES: Final = (_LOGS, "spans-*", "traces", "alerts", "dead-letters")
# what records the way and not the end: counters of tries, and what an alert said when it was first written
_WAY: Final[Mapping[str, Sequence[tuple[str, ...]]]] = {
    "alerts": (("@timestamp",), ("alert", "at"), ("alert", "group"), ("evidence",), ("serviceName",), ("transactionId",)),
    "dead-letters": (("@timestamp",),),
}
_TRIES: Final = (("trace", "version"), ("state", "lookups"), ("left",), ("knowsLines",))
_BATCH: Final = 500
_LEASE: Final = "lease"

Address = tuple[str, str]


@dataclass(slots=True)
class Differences:
    """What a comparison found.

    Attributes:
        compared: documents by index pattern.
        found: differences by what differs, such as `traces: trace.state`.
        examples: one of each: the address and both values.
        early_alerts: alerts that the calm run never had.
    """

    compared: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    early_alerts: int = 0

    def add(self, what: str, example: str) -> None:
        """Counts one difference."""
        self.found[what] += 1
        self.examples.setdefault(what, example)


def compare(calm: Store, disturbed: Store) -> Differences:
    """Compares all documents; both stores are refreshed first."""
    differences = Differences()
    for store in (calm, disturbed):
        store.refresh()
    for pattern in INDICES:
        expected = {address: _digest(document) for address, document in documents(calm, pattern)}
        suspects: list[Address] = []
        for address, document in documents(disturbed, pattern):
            differences.compared[pattern] += 1
            digest = expected.pop(address, None)
            if digest is None and pattern == "alerts":
                # it was told when the verdict was final, and later facts changed that
                differences.early_alerts += 1
            elif digest is None:
                differences.add(f"{pattern}: a document too many", f"{address}: {_short(document)}")
            elif digest != _digest(document):
                suspects.append(address)
        for address in expected:
            differences.add(f"{pattern}: a document is missing", str(address))
        for address in suspects:
            one, other = (_get(store, address, pattern) for store in (calm, disturbed))
            for path, wanted, found in paths_that_differ(one, other):
                differences.add(f"{pattern}: {path}", f"{address}: calm {_short(wanted)}, disturbed {_short(found)}")
    return differences


def documents(store: Store, pattern: str) -> Iterator[tuple[Address, dict[str, Any]]]:
    """Yields the address, without the prefix, and the content of each document as a search shows it, without counters of tries."""
    hits = (hit for hit in store.scan({"match_all": {}}, index=f"{store.prefix}-{pattern}") if hit.id != _LEASE)
    while batch := list(islice(hits, _BATCH)):
        for hit, source in zip(batch, _shown(batch, store), strict=True):
            yield (hit.index.removeprefix(store.prefix), hit.id), comparable(source, pattern)


def comparable(source: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """A document of an index pattern without what records the way to it."""
    paths = _WAY.get(pattern, _TRIES)
    document: dict[str, Any] = json.loads(json.dumps(source))
    for *parents, last in paths:
        inner = document
        for name in parents:
            inner = inner.get(name) or {}
        inner.pop(last, None)
    if pattern == _LOGS and (state := document.pop("state", None)):
        # a line whose own batch held the record of its request needs no note that it said nothing itself
        noted = {name: value for name, value in state.items() if value is not None}
        document |= {"state": noted} if noted else {}
    if signals := (document.get("state") or {}).get("signals"):
        # a line that stood in this trace by its position, before the request that it names was known
        document["state"]["signals"] = {id_: fact for id_, fact in signals.items() if not fact.get("retracted")}
    return document


def paths_that_differ(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields the dotted path and both values of each difference between two documents; ids in a path become `*`."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            name = key if key.isidentifier() or key.startswith("@") else "*"
            yield from paths_that_differ(one.get(key), other.get(key), f"{path}.{name}" if path else name)
    elif one != other:
        yield path, one, other


def _get(store: Store, address: Address, pattern: str) -> dict[str, Any]:
    (hit,) = store.get_many([(f"{store.prefix}{address[0]}", address[1])])
    return comparable(_shown([hit], store)[0], pattern) if hit else {}


def _shown(hits: Sequence[Hit], store: Store) -> list[dict[str, Any]]:
    return [shown["_source"] for shown in as_recorded([{"_source": hit.source} for hit in hits], store)]


def _digest(document: Mapping[str, Any]) -> bytes:
    return blake2b(json.dumps(document, sort_keys=True).encode(), digest_size=16).digest()


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 200 else f"{text[:200]}…"
