"""Service list: each service in numbers for a period: lines, spans, errors, traces, hidden faults, when last seen, and where it logs.

OpenSearch counts, a page of services at a time; no document is read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pipeline.model.timestamps import iso_millis
from pipeline.search.findings import traces_between
from pipeline.search.query import LEVELS, joined
from pipeline.search.time_expressions import time_range
from pipeline.store.buckets import buckets
from pipeline.store.client import Store

_MOST_LOG_GROUPS: Final = 10
_NAME: Final = {"service": "serviceName"}
# a span that X-Ray made up of its caller's side is nobody's own
_OWN: Final = {"bool": {"must_not": [{"term": {"state.inferred": True}}]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedService:
    """One service within a period.

    Attributes:
        lines: its log lines.
        spans: its spans.
        errors: its lines of the level error and worse.
        traces: the traces that these lines and spans are of; above 3,000 OpenSearch's estimate.
        hidden_faults: the traces with a fault of this service that hides behind a success, as `hidden_faults` finds them.
        last_seen: the time of its newest line or span, ISO 8601 in UTC; empty where only a hidden fault is left of it.
        log_groups: where it logs, those with the most lines first, ten at most.
    """

    name: str
    lines: int = 0
    spans: int = 0
    errors: int = 0
    traces: int = 0
    hidden_faults: int = 0
    last_seen: str = ""
    log_groups: tuple[str, ...] = ()


def list_services(store: Store, *, since: datetime | None = None, until: datetime | None = None) -> list[ListedService]:
    """Returns the services that wrote or called between ``since`` and ``until`` (aware), those with hidden faults first, then by errors.

    Raises BadInputError where nothing can lie between the two times.
    """
    between = time_range(since, until)
    clause = joined([_OWN, *([{"range": {"@timestamp": between}}] if between else [])])
    hidden = dict(_hidden_faults(store, since, until))
    found = buckets(store, clause, _NAME, index=store.lines_and_spans, measures=_measures())
    services = [_listed(bucket, hidden.pop(str(bucket["key"]["service"]), 0)) for bucket in found]
    services += [ListedService(name=name, hidden_faults=count) for name, count in hidden.items()]
    return sorted(services, key=lambda each: (-each.hidden_faults, -each.errors, -each.lines, -each.spans, each.name))


def as_json(service: ListedService) -> dict[str, Any]:
    """Returns a service as JSON values."""
    return {
        "service": service.name, "lines": service.lines, "spans": service.spans, "errors": service.errors, "traces": service.traces,
        "hiddenFaults": service.hidden_faults, "lastSeen": service.last_seen or None, "logGroups": list(service.log_groups),
    }  # fmt: skip


def _measures() -> dict[str, Any]:
    lines = {"term": {"doc.kind": "log"}}
    return {
        "lines": {"filter": lines},
        "errors": {"filter": joined([lines, {"range": {"severity.number": {"gte": LEVELS["error"]}}}])},
        "traces": {"cardinality": {"field": "traceId"}},
        "last": {"max": {"field": "@timestamp"}},
        "groups": {"terms": {"field": "aws.logGroup", "size": _MOST_LOG_GROUPS}},
    }


def _listed(bucket: Mapping[str, Any], hidden_faults: int) -> ListedService:
    lines, last = int(bucket["lines"]["doc_count"]), bucket["last"]["value"]
    return ListedService(
        name=str(bucket["key"]["service"]),
        lines=lines,
        spans=int(bucket["doc_count"]) - lines,
        errors=int(bucket["errors"]["doc_count"]),
        traces=int(bucket["traces"]["value"]),
        hidden_faults=hidden_faults,
        last_seen=iso_millis(int(last)) if last is not None else "",
        log_groups=tuple(str(group["key"]) for group in bucket["groups"]["buckets"]),
    )


def _hidden_faults(store: Store, since: datetime | None, until: datetime | None) -> Iterator[tuple[str, int]]:
    """The number of traces with a hidden fault of each service."""
    clause = joined([{"term": {"trace.hiddenFault": True}}, *traces_between(since, until)])
    found = buckets(store, clause, {"service": "findings.serviceName"}, index=f"{store.prefix}-traces")
    return ((str(bucket["key"]["service"]), int(bucket["doc_count"])) for bucket in found)
