"""`python -m bench --enrich`: what ship and resolve cost where all lines are written again, and where only notable ones are, in one run."""

import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from isal import igzip

from bench.join.functions import local_functions
from bench.join.meters import Cost
from bench.join.phases import BATCH, groups
from bench.join.workload import LINES, SPANS, Traced, invocations, log_event
from bench.join.world import Place, place, remote_xray
from pipeline.local.opensearch import real_opensearch
from pipeline.search.read_records import as_recorded

_MODES: Final = ("all", "notable")
_TARGET: Final = 1.3
"""How many times every document written once `notable` may cost with a hundredth of the traces faulty."""
_SLACK: Final = 1.2
_PART: Final = 500
_TRACES_A_BULK: Final = 25
_AGO: Final = 3600
_MICRO: Final = 1e6
_encoder: Final = msgspec.json.Encoder()


def compare(traces: int, warm: int, faulty: float, *, gate: bool) -> int:
    """Measures and prints; returns 1 if ``gate`` and the target is missed by more than the slack, else 0.

    Args:
        traces: how many are counted; each has ten lines and ten spans.
        warm: those before them that are not counted.
        faulty: the share of traces with an error line.
        gate: whether a miss counts.
    """
    began = time.monotonic()
    totals: dict[str, Cost] = {}
    parts: list[str] = []
    with remote_xray() as (xray, feed), real_opensearch() as endpoint:
        places = {name: place(endpoint, name) for name in (*_MODES, "once")}
        for number in range(0, warm + traces, _PART):
            batch = invocations(number, min(_PART, warm + traces - number), time.time() - _AGO - number, faulty)
            for group in groups(batch, 100):
                feed.put_traces(list(group))
            # in turns, so that neither is always the first
            modes = _MODES if number // _PART % 2 else _MODES[::-1]
            costs = {}
            for mode in modes:
                costs[mode] = Cost()
                for what, cost in zip(("ship", "resolve"), _joined(batch, endpoint, xray, places[mode], mode), strict=True):
                    costs[mode].add(cost)
                    costs[f"  {what}, {mode}"] = cost
            bodies = [_final_body(group, places["notable"], places["once"]) for group in groups(batch, _TRACES_A_BULK)]
            costs["once"] = places["once"].meter.measure(lambda bodies=bodies: list(map(places["once"].store.bulk, bodies)))
            print(f"{time.monotonic() - began:4.0f} s: {number + len(batch)} traces", file=sys.stderr, flush=True)
            if number >= warm:
                parts.append(", ".join(f"{mode} {costs[mode].opensearch / costs['once'].opensearch:.2f}" for mode in _MODES))
                for name, cost in costs.items():
                    totals.setdefault(name, Cost()).add(cost)
    _print(totals, traces, faulty, parts)
    missed = totals["notable"].opensearch / totals["once"].opensearch > _TARGET * _SLACK
    return int(gate and missed)


def _joined(batch: Sequence[Traced], endpoint: str, xray: str, where: Place, mode: str) -> tuple[Cost, Cost]:
    """What ship and resolve cost for these invocations."""
    events = [log_event(group) for group in groups(batch, BATCH)]
    with local_functions(endpoint, xray, where.store.prefix, {"TRACEJOIN_ENRICH_LINES": mode}) as functions:
        ship = where.meter.measure(lambda: [functions.ship(event) for event in events])
        return ship, where.meter.measure(functions.resolve_waiting)


def _final_body(batch: Sequence[Traced], join: Place, final: Place) -> bytes:
    """The bulk body of every document of these traces as searches show them. Raises RuntimeError where some are missing or not complete."""
    query = {"query": {"terms": {"traceId": [each.trace_id for each in batch]}}, "size": 1000}
    hits: list[dict[str, Any]] = as_recorded(join.store.search(query)["hits"]["hits"], join.store)
    states = {hit["_source"]["trace"]["state"] for hit in hits}
    if len(hits) != len(batch) * (LINES + SPANS + 1) or states != {"complete"}:
        raise RuntimeError(f"ship and resolve left {len(hits)} documents of {len(batch)} traces, of the states {sorted(states)}")
    lines: list[object] = []
    for hit in hits:
        index = hit["_index"].replace(join.store.prefix, final.store.prefix, 1)
        lines += ({"create": {"_index": index, "_id": hit["_id"]}}, hit["_source"])
    return igzip.compress(_encoder.encode_lines(lines), 1)


def _print(totals: dict[str, Cost], traces: int, faulty: float, parts: Sequence[str]) -> None:
    once = totals["once"].opensearch
    print(f"{traces} traces of {LINES} lines and {SPANS} spans, {faulty:.0%} of them with an error line; target for notable: {_TARGET}")
    print(f"{'EnrichLines':<20} {'OpenSearch, µs a line':>22} {'over once':>10} {'our CPU, µs a line':>19} {'operations a trace':>19} "
          f"{'gets':>6} {'requests':>9}")  # fmt: skip
    for name, cost in sorted(totals.items(), key=lambda total: total[0].strip()):
        print(f"{name:<20} {cost.opensearch / traces / LINES * _MICRO:>22.0f} {cost.opensearch / once:>10.2f} "
              f"{cost.own / traces / LINES * _MICRO:>19.0f} {cost.counters['index operations'] / traces:>19.1f} "
              f"{cost.counters['gets'] / traces:>6.1f} {cost.requests.total() / traces:>9.2f}")  # fmt: skip
    print(f"by parts: {'; '.join(parts)}")
