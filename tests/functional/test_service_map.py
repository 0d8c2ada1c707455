"""The service map and the pipeline's health, from what is stored."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import BadInputError
from pipeline.local.aws_spans import subscription_event
from pipeline.search.pipeline_health import pipeline_health
from pipeline.search.service_map import read_service_map
from tests.support.documents import BEGAN, line, put, span
from tests.support.page import page_server
from tests.support.shipping import shipped
from tests.support.stores import both_kinds
from tests.unit.search.test_service_map import EDGES

NOW = BEGAN.timestamp() + 3600


def nanos(text):
    """Nanoseconds since the epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000) * 1000


def span_event(document):
    """A span of OpenSearch's sample as `aws/spans` would have it; its trace ids are too long there."""
    return {"traceId": document["traceId"][:32], "spanId": document["spanId"], "parentSpanId": document["parentSpanId"], "name": document["name"],
            "kind": document["kind"].removeprefix("SPAN_KIND_"), "startTimeUnixNano": nanos(document["startTime"]),
            "endTimeUnixNano": nanos(document["endTime"]), "attributes": document["attributes"],
            "resource": {"attributes": document["resource"]["attributes"]}, "status": {"code": "ERROR" if document["status"]["code"] == 2 else "UNSET"}}  # fmt: skip


@both_kinds
def test_shipped_spans_give_the_topology(store, settings, samples):
    """OpenSearch's sample of spans, shipped as `aws/spans`: all ten edges and nothing else; a call that failed counts on its edge."""
    lines = (samples / "opensearch_apm" / "otel_v1_apm_span_explore.data.ndjson").read_text().splitlines()
    shipped(
        subscription_event(map(span_event, map(json.loads, lines)), at=nanos(json.loads(lines[0])["startTime"]) // 1_000_000),
        store,
        settings,
    )
    store.refresh()
    found = read_service_map(store)
    assert {(edge.caller, edge.callee) for edge in found.edges} == EDGES
    assert (found.spans, found.is_cut) == (50, False)
    assert sum(edge.traffic.calls for edge in found.edges) == 20


@both_kinds
def test_only_the_newest_spans_of_the_period_are_read(store):
    """Spans out of the period are not read; of more spans than the bound the newest are, whole pages of one moment included."""
    documents = [span(f"{n}", BEGAN + timedelta(seconds=n // 4), spanId=f"{n:016x}", traceId=f"{n // 2:032x}", parentSpanId=f"{n - 1:016x}" if n % 2 else "",
                      serviceName=f"s{n % 2}") for n in range(40)]  # fmt: skip
    put(store, *documents)
    whole = read_service_map(store, since=BEGAN)
    assert (whole.spans, whole.edges[0].traffic.calls) == (40, 20)
    assert read_service_map(store, since=BEGAN + timedelta(seconds=5)).spans == 20
    cut = read_service_map(store, most=10)
    assert (cut.spans, cut.is_cut, cut.edges[0].traffic.calls) == (10, True, 5)
    assert read_service_map(store, until=BEGAN - timedelta(days=1)).nodes == ()
    with pytest.raises(BadInputError, match="nothing is between"):
        read_service_map(store, since=BEGAN, until=BEGAN - timedelta(days=1))


@both_kinds
def test_health_counts_what_is_stored(store):
    """Lines, spans and refused events by day; what waits, since when, and what is overdue; look-ups; dead letters by reason."""
    stored_trace = {"@timestamp": BEGAN.isoformat(), "lastSeenAt": BEGAN.isoformat(), "doc": {"kind": "trace"}}
    lookups = {
        "1": {"at": 1_790_000_000_000, "outcome": "found", "source": "BatchGetTraces"},
        "2": {"at": 1_790_000_060_000, "outcome": "absent"},
    }
    letters = [[{"create": {"_index": "@-dead-letters", "_id": f"{n}"}},
                {"@timestamp": (BEGAN + timedelta(minutes=n)).isoformat(), "reason": f"reason {n % 2}", "document": "x" * 5000}] for n in range(3)]  # fmt: skip
    put(
        store,
        line("1", traceId="a" * 32, idSource="inline"),
        line("2", idSource="none", trace={"state": "complete", "version": 1}),
        span("3", BEGAN + timedelta(days=-1), traceId="a" * 32, trace={"state": "complete", "version": 1}),
        [{"create": {"_index": "@-traces", "_id": "a" * 32}},
         stored_trace | {"traceId": "a" * 32, "settled": False, "trace": {"state": "pending"}, "state": {"lookups": lookups}}],
        [{"create": {"_index": "@-traces", "_id": "b" * 32}}, stored_trace | {"traceId": "b" * 32, "settled": True, "trace": {"state": "complete"}}],
        *letters,
    )  # fmt: skip
    found = pipeline_health(store, delays=(10, 30), now=NOW)
    assert [(day.day, day.lines, day.joined, day.spans, day.dead_letters) for day in found.days] == [
        ("2026-11-24", 2, 1, 0, 3),
        ("2026-11-23", 0, 0, 1, 0),
    ]
    assert (found.methods, found.states) == ({"inline": 1, "none": 1}, {"pending": 1, "complete": 1})
    assert (found.lines.count, found.lines.overdue, found.lines.example) == (1, 1, "a" * 32)
    assert (found.traces.count, found.traces.overdue) == (1, 1)
    assert pipeline_health(store, delays=(10, 7200), now=NOW).traces.overdue == 0
    assert (found.look_ups.traces, found.look_ups.looked_up, found.look_ups.made) == (2, 1, 2)
    assert set(found.look_ups.outcomes) == {("BatchGetTraces", "found", 1), ("", "absent", 1)}
    assert found.look_ups.last == "2026-09-21T14:14:20.000Z"
    assert [(reason, count) for reason, count, _ in found.dead_letters.reasons] == [("reason 0", 2), ("reason 1", 1)]
    assert (found.dead_letters.count, len(found.dead_letters.newest[0].content), found.left_out) == (3, 2000, ())
    assert datetime.fromisoformat(found.dead_letters.reasons[0][2]) == BEGAN.astimezone(UTC) + timedelta(minutes=2)


def test_the_pages_say_that_nothing_is_there(store):
    """Before the first line both pages are there, and say so."""
    with page_server(store, clock=lambda: NOW) as page:
        services, health = page.get("/services"), page.get("/health")
    assert (services.status, health.status) == (200, 200)
    assert "No spans began in this period" in services.text
    assert "Nothing of these days is stored" in health.text


def test_a_wrong_period_is_one_sentence(store):
    """What is no time is refused with what a time looks like."""
    with page_server(store) as page:
        answer = page.get("/services", since="whenever")
    assert answer.status == 400
    assert "&#39;whenever&#39; is no time" in answer.text


@pytest.mark.opensearch
def test_a_closed_index_is_named(store):
    """What no search can see is said on top of the page."""
    put(store, line("1", traceId="a" * 32))
    index = f"{store.prefix}-logs-{BEGAN:%Y.%m.%d}"
    store.request("POST", f"/{index}/_close")
    with page_server(store, clock=lambda: NOW) as page:
        assert f"{index} can't be searched now" in page.get("/health").text
