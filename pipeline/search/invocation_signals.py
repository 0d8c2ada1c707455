"""Invocation signals: the failures that the lines of invocations show, for reports in which Lambda does not say how they ended.

Lambda tries an asynchronous invocation again under its request id, a minute later or more (AWS Lambda developer guide, "How Lambda handles
errors and retries with asynchronous invocation"). So a line counts for the invocation that ran in its log stream within its minute.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipeline.model.invocations import LONGEST_INVOCATION_MS
from pipeline.search.query import Clause, joined
from pipeline.search.time_expressions import time_range
from pipeline.store.buckets import buckets
from pipeline.store.client import Store

SIGNALS: Final = ("timeout", "crash", "out-of-memory", "exception")
"""The signals of a line that tell how its invocation may have ended."""
_PAGE: Final = 1000
_MINUTE_MS: Final = 60_000
# a line may come with a later time than the report, and the report with a later one than the end
_SLACK_MS: Final = 1000
_AROUND: Final = timedelta(milliseconds=LONGEST_INVOCATION_MS)
_INVOCATION: Final = {"account": "aws.accountId", "log_group": "aws.logGroup", "log_stream": "aws.logStream", "request": "requestId"}

Source = Mapping[str, Any]
RequestKey = tuple[str, str, str]
"""An account, a log group and a request id."""


def signals_of(sources: Sequence[Source], store: Store) -> list[tuple[str, ...]]:
    """Returns the signals that the lines of each of these invocations show, by the documents of their reports; as many as ``sources``."""
    if not sources:
        return []
    times = [datetime.fromisoformat(source["@timestamp"]).astimezone(UTC) for source in sources]
    lines = joined([
        {"range": {"@timestamp": time_range(min(times) - _AROUND, max(times) + _AROUND)}}, _SHOWING,
        {"terms": {"requestId": sorted({source["requestId"] for source in sources})}},
    ])  # fmt: skip
    by = {**_INVOCATION, "signal": "signals", "minute": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1m"}}}
    found: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for bucket in buckets(store, lines, by, index=store.lines_and_spans, missing=True):
        key = bucket["key"]
        of = tuple(str(key[name] or "") for name in _INVOCATION)
        found.setdefault(of, []).append((int(key["minute"]), str(key["signal"])))
    return [_within(found.get(_ran(source), ()), at, source.get("durationMs") or 0) for source, at in zip(sources, times, strict=True)]


def requests_with_signals(store: Store, since: datetime | None, until: datetime | None) -> Iterator[Sequence[RequestKey]]:
    """Yields the requests of which a line shows such a signal, a page at a time; their invocations may lie within the period (aware)."""
    between = time_range(since - _AROUND if since else None, until + _AROUND if until else None)
    lines = joined([_SHOWING, {"exists": {"field": "requestId"}}, *([{"range": {"@timestamp": between}}] if between else [])])
    names = ("account", "log_group", "request")
    page: list[RequestKey] = []
    for bucket in buckets(store, lines, {name: _INVOCATION[name] for name in names}, index=store.lines_and_spans, missing=True):
        key = bucket["key"]
        account, log_group, request = (str(key[name] or "") for name in names)
        page.append((account, log_group, request))
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def request_key(source: Source) -> RequestKey:
    """The request of a line."""
    account, log_group, _, request = _ran(source)
    return account, log_group, request


_SHOWING: Final[Clause] = {"terms": {"signals": list(SIGNALS)}}


def _ran(source: Source) -> tuple[str, str, str, str]:
    aws = source.get("aws") or {}
    return aws.get("accountId") or "", aws.get("logGroup") or "", aws.get("logStream") or "", source.get("requestId") or ""


def _within(shown: Sequence[tuple[int, str]], reported: datetime, duration: float) -> tuple[str, ...]:
    """The signals shown within the time of an invocation, the strongest first."""
    end = reported.timestamp() * 1000 + _SLACK_MS
    begin = end - duration - 2 * _SLACK_MS
    signals = {signal for minute, signal in shown if minute <= end and minute + _MINUTE_MS > begin}
    return tuple(signal for signal in SIGNALS if signal in signals)
