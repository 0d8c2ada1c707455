"""Times outside CloudWatch Logs' bounds: they make one index, lose nothing, and no redelivery makes a second copy."""

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch

import pytest

from pipeline.local.aws_spans import subscription_event
from pipeline.model.timestamps import iso_millis
from pipeline.provision.install import documents
from pipeline.resolve import Resolver
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from pipeline.ship import ship
from tests.support.events import NOW, TRACE, Traces, document, function, powertools, service
from tests.support.otel_spans import SPAN
from tests.support.shipping import adds_up, lines_of, resolver, shipped
from tests.support.stores import both_kinds

DAY = 86_400_000


def indices(store, kind):
    """The names of the indices of one kind, behind the prefix."""
    rows = store.request("GET", f"/_cat/indices/{store.prefix}-{kind}-*", params={"format": "json", "h": "index"})
    return sorted(row["index"].removeprefix(f"{store.prefix}-") for row in rows)


def of_days(days, **more):
    """A document with an event of each of these days back."""
    content = document([powertools(f"of day {day}") for day in days], **more)
    for event, day in zip(content["logEvents"], days, strict=True):
        event["timestamp"] = NOW - day * DAY
    return content


def shipped_at(content, store, settings, at):
    """Ships ``content`` when the time is ``at``, in milliseconds."""
    return ship(content, store=store, settings=settings, remaining=lambda: 30.0, clock=lambda: at / 1000).ledger


@both_kinds
def test_four_hundred_days_do_not_make_four_hundred_indices(store, settings):
    """Past and future days beyond the bounds share one index; each event keeps its time, is found by it, and is never doubled."""
    content = of_days(range(-200, 200))
    first, again = shipped(content, store, settings).ledger, shipped(content, store, settings).ledger
    assert (first.indexed, again.duplicate) == (400, 400)
    assert adds_up(first)
    found = indices(store, "logs")
    assert len(found) <= 17
    assert found[-1] == "logs-outside"
    store.refresh()
    hits = store.search({"size": 500, "query": {"match_all": {}}}, index=f"{store.prefix}-logs-*")["hits"]["hits"]
    assert {hit["_source"]["@timestamp"] for hit in hits} == {iso_millis(event["timestamp"]) for event in content["logEvents"]}
    day = datetime.fromtimestamp(NOW / 1000, UTC) - timedelta(days=150)
    rows = list(search(SearchQuery(since=day - timedelta(hours=1), until=day + timedelta(hours=1)), store))
    assert [row["body"] for row in rows] == ["of day 150"]


@pytest.mark.parametrize("later", [1, 10, 20, 60])
def test_a_redelivery_after_the_bounds_moved_on_makes_no_copy(store, settings, later):
    """Lines of several days, shipped in time and again days later, in one batch with a new old one: each document is there once."""
    content = of_days((0, 5, 13), first=1)
    assert shipped_at(content, store, settings, NOW).indexed == 3
    more = of_days((0, 5, 13, 13), first=1)
    ledger = shipped_at(more, store, settings, NOW + later * DAY)
    assert (ledger.indexed, ledger.duplicate) == (1, 3)
    assert shipped_at(more, store, settings, NOW + later * DAY).duplicate == 4
    store.refresh()
    assert store.search({"size": 0, "track_total_hits": True}, index=f"{store.prefix}-logs-*")["hits"]["total"]["value"] == 4


def test_a_line_outside_gets_its_trace_like_any_other(store, settings):
    """A line and its spans that are too old for an index of their own get the verdict, each once."""
    old = NOW - 20 * DAY
    shipped(document([powertools("old")], at=old), store, settings)
    moved = {"start_time": old / 1000, "end_time": old / 1000 + 0.1}
    worker, _ = resolver(store, settings, service() | moved, function() | moved, clock=lambda: NOW / 1000)
    for _ in range(2):
        worker.resolve([TRACE], force=True)
    found = sorted((one["doc"]["kind"], one["trace"]["state"]) for one in lines_of(store))
    assert found == [("log", "complete"), ("span", "complete"), ("span", "complete")]
    assert indices(store, "spans") == ["spans-outside"]


def spans_of_days(days):
    """A subscription event of aws/spans with a span that starts on each of these days back."""
    spans = []
    for number, day in enumerate(days, 1):
        start = (NOW - day * DAY) * 1_000_000
        spans.append(SPAN | {"spanId": f"{number:016x}", "startTimeUnixNano": start, "endTimeUnixNano": start + 1_000_000})
    return subscription_event(spans, at=NOW)


def test_spans_of_four_hundred_days_make_few_indices(store, settings):
    """A span says itself when it began, so the same bounds hold for spans; none is lost or doubled."""
    event = spans_of_days(range(400))
    assert shipped(event, store, settings).ledger.indexed == 400
    assert shipped(event, store, settings).ledger.duplicate == 400
    found = indices(store, "spans")
    assert len(found) <= 16
    assert found[-1] == "spans-outside"


def test_a_span_that_came_in_time_is_found_again_later(store, settings):
    """Shipped in time, looked up when it is too old: one document, with the better fact of the two."""
    assert shipped_at(spans_of_days([13]), store, settings, NOW).indexed == 1
    store.refresh()
    began = (NOW - 13 * DAY) / 1000
    better = {"id": f"{1:016x}", "trace_id": service()["trace_id"], "name": "orders", "start_time": began, "end_time": began + 5}
    Resolver(store=store, source=Traces(better), settings=settings, clock=lambda: (NOW + 5 * DAY) / 1000).resolve([TRACE], force=True)
    found = [one for one in lines_of(store) if one["spanId"] == f"{1:016x}"]
    assert len(found) == 1
    assert found[0]["durationInNanos"] == 5_000_000_000
    assert len(indices(store, "spans")) == 1


def test_a_clock_of_years_ahead_makes_no_second_span(store, settings):
    """However late a trace is looked up again, each of its spans stays one document."""
    shipped(document([powertools("a")]), store, settings)
    for years in (0, 1, 50):
        worker, _ = resolver(store, settings, service(), function(), clock=lambda years=years: NOW / 1000 + 1 + years * 365 * 86_400)
        worker.resolve([TRACE], force=True)
    assert sorted(one["doc"]["kind"] for one in lines_of(store)) == ["log", "span", "span"]


def test_the_retention_covers_the_index_for_all_times_outside(store, settings):
    """The template's patterns and the lifecycle policy's take it in, so it has the mapping, and goes with the retention."""
    shipped(of_days([100]), store, settings)
    index = f"{store.prefix}-logs-outside"
    assert store.request("GET", f"/{index}/_mapping")[index]["mappings"]["properties"]["traceId"]["type"] == "keyword"
    ((_, policy),) = documents("policies", store.prefix, 14)
    patterns = policy["policy"]["ism_template"][0]["index_patterns"]
    assert all(any(fnmatch(f"{store.prefix}-{kind}-outside", pattern) for pattern in patterns) for kind in ("logs", "spans"))
