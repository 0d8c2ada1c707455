"""Function totals: how often each Lambda function ran in a period, how long, at what cost of memory, and how often it failed.

OpenSearch counts: what is read is its sums and percentiles, a page of functions at a time, and the reports on requests whose lines alone
tell of a failure, a page at a time.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any, Final

from pipeline.errors import BadInputError
from pipeline.model.log_groups import service_name_of
from pipeline.search.invocation_list import SHOWN, Invocation, is_report, read_invocations
from pipeline.search.invocation_query import (
    UNSAID,
    InvocationQuery,
    Status,
    ended_clause,
    failed_clause,
    invocation_clause,
    order_of,
)
from pipeline.search.invocation_signals import request_key, requests_with_signals
from pipeline.search.query import Clause, joined
from pipeline.store.buckets import buckets
from pipeline.store.client import Store
from pipeline.store.pages import pages

_PAGE: Final = 100
_MOST_SIZES: Final = 100
_PERCENTS: Final = (50, 95, 99)
_BY: Final = {"account": "aws.accountId", "region": "aws.region", "log_group": "aws.logGroup"}
_MB_A_GB: Final = 1024
_MILLIS: Final = 1000
# a search names each of them: about 2 MB
_MOST_SHOWN: Final = 50_000
_NOTHING: Final = Counter[Status]()

_LogGroup = tuple[str, str, str]
"""An account, a region and a log group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTotals:
    """The invocations of one log group of a function within a period. Percentiles are OpenSearch's estimates; None where there is no value.

    Attributes:
        failed: how many ended otherwise than in success, by the same evidence as `invocation_list`.
        timeouts: how many of these ran into the time limit.
        exceptions: of how many of these it is only known that a line shows an exception.
        cold_starts: how many waited for an initialization or a restore.
        p50_ms, p95_ms, p99_ms, max_ms: of their durations, in milliseconds.
        init_p95_ms: the 95th percentile of the initializations, in milliseconds.
        restore_p95_ms: that of the restores.
        billed_ms: the sum of what is billed, in milliseconds.
        gb_seconds: the same times the memory: what Lambda's price is of.
        memory_mb: the largest memory that the function was given.
        max_memory_mb: the most that it used.
    """

    function: str
    account_id: str
    region: str
    log_group: str
    invocations: int
    failed: int
    timeouts: int
    exceptions: int
    cold_starts: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    init_p95_ms: float | None
    restore_p95_ms: float | None
    billed_ms: int
    gb_seconds: float
    memory_mb: int | None
    max_memory_mb: int | None


@dataclass(frozen=True, slots=True)
class _ShownByLines:
    """The invocations of which lines alone tell that they failed.

    Attributes:
        counts: how many of each status a log group has; of those statuses alone that are asked for.
        ids: where statuses are asked for, the ids of the reports on all of them, by status.
    """

    counts: dict[_LogGroup, Counter[Status]] = field(default_factory=dict)
    ids: dict[Status, list[str]] = field(default_factory=dict)

    def add(self, report: str, invocation: Invocation, asked: Collection[Status]) -> None:
        """Takes one invocation that failed, by the id of the report on it; ``asked`` are the statuses that are asked for, if any."""
        if asked:
            self.ids.setdefault(invocation.status, []).append(report)
        if not asked or invocation.status in asked:
            log_group = invocation.account_id, invocation.region, invocation.log_group
            self.counts.setdefault(log_group, Counter())[invocation.status] += 1

    def require_fitting(self) -> None:
        """Raises BadInputError where there are more reports than one search can name."""
        if sum(map(len, self.ids.values())) > _MOST_SHOWN:
            raise BadInputError(f"more than {_MOST_SHOWN:,} invocations of this period failed by what their lines alone say: totals by "
                                "status need a shorter period, or a function")  # fmt: skip


def function_totals(query: InvocationQuery, store: Store) -> list[FunctionTotals]:
    """Returns the totals of each function, over the invocations that `list_invocations` lists; that with the most GB-seconds first.

    Raises BadInputError where nothing can lie in the period, and where statuses are asked for and there are more than 50,000 invocations
    of which lines alone tell that they failed.
    """
    shown = _shown_by_lines(query, store)
    chosen = invocation_clause(query)
    if query.statuses:
        chosen = joined([chosen, ended_clause(query.statuses, shown.ids)])
    totals = (_with_shown(each, shown.counts) for each in _read(chosen, store))
    return sorted(totals, key=lambda each: (-each.gb_seconds, -each.invocations, each.account_id, each.log_group))


