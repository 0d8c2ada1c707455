"""Overview: counts the hits of a search over time, and by service, level, kind, state and hidden fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.model.line_states import IN_RECORD
from pipeline.search.query import LEVELS, Clause, any_of, joined
from pipeline.search.read_records import unfinished_traces
from pipeline.search.recorded_traces import COMPLETE, RecordedTraces
from pipeline.store.client import Store

_MOST_VALUES: Final = 12
_MOST_BARS: Final = 90
_SHOWN_LEVELS: Final = ("error", "warn", "info", "debug")
_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
# in milliseconds: the lengths of time that a person reads at a glance
_STEPS: Final = (
    1, 2, 5, 10, 20, 50, 100, 200, 500,
    *(number * unit for unit, numbers in ((_SECOND, (1, 2, 5, 10, 15, 30)), (_MINUTE, (1, 2, 5, 10, 15, 30)), (_HOUR, (1, 2, 3, 6, 12)),
                                          (_DAY, (1, 2, 7, 14, 30, 90, 365, 3650))) for number in numbers),
)  # fmt: skip
_FAILED: Final[Clause] = {
    "bool": {"should": [{"range": {"severity.number": {"gte": LEVELS["error"]}}}, {"term": {"status.code": 2}}], "minimum_should_match": 1}
}
"""Lines of the level error and worse, and spans that failed."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How many hits fall into a piece of time.

    Attributes:
        at: when it begins, in milliseconds since the epoch.
        count: how many hits.
        failed: how many of these are errors: lines of this level or worse, and spans that failed.
    """

    at: int
    count: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a search finds, in numbers.

    Attributes:
        total: how many hits there are.
        step: the length of each bar, in milliseconds.
        bars: the hits over time, without a gap; empty where there is no hit with a time.
        facets: by key of the search language, the most frequent values, each with the number of hits that it would leave.
    """

    total: int
    step: int
    bars: Sequence[Bar]
    facets: Mapping[str, Sequence[tuple[str, int]]]


def overview(clause: Clause, store: Store) -> Overview:
    """Counts what matches an OpenSearch query."""
    body = {"query": clause, "size": 0, "track_total_hits": True, "aggs": _facets() | {"first": _end("min"), "last": _end("max")}}
    answer = store.search(body, index=store.lines_and_spans)
    # without an index there are no aggregations
    found = answer.get("aggregations") or {}
    first, last = (found.get(name, {}).get("value") for name in ("first", "last"))
    step, bars = _bars(clause, int(first), int(last), store) if first is not None and last is not None else (0, ())
    facets = _values(found)
    facets["state"] = _states(clause, dict(facets["state"]), store)
    return Overview(total=answer["hits"]["total"]["value"], step=step, bars=bars, facets=facets)


def step_between(first: int, last: int) -> int:
    """Returns the length of a bar, in milliseconds, so that there are few enough of them between two times (epoch milliseconds)."""
    return next((step for step in _STEPS if last // step - first // step < _MOST_BARS), _STEPS[-1])


def _end(which: str) -> dict[str, Any]:
    return {which: {"field": "@timestamp"}}


def _facets() -> dict[str, Any]:
    terms = {"service": "serviceName", "kind": "doc.kind", "state": "trace.state"}
    levels = [{"key": level, "from": LEVELS[level]} for level in _SHOWN_LEVELS]
    return {key: {"terms": {"field": field, "size": _MOST_VALUES}} for key, field in terms.items()} | {
        "level": {"range": {"field": "severity.number", "ranges": levels}},
        "hidden": {"filter": {"term": {"trace.hiddenFault": True}}},
    }


def _values(found: Mapping[str, Any]) -> dict[str, list[tuple[str, int]]]:
    values = {key: [(bucket["key"], bucket["doc_count"]) for bucket in found.get(key, {}).get("buckets", ())]
              for key in ("service", "level", "kind", "state")}  # fmt: skip
    values["level"] = sorted((value for value in values["level"] if value[1]), key=lambda value: -LEVELS[value[0]])
    return values | {"hidden": [("yes", count)] if (count := found.get("hidden", {}).get("doc_count", 0)) else []}


def _states(clause: Clause, counts: dict[str, int], store: Store) -> list[tuple[str, int]]:
    """The number of hits by state, the most frequent first; those that leave their state to their trace's record count as that says."""
    if IN_RECORD in counts:
        recorded = RecordedTraces(unfinished=unfinished_traces(store))
        asked = {state: any_of(recorded.in_states([state])) for state in {*recorded.unfinished, COMPLETE}}
        body = {"query": clause, "size": 0, "aggs": {"states": {"filters": {"filters": asked}}}}
        found = store.search(body, index=store.lines_and_spans)["aggregations"]["states"]["buckets"]
        del counts[IN_RECORD]
        counts |= {state: counts.get(state, 0) + count for state in asked if (count := found[state]["doc_count"])}
    return sorted(counts.items(), key=lambda value: (-value[1], value[0]))


def _bars(clause: Clause, first: int, last: int, store: Store) -> tuple[int, list[Bar]]:
    step = step_between(first, last)
    over_time = {"date_histogram": {"field": "@timestamp", "fixed_interval": f"{step}ms", "min_doc_count": 1},
                 "aggs": {"failed": {"filter": _FAILED}}}  # fmt: skip
    between = {"range": {"@timestamp": {"gte": first, "lte": last + 1, "format": "epoch_millis"}}}
    answer = store.search({"query": joined([clause, between]), "size": 0, "aggs": {"bars": over_time}}, index=store.lines_and_spans)
    buckets = answer.get("aggregations", {}).get("bars", {}).get("buckets", ())
    counted = {int(bucket["key"]): (bucket["doc_count"], bucket["failed"]["doc_count"]) for bucket in buckets}
    begin = first // step * step
    return step, [Bar(at, *counted.get(at, (0, 0))) for at in range(begin, begin + step * _MOST_BARS, step) if at <= last]
