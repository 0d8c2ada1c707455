"""Issue list: the stored issues with what their traces say: how many, when, from which entries, what the callers were told, which."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pipeline.issues.issue import STATES, Change, Issue, IssueState
from pipeline.issues.issue_records import IssueRecords
from pipeline.issues.observation import Example
from pipeline.issues.sightings import HIDDEN, Query, read_examples
from pipeline.model.timestamps import day_of_millis, iso_millis
from pipeline.search.overview import step_between
from pipeline.search.time_expressions import time_range
from pipeline.store.client import Store

_PAGE: Final = 100
_MOST_ENTRIES: Final = 10
_MOST_ANSWERS: Final = 10
MOST_ISSUES: Final = 10_000
_SECOND: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedIssue:
    """An issue with what its stored traces say.

    Attributes:
        issue: as it is stored.
        total: how many traces showed it, those that are deleted included.
        first_at: when the first one ended, in milliseconds since the epoch, UTC.
        last_at: when the newest one did.
        entries: the names of the entries by which transactions came in, each with the number of stored traces, most first.
        told: what callers were told: what they saw, the HTTP status, and how many stored traces, most first.
        step: the length of each bucket, in milliseconds.
        buckets: when a bucket begins, in milliseconds since the epoch, and how many traces ended in it; none without a trace.
        newest: the newest stored trace; None where none is stored any more.
    """

    issue: Issue
    total: int
    first_at: int
    last_at: int
    entries: Sequence[tuple[str, int]] = ()
    told: Sequence[tuple[str, int | None, int]] = ()
    step: int = 0
    buckets: Sequence[tuple[int, int]] = ()
    newest: Example | None = None

    @property
    def told_success(self) -> int:
        """How many callers were told a success, of stored traces."""
        return sum(count for saw, _, count in self.told if saw == "success")


def list_issues(store: Store, *, now: datetime, states: Collection[IssueState] = (), service: str = "", since: datetime | None = None,
                ids: Collection[str] = ()) -> list[ListedIssue]:  # fmt: skip
    """Returns issues, new ones first, then by state, and of each state the one seen last first.

    Args:
        store: OpenSearch.
        now: the present, aware; buckets go up to it.
        states: only these; empty for all.
        service: only where this service failed.
        since: only what was seen at this time (aware) or later; buckets begin with it.
        ids: only these; empty for all.
    """
    filters: list[Query] = [{"terms": {name: list(values)}} for name, values in (("issue.state", states), ("issue.id", ids)) if values]
    filters += [{"term": {"serviceName": service}}] if service else []
    records = IssueRecords(store)
    records.refresh()
    issues = list(records.scan({"bool": {"filter": filters}}))[-MOST_ISSUES:]
    found = [listed for page in _pages(issues) for listed in _listed(store, page, now, since)]
    begin = _millis(since) if since else 0
    return sorted((each for each in found if each.last_at >= begin), key=_order)


def unlisted_faults(store: Store, *, since: datetime | None = None) -> int:
    """Returns how many traces with hidden faults are in no issue, since an earlier version of tracejoin evaluated them."""
    without: list[Query] = [{"exists": {"field": "issues.id"}}]
    filters: list[Query] = [HIDDEN, *([{"range": {"lastSeenAt": time_range(since, None)}}] if since else [])]
    body = {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": filters, "must_not": without}}}
    return int(store.search(body, index=f"{store.prefix}-traces")["hits"]["total"]["value"])


def as_json(listed: ListedIssue) -> dict[str, Any]:
    """Returns an issue as JSON values, with times in ISO 8601, UTC."""
    issue = listed.issue
    return {
        "id": issue.id, "state": issue.state, "service": issue.fingerprint.service, "fingerprint": issue.fingerprint,
        "traces": listed.total, "firstSeenAt": iso_millis(listed.first_at), "lastSeenAt": iso_millis(listed.last_at),
        "firstTraceId": issue.first_trace_id, "firstVersion": issue.first_version, "firstArn": issue.first_arn,
        "newestTraceId": listed.newest.trace_id if listed.newest else None,
        "entries": [{"name": name, "traces": count} for name, count in listed.entries],
        "told": [{"clientSaw": saw, "status": status, "traces": count} for saw, status, count in listed.told],
        "toldSuccess": listed.told_success,
        "buckets": [{"at": iso_millis(at), "traces": count} for at, count in listed.buckets], "bucketMillis": listed.step,
        "alertDue": issue.due, "lastAlertAt": iso_millis(issue.told_at) if issue.told_at else None,
        "changes": [_change(change) for change in issue.changes],
    }  # fmt: skip


def _change(change: Change) -> dict[str, Any]:
    optional = {"note": change.note, "version": change.version, "until": iso_millis(change.until) if change.until else "",
                "times": change.times}  # fmt: skip
    given = {name: value for name, value in optional.items() if value}
    return {"at": iso_millis(change.at), "by": change.by, "state": change.state, **given}


def _listed(store: Store, issues: Sequence[Issue], now: datetime, since: datetime | None) -> Iterator[ListedIssue]:
    ids = [issue.id for issue in issues]
    begin = _millis(since) if since else min(issue.first_seen_at for issue in issues)
    step = max(step_between(begin, max(_millis(now), begin)), _SECOND)
    shown = {"range": {"lastSeenAt": {"gte": iso_millis(begin)}}}
    aggregation = {
        "terms": {"field": "issues.id", "size": len(ids), "include": ids},
        "aggs": {
            "days": {"date_histogram": {"field": "lastSeenAt", "fixed_interval": "1d", "min_doc_count": 1}},
            "first": {"min": {"field": "lastSeenAt"}},
            "last": {"max": {"field": "lastSeenAt"}},
            "entries": {"terms": {"field": "name", "size": _MOST_ENTRIES}},
            "saw": {"terms": {"field": "trace.clientSaw", "size": 3}, "aggs": {"status": {"terms": {"field": "trace.edgeStatus",
                                                                                                   "size": _MOST_ANSWERS}}}},
            "shown": {"filter": shown, "aggs": {"buckets": {"date_histogram": {"field": "lastSeenAt", "fixed_interval": f"{step}ms",
                                                                               "min_doc_count": 1}}}},
            "newest": {"top_hits": {"size": 1, "sort": [{"lastSeenAt": {"order": "desc", "missing": 0}}],
                                    "_source": ["traceId", "issues", "lastSeenAt", "@timestamp"]}},
        },
    }  # fmt: skip
    query = {"bool": {"filter": [HIDDEN, {"terms": {"issues.id": ids}}]}}
    answer = store.search({"size": 0, "query": query, "aggs": {"issues": aggregation}}, index=f"{store.prefix}-traces")
    buckets = {bucket["key"]: bucket for bucket in answer.get("aggregations", {}).get("issues", {}).get("buckets", ())}
    for issue in issues:
        bucket = buckets.get(issue.id)
        if bucket is None:
            yield ListedIssue(issue=issue, total=issue.total({}), first_at=issue.first_seen_at, last_at=issue.last_seen_at)
        else:
            yield _with_traces(issue, bucket, step)


def _with_traces(issue: Issue, bucket: Mapping[str, Any], step: int) -> ListedIssue:
    days = {day_of_millis(int(day["key"])): int(day["doc_count"]) for day in bucket["days"]["buckets"]}
    newest = [example for hit in bucket["newest"]["hits"]["hits"] for example in read_examples(hit["_source"])
              if example.sighting.id == issue.id]  # fmt: skip
    return ListedIssue(
        issue=issue,
        total=issue.total(days),
        first_at=min(issue.first_seen_at, int(bucket["first"]["value"] or issue.first_seen_at)),
        last_at=max(issue.last_seen_at, int(bucket["last"]["value"] or 0)),
        entries=[(entry["key"], int(entry["doc_count"])) for entry in bucket["entries"]["buckets"]],
        told=sorted(_told(bucket["saw"]["buckets"]), key=lambda told: (-told[2], told[0], told[1] or 0)),
        step=step,
        buckets=[(int(each["key"]), int(each["doc_count"])) for each in bucket["shown"]["buckets"]["buckets"]],
        newest=newest[0] if newest else None,
    )


def _told(buckets: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int | None, int]]:
    for saw in buckets:
        known = [(int(status["key"]), int(status["doc_count"])) for status in saw["status"]["buckets"]]
        yield from ((saw["key"], status, count) for status, count in known)
        if rest := int(saw["doc_count"]) - sum(count for _, count in known):
            yield saw["key"], None, rest


def _order(listed: ListedIssue) -> tuple[int, int, str]:
    return STATES.index(listed.issue.state), -listed.last_at, listed.issue.id


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _pages(issues: Sequence[Issue]) -> Iterator[Sequence[Issue]]:
    return (issues[start : start + _PAGE] for start in range(0, len(issues), _PAGE))
