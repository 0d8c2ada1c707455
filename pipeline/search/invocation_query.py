"""Invocation query: which invocations of Lambda functions a person asks for, as an OpenSearch query. Pure.

An invocation is found by Lambda's own report on it: the REPORT line, or the event platform.report of the JSON log format.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from pipeline.search.query import Clause, any_of, joined, lasting
from pipeline.search.time_expressions import time_range

Status = Literal["success", "error", "failure", "timeout", "exception"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
"""How an invocation may have ended. `exception`: its report says nothing of a failure, but a line of it shows an exception."""
FAILED: Final[tuple[Status, ...]] = ("error", "failure", "timeout", "exception")
Sort = Literal["time", "duration", "billed", "memory", "init"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)

_REPORTS: Final = ("REPORT", "platform.report")
_SORT_FIELDS: Final = {"duration": "durationMs", "billed": "billedMs", "memory": "maxMemoryMb", "init": "initMs"}
_SEGMENT_FAILED: Final[Clause] = any_of([{"term": {"segment.fault": True}}, {"term": {"segment.error": True}}])

UNSAID: Final[Clause] = {"bool": {"must_not": [{"exists": {"field": "platformStatus"}}]}}
"""The OpenSearch query for the reports in which Lambda does not say how an invocation ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationQuery:
    """Which invocations to list; each condition that is given must hold, of several values any.

    Attributes:
        functions: names of functions, or their log groups.
        tenants: tenant ids.
        statuses: how they ended.
        cold: whether they were cold starts; None for both.
        slower_than: milliseconds that they took at least; None for any.
        duration: comparisons with what they took, as `duration_bounds` reads them, all of which must hold.
        since: aware; reported at this moment or later.
        until: aware; reported at this moment or earlier.
        sort: by what they are listed, the newest or the largest first.
        ascending: the oldest or the smallest first instead.
    """

    functions: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    cold: bool | None = None
    slower_than: float | None = None
    duration: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    sort: Sort = "time"
    ascending: bool = False


def invocation_clause(query: InvocationQuery, *, statuses: Sequence[Status] = ()) -> Clause:
    """Returns the OpenSearch query for the reports on these invocations. Raises BadInputError where nothing can lie in the period.

    With ``statuses``, it leaves out those that Lambda itself says to have ended otherwise: of others only their lines and traces tell.
    """
    filters: list[Clause] = [{"terms": {"eventName": list(_REPORTS)}}]
    filters += [{"exists": {"field": name}} for name in ("requestId", "durationMs")]
    if between := time_range(query.since, query.until):
        filters.append({"range": {"@timestamp": between}})
    if query.functions:
        filters.append(any_of([clause for name in query.functions for clause in _of_function(name)]))
    if query.tenants:
        filters.append({"terms": {"tenantId": list(query.tenants)}})
    if query.cold is not None:
        filters.append({"term": {"coldStart": query.cold}})
    if query.slower_than is not None:
        filters.append({"range": {"durationMs": {"gte": query.slower_than}}})
    filters += map(lasting, query.duration)
    if statuses:
        filters.append(any_of([{"terms": {"platformStatus": list(statuses)}}, UNSAID]))
    return joined(filters)


def failed_clause() -> Clause:
    """Returns the OpenSearch query for the reports on invocations that Lambda or, where it says nothing, X-Ray calls failed."""
    return any_of([{"terms": {"platformStatus": list(FAILED)}}, joined([UNSAID, _SEGMENT_FAILED])])


def ended_clause(statuses: Sequence[Status], shown: Mapping[Status, Sequence[str]]) -> Clause:
    """Returns the OpenSearch query for the reports on invocations that ended so, by the evidence of `failed_clause` and by their lines.

    Args:
        statuses: any of these.
        shown: the ids of the reports on all invocations of which lines alone tell that they failed, by the status that they tell.
    """
    ways: list[Clause] = [{"terms": {"platformStatus": list(statuses)}}]
    ways.append({"ids": {"values": [id_ for status in statuses for id_ in shown.get(status, ())]}})
    if "error" in statuses:
        ways.append(joined([UNSAID, _SEGMENT_FAILED]))
    if "success" in statuses:
        by_lines = {"ids": {"values": [id_ for ids in shown.values() for id_ in ids]}}
        ways.append({"bool": {"filter": [UNSAID], "must_not": [_SEGMENT_FAILED, by_lines]}})
    return any_of(ways)


def order_of(query: InvocationQuery) -> list[Clause]:
    """Returns the sort of these invocations, which tells all of them apart."""
    order = "asc" if query.ascending else "desc"
    # without `missing` OpenSearch 3.8 never answers a descending search that meets documents without a time
    by_time: list[Clause] = [{"@timestamp": {"order": order, "unmapped_type": "date_nanos", "missing": 0}}, {"_id": order}]
    field = _SORT_FIELDS.get(query.sort)
    return [*([{field: {"order": order, "unmapped_type": "double", "missing": -1}}] if field else []), *by_time]


def _of_function(name: str) -> list[Clause]:
    """The reports of a function: its log group is, or is named after it, or is shared and has log streams that are."""
    literal = "".join(f"\\{letter}" if letter in "\\*?" else letter for letter in name)
    named: list[Clause] = [{"terms": {field: [name]}} for field in ("serviceName", "aws.logGroup")]
    return [*named, {"wildcard": {"aws.logStream": {"value": f"*/{literal}[*"}}}]
