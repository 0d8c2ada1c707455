from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pipeline.search.search import _MOST, documents, newest_first
from pipeline.search.time_expressions import time_range
from pipeline.store.client import Store


def hidden_faults(store: Store, *, since: datetime | None = None, until: datetime | None = None, limit: int = 100,
                  rule: str = "", service: str = "", notices: bool = False) -> list[dict[str, Any]]:  # fmt: skip
    """The trace documents with a hidden fault, newest first.

    Args:
        store: OpenSearch.
        since: when the trace began, at the earliest; aware.
        until: at the latest; aware.
        limit: how many at most.
        rule: only where this rule fired.
        service: only where something of this service failed.
        notices: those, too, whose failure the caller plainly saw.
    """
    filters: list[dict[str, Any]] = [{"exists": {"field": "trace.rules"}} if notices else {"term": {"trace.hiddenFault": True}}]
    filters += [{"term": {field: value}} for field, value in (("trace.rules", rule), ("findings.serviceName", service)) if value]
    if between := time_range(since, until):
        filters.append({"range": {"@timestamp": between}})
    body = {"query": {"bool": {"filter": filters}}, "size": min(limit, _MOST), "sort": newest_first(),
            "_source": {"excludes": ["state"]}}  # fmt: skip
    return documents(store.search(body, index=f"{store.prefix}-traces"))


def verdicts(found: Iterable[Mapping[str, Any]], store: Store) -> list[dict[str, Any]]:
    """The trace documents of these lines and spans that have findings, in time order."""
    ids = sorted({str(one["traceId"]) for one in found if one.get("traceId") and (one.get("trace") or {}).get("rules")})
    query = {"query": {"terms": {"traceId": ids}}, "size": _MOST, "sort": [{"@timestamp": "asc"}], "_source": {"excludes": ["state"]}}
    return documents(store.search(query, index=f"{store.prefix}-traces")) if ids else []
