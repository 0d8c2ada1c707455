"""`python -m bench --join`: what the join costs on a real OpenSearch, in one run."""

import sys
import time
from dataclasses import dataclass
from typing import Final

from bench.join.disk import copy_rest, disk_bytes
from bench.join.functions import Functions, local_functions
from bench.join.meters import Cost
from bench.join.phases import Part, Phases, total
from bench.join.sizes import SIZES, SizeCost, measure_size
from bench.join.table import Row, print_table
from bench.join.workload import LINES, log_event, message_bytes
from bench.join.world import Place, place, remote_xray
from pipeline.local.opensearch import real_opensearch

_MICRO: Final = 1e6
_SWEEPS: Final = 10
_SWEEPS_BEFORE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured.

    Attributes:
        traces: counted traces that come together.
        warm: those before them that are not counted.
        lone: counted traces that come alone.
        rounds: of the batches of several sizes.
    """

    traces: int = 2000
    warm: int = 1000
    lone: int = 50
    rounds: int = 5


QUICK: Final = Sizes(traces=200, warm=200, lone=10, rounds=2)
"""What CI measures: counts as those of a long run, in a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that was measured."""

    parts: list[Part]
    lone: Cost
    sweep: Cost
    by_size: dict[int, SizeCost]
    disk: dict[str, float]
    message_bytes: float


def run(sizes: Sizes, *, gate: bool) -> int:
    """Measures and prints; returns 1 if ``gate`` and a target is missed by more than the slack, else 0.

    In a `QUICK` run, whose JVM is cold, a count that has grown is missed, and no time.
    """
    figures = measure(sizes)
    table = rows(figures, sizes)
    print_table(table)
    missed = [row.words for row in table if (row.has_grown if sizes == QUICK else row.missed)]
    ratios = [part.joined.opensearch / part.final.opensearch for part in figures.parts]
    print(f"\n{sizes.traces} traces of {LINES} lines and 10 spans after {sizes.warm} that are not counted; messages of "
          f"{figures.message_bytes:.0f} bytes; first ratio by parts: {', '.join(f'{ratio:.1f}' for ratio in ratios)}")  # fmt: skip
    if gate and missed:
        print(f"missed: {'; '.join(missed)}")
    return int(gate and bool(missed))


def measure(sizes: Sizes) -> Figures:
    """Measures everything on one OpenSearch. Raises MisconfiguredError where Java or Maven is missing."""
    began = time.monotonic()
    with remote_xray() as (xray, feed), real_opensearch() as endpoint, local_functions(endpoint, xray) as functions:
        join, bare, final = (place(endpoint, prefix) for prefix in ("tracejoin", "bare", "final"))
        phases = Phases(functions, feed, join=join, bare=bare, final=final)
        _tell(began, "warming up")
        phases.run(sizes.warm)
        _tell(began, "traces together")
        parts = phases.run(sizes.traces)
        lines = (sizes.warm + sizes.traces) * LINES
        _tell(began, "disk")
        copy_rest(join.store, final.store)
        disk = {"bare": disk_bytes(bare.store, "logs-*"), "logs": disk_bytes(final.store, "logs-*"), "all": disk_bytes(final.store, "*")}
        _tell(began, "traces alone")
        _alone(phases, functions, join, max(sizes.lone // 5, 3))
        lone = _alone(phases, functions, join, sizes.lone)
        _tell(began, "sweeps")
        _sweep(functions, _SWEEPS_BEFORE)
        sweep = join.meter.measure(lambda: _sweep(functions, _SWEEPS))
        _tell(began, "batches of several sizes")
        by_size = {size: measure_size(size, functions, endpoint, rounds=sizes.rounds) for size in SIZES}
        return Figures(parts=parts, lone=lone, sweep=sweep, by_size=by_size, disk={name: size / lines for name, size in disk.items()},
                       message_bytes=message_bytes(phases.fresh(100)))  # fmt: skip


def _alone(phases: Phases, functions: Functions, join: Place, count: int) -> Cost:
    """Ships and resolves traces that come alone: one event, one trace, one message each."""
    events = [log_event([invocation]) for invocation in phases.fresh(count)]

    def work() -> None:
        for event in events:
            functions.ship(event)
            functions.resolve_waiting()

    return join.meter.measure(work)


def _sweep(functions: Functions, times: int) -> None:
    for _ in range(times):
        functions.sweep()


def rows(figures: Figures, sizes: Sizes) -> list[Row]:
    """The table: each measure beside what it is compared with."""
    whole = total(figures.parts)
    return [*_together(whole), *_batches(figures.by_size), *_disk(figures.disk), *_lone(figures, whole, sizes.lone)]


def _together(whole: Part) -> list[Row]:
    joined, bare, final = whole.joined, whole.bare, whole.final
    making = whole.making / whole.lines * _MICRO

    def a_line(seconds: float) -> float:
        return seconds / whole.lines * _MICRO

    def a_trace(cost: Cost, name: str) -> float:
        return cost.counters[name] / whole.traces

    return [
        Row("OpenSearch's CPU, ship and resolve, over every document written once", joined.opensearch / final.opensearch,
            bare.opensearch / final.opensearch, "cpu over final"),
        Row("  over the bare bulk of the lines", joined.opensearch / bare.opensearch, 1),
        Row("  ship, µs a line", a_line(whole.ship.opensearch), a_line(bare.opensearch)),
        Row("  resolve, µs a line", a_line(whole.resolve.opensearch)),
        Row("  every document written once, µs a line", a_line(final.opensearch)),
        Row("our CPU, resolve, over sending the bare bulk", whole.resolve.own / bare.own, 1, "resolve over sending"),
        Row("  resolve, µs a line", a_line(whole.resolve.own), a_line(bare.own)),
        Row("  resolve, ms a trace", whole.resolve.own / whole.traces * 1000),
        Row("  ship, µs a line (bare: making and sending the bulk)", a_line(whole.ship.own), making + a_line(bare.own)),
        *(Row(f"{name} a trace", a_trace(joined, name), a_trace(bare, name), name) for name in ("index operations", "gets")),
        Row("refreshes a trace that were asked for", joined.asked_refreshes / whole.traces, 0, "refreshes"),
        *(Row(f"{name} a trace", a_trace(joined, name), a_trace(bare, name)) for name in ("refreshes", "searches")),
        Row("requests of a resolve of 100 traces", whole.resolve.requests.total() / whole.traces * 100, None, "resolve requests"),
        Row("  X-Ray's beside", whole.resolve.elsewhere / whole.traces * 100),
        Row("requests of a ship of 100 lines of 10 traces", whole.ship.requests.total() / whole.traces * 10, 1),
    ]  # fmt: skip


def _batches(by_size: dict[int, SizeCost]) -> list[Row]:
    return [
        *(Row(f"requests of a ship of {size} events", cost.requests, -(-size // 1000), f"ship requests {size}")
          for size, cost in by_size.items()),
        *(Row(f"our CPU, whole ship of {size} events, over the floor", cost.ship / cost.floor, 1, f"ship over floor {size}")
          for size, cost in by_size.items()),
        *(Row(f"  {size} events, µs an event", cost.ship * _MICRO, cost.floor * _MICRO) for size, cost in by_size.items()),
    ]  # fmt: skip


def _disk(disk: dict[str, float]) -> list[Row]:
    return [
        Row("bytes on disk a line, logs alone", disk["logs"], disk["bare"], "logs on disk"),
        Row("bytes on disk a line, logs, spans, traces and links", disk["all"], disk["bare"], "all on disk"),
    ]


def _lone(figures: Figures, whole: Part, count: int) -> list[Row]:
    lone, sweep = figures.lone, figures.sweep
    once = whole.final.opensearch / whole.traces
    return [
        Row("a lone trace: requests", lone.requests.total() / count, 1, "lone requests"),
        Row("a lone trace: refreshes that were asked for", lone.asked_refreshes / count, 0, "lone refreshes"),
        Row("a lone trace: OpenSearch's CPU over that of its documents written once, together", lone.opensearch / count / once, 1,
            "lone cpu over final"),
        Row("  ms", lone.opensearch / count * 1000, once * 1000),
        Row("  our CPU, ms", lone.own / count * 1000),
        Row("a sweep with nothing to do: requests", sweep.requests.total() / _SWEEPS, None, "sweep requests"),
        Row("  OpenSearch's CPU, ms", sweep.opensearch / _SWEEPS * 1000),
    ]  # fmt: skip


def _tell(began: float, what: str) -> None:
    print(f"{time.monotonic() - began:4.0f} s: {what}", file=sys.stderr, flush=True)
