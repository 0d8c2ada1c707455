"""Findings: finds traces with hidden faults."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipeline.search.comparisons import duration_bounds
from pipeline.search.query import any_of, told
from pipeline.search.search import MOST_DOCUMENTS, documents, newest_first
from pipeline.search.time_expressions import time_range
from pipeline.store.client import Store


def hidden_faults(store: Store, *, since: datetime | None = None, until: datetime | None = None, limit: int = 100,
                  rule: str = "", service: str = "", notices: bool = False, edge_status: Sequence[str] = (),
                  duration: Sequence[str] = ()) -> list[dict[str, Any]]:  # fmt: skip
    """Returns the trace documents with a hidden fault, newest first.

    Args:
        store: OpenSearch.
        since: the earliest end of a trace; aware. One line of any writer can make a trace begin long before, or end long after.
        until: the latest start; aware.
        limit: how many at most.
        rule: only traces for which this rule fired.
        service: only traces with a finding of this service.
        notices: also traces whose findings are all notices.
        edge_status: only traces whose caller was told one of these HTTP statuses, as `status_bounds` reads them.
        duration: only traces that lasted so, by all of these comparisons, as `duration_bounds` reads them.
    """
    filters: list[dict[str, Any]] = [{"exists": {"field": "trace.rules"}} if notices else {"term": {"trace.hiddenFault": True}}]
    filters += [{"term": {field: value}} for field, value in (("trace.rules", rule), ("findings.serviceName", service)) if value]
    filters += [any_of([told(text) for text in edge_status])] if edge_status else []
    filters += [{"range": {"durationInNanos": duration_bounds(text)}} for text in duration]
    filters += traces_between(since, until)
    body = {"query": {"bool": {"filter": filters}}, "size": min(limit, MOST_DOCUMENTS), "sort": newest_first(),
            "_source": {"excludes": ["state"]}}  # fmt: skip
    return documents(store.search(body, index=f"{store.prefix}-traces"))


def traces_between(since: datetime | None, until: datetime | None) -> list[dict[str, Any]]:
    """The clauses for traces that did not end before ``since`` and did not begin after ``until``. Raises WrongUsageError where none can."""
    # raises where nothing can lie between the two
    time_range(since, until)
    ends = (("lastSeenAt", time_range(since, None)), ("@timestamp", time_range(None, until)))
    return [{"range": {name: between}} for name, between in ends if between]
