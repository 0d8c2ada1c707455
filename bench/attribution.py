"""`python -m bench --attribution`: ships made-up log streams in any order, resolves at any time, and compares with the truth."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.comparison import TARGET, Comparison
from bench.streams import before_midnight, log_streams, segments_of, subscription_events
from bench.truth import Line, LogStream
from pipeline.configure import store_for
from pipeline.local.environment import REGION
from pipeline.local.opensearch import EmbeddedOpenSearch
from pipeline.provision.install import install
from pipeline.resolve import Resolver
from pipeline.settings import Settings
from pipeline.ship import ship
from pipeline.store.client import Store
from pipeline.traces.sources.source import LookupResult

_PATIENCE = 60.0
_LOST, _RESOLVED = 0.2, 0.1
_SWEEPS = 20
_FIELDS = ("traceId", "spanId", "requestId", "sampled", "staleTraceId", "idSource", "eventId", "aws.logStream",
           "signals", "severity")  # fmt: skip


class Traces:
    """A trace source that has the segments of the sampled traces, and nothing of any other."""

    name = "BatchGetTraces"

    def __init__(self, documents: Mapping[str, Sequence[str]]) -> None:
        self.calls = 0
        self._documents = documents

    def look_up(self, wanted: Mapping[str, int]) -> dict[str, LookupResult]:
        """Returns a result for each trace id."""
        self.calls += 1
        found = {id_: tuple(self._documents.get(id_, ())) for id_ in wanted}
        return {id_: LookupResult("found" if documents else "absent", documents) for id_, documents in found.items()}


def measure(seed: int, lines: int) -> int:
    """Ships, settles and compares at least ``lines`` made-up lines; prints the table, and returns 1 if attribution is not good enough."""
    streams = log_streams(seed, lines, before_midnight(int(time.time() * 1000)))
    with EmbeddedOpenSearch() as server:
        settings = Settings(endpoint=server.endpoint, region=REGION)
        store = store_for(settings)
        install(store, retention_days=settings.retention_days)
        open_ = settle(streams, store, settings, seed)
        comparison = Comparison(lines_of(streams), documents_of(store))
        store.close()
    print(f"attribution of log lines to traces, seed {seed} (target {TARGET:.1%} right, none wrong); traces left unsettled: {open_}")
    print(comparison.table())
    return int(open_ > 0 or not comparison.passed)


def settle(streams: list[LogStream], store: Store, settings: Settings, seed: int, *, in_order: bool = False) -> int:
    """Ships the batches of ``streams`` in any order, with look-ups between them; returns how many traces do not settle.

    Args:
        in_order: ship them in the order in which they were written.
    """
    rng = random.Random(seed)
    worker = Resolver(store=store, source=Traces(segments_of(streams)), settings=settings)
    hints: list[str] = []
    events = subscription_events(streams, seed)
    if in_order:
        events.sort(key=lambda event: event["logEvents"][0]["id"])
    for event in events:
        # some hints are lost: the sweep must find their traces
        unsettled = ship(event, store=store, settings=settings, remaining=lambda: _PATIENCE).unsettled
        hints += (hint for hint in unsettled if rng.random() >= _LOST)
        if rng.random() < _RESOLVED:
            now = [hints.pop(rng.randrange(len(hints))) for _ in range(rng.randint(0, len(hints)))]
            hints += worker.resolve(now).unsettled
    left: tuple[str, ...] = ()
    for _ in range(_SWEEPS):
        left = worker.sweep(force=True).unsettled
        if not left:
            break
    return len(left)


def lines_of(streams: list[LogStream]) -> list[tuple[str, Line]]:
    """Returns every line with the name of its stream."""
    return [(stream.name, line) for stream in streams for line in stream.lines]


def documents_of(store: Store) -> dict[tuple[str, str], dict[str, Any]]:
    """Returns every log document as stored, by log stream and event id."""
    store.refresh()
    hits = store.scan({"match_all": {}}, index=f"{store.prefix}-logs-*", source=_FIELDS)
    return {(hit.source["aws"]["logStream"], hit.source["eventId"]): hit.source for hit in hits}