def totals_as_json(totals: FunctionTotals) -> dict[str, Any]:
    """Returns the totals of a function as JSON values."""
    numbers = asdict(totals)
    percentiles = {name: numbers[f"{name}_ms"] for name in ("p50", "p95", "p99", "max")}
    return {
        "function": totals.function, "accountId": totals.account_id, "region": totals.region, "logGroup": totals.log_group,
        "invocations": totals.invocations, "failed": totals.failed, "timeouts": totals.timeouts, "exceptions": totals.exceptions,
        "coldStarts": totals.cold_starts,
        "durationMs": percentiles, "initMs": {"p95": totals.init_p95_ms}, "restoreMs": {"p95": totals.restore_p95_ms},
        "billedMs": totals.billed_ms, "gbSeconds": totals.gb_seconds, "memoryMb": totals.memory_mb, "maxMemoryMb": totals.max_memory_mb,
    }  # fmt: skip


def _read(chosen: Clause, store: Store) -> Iterator[FunctionTotals]:
    found = buckets(store, chosen, _BY, index=store.lines_and_spans, size=_PAGE, missing=True, measures=_measures())
    return map(_totals, found)


def _shown_by_lines(query: InvocationQuery, store: Store) -> _ShownByLines:
    """Finds the invocations of which lines alone tell that they failed: it reads only requests with such lines."""
    shown = _ShownByLines()
    clauses = [invocation_clause(query), UNSAID, {"bool": {"must_not": [failed_clause()]}}]
    for requests in requests_with_signals(store, query.since, query.until):
        known = set(requests)
        named = {"terms": {"requestId": sorted({request for _, _, request in known})}}
        body = {"query": joined([*clauses, named]), "sort": order_of(query), "_source": SHOWN}
        for page in pages(store, body, index=store.lines_and_spans):
            # another log group may show the same request id
            own = [hit for hit in page if is_report(hit) and request_key(hit["_source"]) in known]
            for hit, each in zip(own, read_invocations(own, store), strict=True):
                if each.status != "success":
                    shown.add(hit["_id"], each, query.statuses)
            shown.require_fitting()
    return shown


def _with_shown(totals: FunctionTotals, counts: Mapping[_LogGroup, Counter[Status]]) -> FunctionTotals:
    shown = counts.get((totals.account_id, totals.region, totals.log_group), _NOTHING)
    return replace(totals, failed=totals.failed + shown.total(), timeouts=totals.timeouts + shown["timeout"], exceptions=shown["exception"])


def _measures() -> dict[str, Any]:
    billed = {"billed": {"sum": {"field": "billedMs"}}}
    return {
        "failed": {"filter": failed_clause()},
        "timeouts": {"filter": {"term": {"platformStatus": "timeout"}}},
        "cold": {"filter": {"term": {"coldStart": True}}},
        "durations": {"percentiles": {"field": "durationMs", "percents": list(_PERCENTS)}},
        "longest": {"max": {"field": "durationMs"}},
        "inits": {"percentiles": {"field": "initMs", "percents": [95]}},
        "restores": {"percentiles": {"field": "restoreMs", "percents": [95]}},
        "memory": {"max": {"field": "memoryMb"}},
        "used": {"max": {"field": "maxMemoryMb"}},
        "sizes": {"terms": {"field": "memoryMb", "size": _MOST_SIZES}, "aggs": billed},
        **billed,
    }


def _totals(bucket: Mapping[str, Any]) -> FunctionTotals:
    account, region, log_group = (str(bucket["key"][name] or "") for name in _BY)
    megabyte_millis = sum(int(size["key"]) * float(size["billed"]["value"] or 0) for size in bucket["sizes"]["buckets"])
    p50, p95, p99 = (_percentile(bucket["durations"], percent) for percent in _PERCENTS)
    return FunctionTotals(
        function=service_name_of(log_group),
        account_id=account,
        region=region,
        log_group=log_group,
        invocations=int(bucket["doc_count"]),
        failed=int(bucket["failed"]["doc_count"]),
        timeouts=int(bucket["timeouts"]["doc_count"]),
        exceptions=0,
        cold_starts=int(bucket["cold"]["doc_count"]),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=bucket["longest"]["value"],
        init_p95_ms=_percentile(bucket["inits"], 95),
        restore_p95_ms=_percentile(bucket["restores"], 95),
        billed_ms=int(bucket["billed"]["value"] or 0),
        gb_seconds=megabyte_millis / _MB_A_GB / _MILLIS,
        memory_mb=_whole(bucket["memory"]["value"]),
        max_memory_mb=_whole(bucket["used"]["value"]),
    )


def _percentile(found: Mapping[str, Any], percent: int) -> float | None:
    value = found["values"].get(f"{percent:.1f}")
    # of no values it is absent, null or "NaN"
    return round(float(value), 3) if isinstance(value, int | float) and isfinite(value) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
