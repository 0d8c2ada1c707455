"""Phases: the lines of many invocations written bare, shipped, resolved, and all documents written once, part after part in turns.

Turns, so that what disturbs the machine for a while disturbs each of them; the first parts warm OpenSearch and are not counted.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from isal import igzip

from bench.join.functions import Functions
from bench.join.meters import Cost, measured_own
from bench.join.workload import LINES, SPANS, Traced, invocations, log_event
from bench.join.world import Place, XRayFeed
from pipeline.logs.decode import decode_event
from pipeline.ship import prepare
from pipeline.store.log_writer import bodies

BATCH: Final = 10
"""Invocations a batch of ship."""
_PART: Final = 500
_TRACES_A_BULK: Final = 25
_AGO: Final = 3600
_RECORD: Final = 1
_encoder: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class Part:
    """What the phases cost for some traces.

    Attributes:
        traces: how many.
        making: our own CPU seconds for making the bulk bodies of the lines.
        bare: bulk of these bodies.
        ship: the function `ship`.
        resolve: the function `resolve`.
        final: bulk of every document in its final form, each once.
    """

    traces: int = 0
    making: float = 0.0
    bare: Cost = field(default_factory=Cost)
    ship: Cost = field(default_factory=Cost)
    resolve: Cost = field(default_factory=Cost)
    final: Cost = field(default_factory=Cost)

    def add(self, other: "Part") -> None:
        """Adds what the phases cost for other traces."""
        self.traces += other.traces
        self.making += other.making
        for mine, its in zip(self.costs, other.costs, strict=True):
            mine.add(its)

    @property
    def costs(self) -> tuple[Cost, Cost, Cost, Cost]:
        """The costs in their order."""
        return self.bare, self.ship, self.resolve, self.final

    @property
    def lines(self) -> int:
        """How many lines."""
        return self.traces * LINES

    @property
    def joined(self) -> Cost:
        """What ship and resolve cost together."""
        both = Cost()
        both.add(self.ship)
        both.add(self.resolve)
        return both


class Phases:
    """Runs the phases.

    Args:
        functions: `ship` and `resolve`, which write into ``join``.
        xray: gets the segments.
        join: where they write.
        bare: where the bare lines go.
        final: where the final documents go.
    """

    def __init__(self, functions: Functions, xray: XRayFeed, *, join: Place, bare: Place, final: Place) -> None:
        self._functions, self._xray = functions, xray
        self._join, self._bare, self._final = join, bare, final
        self._next = 0
        self._began = time.time() - _AGO

    def run(self, traces: int) -> list[Part]:
        """Runs all phases for so many new traces, in parts."""
        return [self._part(self.fresh(min(_PART, traces - start))) for start in range(0, traces, _PART)]

    def fresh(self, count: int) -> list[Traced]:
        """Returns invocations that nothing was written of yet; X-Ray has their segments."""
        batch = invocations(self._next, count, self._began)
        self._next += count
        for group in groups(batch, 100):
            self._xray.put_traces(list(group))
        return batch

    @property
    def lines(self) -> int:
        """How many lines were written so far, each time that they were."""
        return self._next * LINES

    def _part(self, batch: list[Traced]) -> Part:
        events = [log_event(group) for group in groups(batch, BATCH)]
        made: list[bytes] = []
        making = measured_own(lambda: made.extend(self._bodies(events)))
        bare = self._bare.meter.measure(lambda: [self._bare.store.bulk(body) for body in made])
        ship = self._join.meter.measure(lambda: [self._functions.ship(event) for event in events])
        resolve = self._join.meter.measure(self._functions.resolve_waiting)
        final_bodies = [self._final_body(group) for group in groups(batch, _TRACES_A_BULK)]
        final = self._final.meter.measure(lambda: [self._final.store.bulk(body) for body in final_bodies])
        return Part(len(batch), making, bare, ship, resolve, final)

    def _bodies(self, events: Sequence[dict[str, Any]]) -> Iterator[bytes]:
        settings = self._bare.settings
        for event in events:
            decoded = decode_event(event, max_bytes=settings.max_decompressed_bytes)
            yield from (body for _, body in bodies(prepare(decoded, settings)))

    def _final_body(self, batch: Sequence[Traced]) -> bytes:
        """The bulk body of every document of these traces, as ship and resolve left them. Raises RuntimeError where some are missing."""
        store = self._join.store
        hits = store.search({"query": {"terms": {"traceId": [each.trace_id for each in batch]}}, "size": 1000, "track_total_hits": True})[
            "hits"
        ]["hits"]
        states = {hit["_source"]["trace"]["state"] for hit in hits if hit["_source"]["doc"]["kind"] != "span"}
        if len(hits) != len(batch) * (LINES + SPANS + _RECORD) or states != {"complete"}:
            raise RuntimeError(f"ship and resolve left {len(hits)} documents of {len(batch)} traces, of the states {sorted(states)}")
        lines: list[object] = []
        for hit in hits:
            index = hit["_index"].replace(store.prefix, self._final.store.prefix, 1)
            lines += ({"create": {"_index": index, "_id": hit["_id"]}}, hit["_source"])
        return igzip.compress(_encoder.encode_lines(lines), 1)


def groups(batch: Sequence[Traced], size: int) -> Iterator[Sequence[Traced]]:
    """Yields so many at a time."""
    for start in range(0, len(batch), size):
        yield batch[start : start + size]


def total(parts: Sequence[Part]) -> Part:
    """Adds parts up."""
    whole = Part()
    for part in parts:
        whole.add(part)
    return whole
