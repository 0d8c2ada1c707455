"""`python -m bench --growth`: what a unit costs where there are many: stored traces, lines, segments, invocations of one log stream."""

import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bench.join.functions import Functions, local_functions
from bench.join.meters import Cost
from bench.join.phases import BATCH, groups
from bench.join.shapes import LargeTrace, bare_lines, events_of, large_trace, new_stream
from bench.join.workload import invocations, log_event
from bench.join.world import Place, XRayFeed, place, remote_xray
from pipeline.local.opensearch import real_opensearch

_AGO: Final = 3600
_WARM: Final = 1000
_PROBE: Final = 100
_PROBES: Final = 5
_PART: Final = 500
_LAMBDAS_LINES: Final = 3
_LATE: Final = 5
_UNITS: Final = 10_000
_STORED: Final = (1_000, 10_000, 50_000)
_MANY: Final = (10, 100, 1_000, 10_000)
_ERRORS: Final = (10, 100, 1_000)
_SEGMENTS: Final = (10, 1_000, 10_000)
_IN_A_STREAM: Final = (10, 100, 400)
_STREAM_UNITS: Final = 400
_TARGET: Final = 2.0
"""How many times the first of its kind a unit may cost."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What one unit costs where there are so many.

    Attributes:
        kind: what there are many of.
        many: how many.
        units: over how many the cost is spread.
        cost: of all of them.
        record_bytes: the size of the trace's record; 0 where it does not matter.
    """

    kind: str
    many: int
    units: int
    cost: Cost
    record_bytes: int = 0

    def dearer(self, first: "Growth") -> float:
        """How many times a unit of ``first`` a unit costs, by our CPU or OpenSearch's, whichever grows more."""
        return max(mine / self.units / (its / first.units) for mine, its in ((self.cost.own, first.cost.own),
                                                                             (self.cost.opensearch, first.cost.opensearch)))  # fmt: skip


def grow(stored: int, enrich_lines: str, *, gate: bool) -> int:
    """Measures and prints, with up to ``stored`` traces in the index; returns 1 if ``gate`` and a unit grows dearer than the target."""
    found = list(measure(stored, enrich_lines))
    print(f"{'':<58} {'many':>7} {'our ms':>8} {'OpenSearch ms':>14} {'requests':>9} {'times the first':>16} {'record':>8}")
    missed = 0
    firsts: dict[str, Growth] = {}
    for growth in found:
        times = growth.dearer(firsts.setdefault(growth.kind, growth))
        missed += times > _TARGET
        record = f"{growth.record_bytes / 1024:.0f} KiB" if growth.record_bytes else ""
        print(f"{growth.kind:<58} {growth.many:>7} {growth.cost.own / growth.units * 1000:>8.2f} "
              f"{growth.cost.opensearch / growth.units * 1000:>14.2f} {growth.cost.requests.total() / growth.units:>9.2f} "
              f"{times:>16.1f} {record:>8}{'  over' if times > _TARGET else ''}")  # fmt: skip
    return int(gate and missed > 0)


def measure(stored: int, enrich_lines: str) -> Iterator[Growth]:
    """Yields what a unit costs, case by case. Raises MisconfiguredError where Java or Maven is missing."""
    began = time.monotonic()
    variables = {"TRACEJOIN_ENRICH_LINES": enrich_lines}
    with remote_xray() as (xray, feed), real_opensearch() as endpoint, local_functions(endpoint, xray, variables=variables) as functions:
        cases = _Cases(functions, feed, place(endpoint, "tracejoin"))
        for case in (cases.lines_of_a_trace, cases.segments_of_a_trace, cases.bare_lines, cases.late_reports,
                     cases.late_reports_after_errors, partial(cases.stored_traces, stored)):  # fmt: skip
            for growth in case():
                print(f"{time.monotonic() - began:4.0f} s: {growth.kind}, {growth.many}", file=sys.stderr, flush=True)
                yield growth


