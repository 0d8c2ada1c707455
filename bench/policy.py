"""`python -m bench --policy`: what a policy keeps and what it costs, on a real OpenSearch, beside keeping everything and a cheap tier.

The same invocations are shipped and resolved three times, each under a prefix of its own. Then the first keeps everything, of the second
the sweep deletes what the policy does not keep, and of the third the same documents move to an index without any indexed field.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bench.join.disk import disk_bytes
from bench.join.meters import Cost
from bench.join.phases import BATCH
from bench.join.workload import LINES, Traced, invocations, log_event
from bench.join.world import Place, place
from pipeline.join.held_traces import HeldTraces
from pipeline.local.opensearch import real_opensearch
from pipeline.resolve import Resolver
from pipeline.retain.whole_transactions import is_line, size_of
from pipeline.ship import ship
from pipeline.traces.sources.source import LookupResult

_POLICY: Final = "keep: 10%\nslow: {percentile: 99}\n"
_AGO: Final = 4 * 3600
_LATER: Final = 2 * 3600
_SLOW_SECONDS: Final = 5.0
_EVERY: Final = 150
_WAYS: Final = ("everything stays", "deleted", "cheap tier")
_CHEAP: Final = {
    "settings": {"index": {"codec": "best_compression", "number_of_replicas": 0, "number_of_shards": 1, "refresh_interval": "30s"}},
    "mappings": {"dynamic": False, "properties": {}},
}


@dataclass(slots=True)
class Way:
    """What one way of treating healthy traffic cost, and left.

    Attributes:
        joined: ship and resolve.
        taken: what took the documents away.
        disk: bytes by what is on it.
        kept: log lines and JSON bytes that can be searched, by label.
    """

    joined: Cost = field(default_factory=Cost)
    taken: Cost = field(default_factory=Cost)
    disk: dict[str, int] = field(default_factory=dict)
    kept: Counter[str] = field(default_factory=Counter)


class Answers:
    """An X-Ray in memory that has these invocations."""

    name = "BatchGetTraces"

    def __init__(self, batch: Sequence[Traced]) -> None:
        self.calls = 0
        self._documents = {invocation.trace_id: tuple(map(json.dumps, segments_of(invocation))) for invocation in batch}

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """What there is on these traces."""
        self.calls += 1
        return {id_: LookupResult("found", self._documents[id_]) for id_ in wanted}


def segments_of(invocation: Traced) -> list[dict[str, Any]]:
    """Its segments; of each 150 one is slow, one fails behind a 200 and one fails plainly."""
    service, function = invocation.segments()
    kind = invocation.number % _EVERY
    if kind == 0:
        service["end_time"] = function["end_time"] = invocation.began + _SLOW_SECONDS
    elif kind in {1, 2}:
        function |= {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "no stock"}]}}
        if kind == 2:
            service |= {"fault": True, "http": {"response": {"status": 500}}}
    return [service, function]


def label_of(invocation: Traced) -> str:
    """What is to become of an invocation: those that are not healthy have to stay."""
    kind = invocation.number % _EVERY
    failing = kind in {1, 2} or any('"level":"ERROR"' in message.replace(" ", "") for message in invocation.messages())
    return "failed" if failing else "slow" if kind == 0 else "healthy"


def run(traces: int) -> int:
    """Measures and prints; returns 1 where a line that has to stay is gone, or more than a fifth of the healthy bytes is left, else 0."""
    batch = invocations(0, traces, time.time() - _AGO - traces * 0.05)
    labels = {invocation.trace_id: label_of(invocation) for invocation in batch}
    with real_opensearch() as endpoint, tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.yaml"
        policy.write_text(_POLICY)
        _join(_place(endpoint, "warm", ""), invocations(traces, traces // 2, time.time() - _AGO))
        ways = {way: Way() for way in _WAYS}
        places = {way: _place(endpoint, f"way{number}", str(policy) if way == "deleted" else "") for number, way in enumerate(_WAYS)}
        for name, way in ways.items():
            _tell(name)
            way.joined = places[name].meter.measure(lambda: _join(places[name], batch))  # noqa: B023
        deleted, cheap = places["deleted"], places["cheap tier"]
        ways["deleted"].taken = deleted.meter.measure(lambda: _sweep(deleted, batch))
        gone = labels.keys() - {hit.source["traceId"] for hit in _documents(deleted)}
        ways["cheap tier"].taken = cheap.meter.measure(lambda: _move(cheap, sorted(gone)))
        for name, way in ways.items():
            for hit in _documents(places[name]):
                label = labels[hit.source["traceId"]]
                way.kept[f"{label} lines"] += is_line(hit)
                way.kept[f"{label} bytes"] += size_of(hit)
            patterns = {"lines and spans": "logs-*,{}-spans-*", "cheap tier": "cheap*", "records, links": "traces,{}-links"}
            store = places[name].store
            way.disk = {what: disk_bytes(store, pattern.format(store.prefix)) for what, pattern in patterns.items()}
    return _print(ways, traces)


def _place(endpoint: str, prefix: str, policy_file: str) -> Place:
    made = place(endpoint, prefix)
    settings = replace(made.settings, queue_url="https://sqs.example/1/hints", policy_file=policy_file, lookups_per_minute=1_000_000)
    return replace(made, settings=settings)


def _join(where: Place, batch: Sequence[Traced]) -> None:
    """Ships and resolves the invocations, ten an event and a hundred a run of resolve."""
    resolver = Resolver(store=where.store, source=Answers(batch), settings=where.settings)
    for start in range(0, len(batch), 10 * BATCH):
        parts = [batch[first : first + BATCH] for first in range(start, min(start + 10 * BATCH, len(batch)), BATCH)]
        shipments = [ship(log_event(part), store=where.store, settings=where.settings, remaining=lambda: 60.0) for part in parts]
        held = HeldTraces((shipment.unsettled, shipment.lines) for shipment in shipments)
        resolver.resolve([id_ for shipment in shipments for id_ in shipment.unsettled], held=held)
    where.store.refresh()


def _sweep(where: Place, batch: Sequence[Traced]) -> None:
    """Sweeps when every grace period is over."""
    Resolver(store=where.store, source=Answers(batch), settings=where.settings, clock=lambda: time.time() + _LATER).sweep()


def _move(where: Place, trace_ids: Sequence[str]) -> None:
    """Moves the lines and spans of these traces to the cheap index."""
    store = where.store
    store.request("PUT", f"/{store.prefix}-cheap", _CHEAP)
    patterns = f"{store.prefix}-logs-*,{store.prefix}-spans-*"
    for start in range(0, len(trace_ids), 1000):
        query = {"terms": {"traceId": trace_ids[start : start + 1000]}}
        copy = {"source": {"index": patterns.split(","), "query": query}, "dest": {"index": f"{store.prefix}-cheap"}}
        store.request("POST", "/_reindex", copy, {"request_timeout": 120})
        store.request("POST", f"/{patterns}/_delete_by_query", {"query": query}, {"conflicts": "proceed", "request_timeout": 120})


def _documents(where: Place) -> Iterator[Any]:
    where.store.refresh()
    return where.store.scan({"match_all": {}}, index=where.store.lines_and_spans)


def _print(ways: Mapping[str, Way], traces: int) -> int:
    whole, lines = ways[_WAYS[0]], traces * LINES
    print(f"\n{traces} traces of {LINES} lines and 10 spans; {whole.kept['healthy lines'] / lines:.0%} of the lines are healthy; "
          f"policy: {_POLICY.strip()!r}")  # fmt: skip
    print(f"{'':<58}" + "".join(f"{name:>18}" for name in ways))
    rows = {
        "OpenSearch's CPU, ship and resolve, µs a line": lambda way: way.joined.opensearch / lines * 1e6,
        "our CPU, ship and resolve, µs a line": lambda way: way.joined.own / lines * 1e6,
        "OpenSearch's CPU, taking the rest away, µs a line": lambda way: way.taken.opensearch / lines * 1e6,
        "our CPU, taking the rest away, µs a line": lambda way: way.taken.own / lines * 1e6,
        "requests, taking the rest away": lambda way: way.taken.requests.total(),
        "disk, lines and spans, bytes a line shipped": lambda way: way.disk["lines and spans"] / lines,
        "disk, the cheap tier beside": lambda way: way.disk["cheap tier"] / lines,
        "disk, trace records and join keys": lambda way: way.disk["records, links"] / lines,
        "lines of failed and hidden transactions that stay, %": lambda way: 100 * way.kept["failed lines"] / whole.kept["failed lines"],
        "lines of slow transactions that stay, %": lambda way: 100 * way.kept["slow lines"] / max(whole.kept["slow lines"], 1),
        "healthy bytes that can be searched, %": lambda way: 100 * way.kept["healthy bytes"] / whole.kept["healthy bytes"],
    }
    for words, value in rows.items():
        print(f"{words:<58}" + "".join(f"{value(way):>18.1f}" for way in ways.values()))
    deleted = ways["deleted"].kept
    lost = any(deleted[f"{label} lines"] < whole.kept[f"{label} lines"] for label in ("failed", "slow"))
    return int(lost or deleted["healthy bytes"] > 0.2 * whole.kept["healthy bytes"])


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
