"""Untraced lines: applies the policy's shares to log lines without a trace.

Such a line goes with the others of its request, if it names one, else with those of its log stream: the hash of that id decides. A log
stream in which something failed in these hours keeps its lines. The START of a request whose end is not stored stays: lines that come late
find their invocation by it. Each run looks at the lines of the last hours whose grace period is
over, so that nothing has to be remembered between runs; what no run saw in time stays for the whole retention.
"""

from collections.abc import Callable, Collection, Iterable
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

from pipeline.model.invocations import ENDS, LONGEST_INVOCATION_MS, STARTS, LogStream, stream_of
from pipeline.model.timestamps import iso_millis
from pipeline.retain.decision import ERROR, is_failing, log_group_of, severity_of
from pipeline.retain.policy import HOUR_MS, Policy, share_of
from pipeline.retain.whole_transactions import size_of
from pipeline.store.buckets import buckets
from pipeline.store.client import Store
from pipeline.store.results import Hit

_LOOKED_BACK_MS: Final = 3 * HOUR_MS
_PAGE: Final = 500
_BUCKETS: Final = 1000
_UNTRACED: Final[dict[str, Any]] = {"bool": {"must_not": [{"exists": {"field": "traceId"}}]}}
_FAILING: Final[dict[str, Any]] = {
    "bool": {
        "should": [{"range": {"severity.number": {"gte": ERROR}}}, {"exists": {"field": "signals"}}, {"exists": {"field": "staleTraceId"}}],
        "minimum_should_match": 1,
    }
}


def sample_untraced(policy: Policy, store: Store, clock: Callable[[], float]) -> int:
    """Deletes lines without a trace of which ``policy`` keeps nothing; returns how many.

    What goes is counted before, in a document of the index `<prefix>-sampled-out` for each page: after a crash between the two a page
    may be counted twice, and no line goes uncounted. ``clock`` returns seconds since the epoch. Sees only refreshed documents.
    """
    if not policy.samples:
        return 0
    now = int(clock() * 1000)
    until = now - policy.grace_ms
    since = until - _LOOKED_BACK_MS
    pattern = f"{store.prefix}-logs-*"
    failing = _failing_streams(store, pattern, since - LONGEST_INVOCATION_MS, until + LONGEST_INVOCATION_MS)
    found = store.scan({"bool": {"filter": [_UNTRACED, _between(since, until)]}}, index=pattern)
    deleted, rest = 0, iter(_going(found, policy, failing))
    while page := list(islice(rest, _PAGE)):
        deleted += _delete(page, policy, store, now)
    return deleted


def _going(found: Iterable[Hit], policy: Policy, failing: Collection[LogStream]) -> list[tuple[Hit, int]]:
    """Those of the lines that go, each without its text and with its size; read as a whole, since lines go while the pages are read."""
    going: list[tuple[Hit, int]] = []
    starts: dict[str, tuple[LogStream, str]] = {}
    ended: set[tuple[LogStream, str]] = set()
    for hit in found:
        request, event = (stream_of(hit.source), str(hit.source.get("requestId") or "")), hit.source.get("eventName")
        if event in ENDS:
            ended.add(request)
        if _goes(hit, policy, failing):
            going.append(_without_text(hit))
            if event in STARTS:
                starts[hit.id] = request
    return [(hit, size) for hit, size in going if hit.id not in starts or starts[hit.id] in ended]


def _goes(hit: Hit, policy: Policy, failing: Collection[LogStream]) -> bool:
    stream = stream_of(hit.source)
    if is_failing(hit.source) or stream in failing:
        return False
    share = share_of(policy, (str(hit.source.get("serviceName") or ""),), (log_group_of(hit),), severity_of(hit.source))
    return not share.has(str(hit.source.get("requestId") or "") or "/".join(stream))


def _without_text(hit: Hit) -> tuple[Hit, int]:
    return Hit(index=hit.index, id=hit.id, source={}, seq_no=hit.seq_no, primary_term=hit.primary_term), size_of(hit)


def _between(since: int, until: int) -> dict[str, Any]:
    return {"range": {"@timestamp": {"gte": since, "lte": until, "format": "epoch_millis"}}}


def _failing_streams(store: Store, pattern: str, since: int, until: int) -> set[LogStream]:
    """The log streams with a line that reports a failure in this time, whether it has a trace or not."""
    names = {"group": "aws.logGroup", "stream": "aws.logStream", "account": "aws.accountId"}
    failing = {"bool": {"filter": [_FAILING, _between(since, until)]}}
    keys = (bucket["key"] for bucket in buckets(store, failing, names, index=pattern, size=_BUCKETS))
    return {LogStream(key["group"], key["stream"], key["account"]) for key in keys}


def _delete(page: Iterable[tuple[Hit, int]], policy: Policy, store: Store, now: int) -> int:
    sizes = {(hit.index, hit.id): (hit, size) for hit, size in page}
    ledger = {"at": iso_millis(now), "reason": policy.name, "lines": len(sizes), "bytes": sum(size for _, size in sizes.values())}
    # the same page once more is the same document
    id_ = blake2b("\n".join(id_ for _, id_ in sizes).encode(), digest_size=16).hexdigest()
    (counted,) = store.write([{"index": {"_index": f"{store.prefix}-sampled-out", "_id": id_}}, ledger])
    if not counted.ok:
        counted.raise_for_failure("the count of lines without a trace")
    actions = [
        {"delete": {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no, "if_primary_term": hit.primary_term}}
        for hit, _ in sizes.values()
    ]
    results = store.write(actions)
    for result in results:
        # a conflict says that it got a trace meanwhile
        if not (result.ok or result.gone or result.conflict):
            result.raise_for_failure("the deletion of a line without a trace")
    return sum(result.ok for result in results)