class _Cases:
    """The cases. What is stored first warms OpenSearch and is not counted."""

    def __init__(self, functions: Functions, xray: XRayFeed, join: Place) -> None:
        self._functions, self._xray, self._join = functions, xray, join
        self._rng = random.Random(1)
        self._began = time.time() - _AGO
        self._stored = 0
        self._store_traces(_WARM)

    def stored_traces(self, most: int) -> Iterator[Growth]:
        """A trace of ten lines and ten spans, with so many stored before it: the middle one of some probes, as large merges hit a few."""
        for many in _STORED:
            if many <= most:
                self._store_traces(many - self._stored)
                probes = sorted((self._store_traces(_PROBE) for _ in range(_PROBES)), key=lambda cost: cost.opensearch)
                yield Growth("a trace of 10 lines and 10 spans, traces stored", many, _PROBE, probes[_PROBES // 2])

    def lines_of_a_trace(self) -> Iterator[Growth]:
        """A line, with so many in its trace, all of which come together."""
        for many in _MANY:
            traces = [self._trace(many) for _ in range(_UNITS // many)]
            yield Growth("a line, lines in its trace", many, _UNITS, self._settled(self._together(traces)))

    def segments_of_a_trace(self) -> Iterator[Growth]:
        """A segment, with so many in its trace, which has ten lines."""
        for many in _SEGMENTS:
            traces = [self._trace(10, segments=many) for _ in range(_UNITS // many)]
            yield Growth("a segment, segments in its trace", many, _UNITS, self._settled(self._together(traces)))

    def bare_lines(self) -> Iterator[Growth]:
        """An invocation with a bare line, with so many in one log stream of Lambda's JSON format."""
        for many in _IN_A_STREAM:
            streams = [[self._trace(1) for _ in range(many)] for _ in range(_STREAM_UNITS // many)]
            events = [event for traces in streams for event in events_of(new_stream(self._rng), self._began, bare_lines(traces))]
            yield Growth("an invocation with a bare line, in a JSON-format stream", many, many * len(streams), self._settled(events))

    def late_reports(self) -> Iterator[Growth]:
        """A late END and REPORT, with so many lines in their trace."""
        for many in _MANY:
            yield self._late("a late REPORT, lines in its trace", many, errors=0)

    def late_reports_after_errors(self) -> Iterator[Growth]:
        """A late END and REPORT, with so many error lines in their trace."""
        for many in _ERRORS:
            yield self._late("a late REPORT, error lines in its trace", many, errors=many)

    def _late(self, kind: str, many: int, *, errors: int) -> Growth:
        traces = [self._trace(many, errors=errors) for _ in range(max(min(_LATE, _UNITS // many), 1))]
        streams = [new_stream(self._rng) for _ in traces]
        late: list[dict[str, Any]] = []
        for stream, trace in zip(streams, traces, strict=True):
            opening = trace.opening()
            self._work(list(events_of(stream, trace.began, opening)))
            late += events_of(stream, trace.began, trace.closing(), len(opening))
        return Growth(kind, many, len(late), self._settled(late, alone=True), self._record_bytes(traces[0]))

    def _trace(self, lines: int, *, errors: int = 0, segments: int = 2) -> LargeTrace:
        """A new trace of so many lines in all, which X-Ray knows."""
        trace = large_trace(self._rng, self._began, max(lines - _LAMBDAS_LINES, 1), errors)
        self._xray.put(trace.segments(segments))
        return trace

    def _together(self, traces: Sequence[LargeTrace]) -> list[dict[str, Any]]:
        """The events of these traces, one after the other in one log stream."""
        messages = [message for trace in traces for message in (*trace.opening(), *trace.closing())]
        return list(events_of(new_stream(self._rng), self._began, messages))

    def _store_traces(self, count: int) -> Cost:
        batch = invocations(self._stored, count, self._began)
        self._stored += count
        cost = Cost()
        for part in groups(batch, _PART):
            for group in groups(part, 100):
                self._xray.put_traces(list(group))
            cost.add(self._settled([log_event(group) for group in groups(part, BATCH)]))
        return cost

    def _settled(self, events: Sequence[dict[str, Any]], *, alone: bool = False) -> Cost:
        """Ships these events and resolves what they name, each ``alone`` or all together; returns what that cost."""
        return self._join.meter.measure(lambda: self._work(events, alone=alone))

    def _work(self, events: Sequence[dict[str, Any]], *, alone: bool = False) -> None:
        for event in events:
            self._functions.ship(event)
            if alone:
                self._functions.resolve_waiting()
        self._functions.resolve_waiting()

    def _record_bytes(self, trace: LargeTrace) -> int:
        query = {"query": {"term": {"traceId": trace.invocation.trace_id}}, "size": 1}
        (hit,) = self._join.store.search(query, index=f"{self._join.store.prefix}-traces")["hits"]["hits"]
        return len(json.dumps(hit["_source"]))
