"""A REPORT that comes when its trace is settled: lines that show the same as before are not written again, however many there are."""

import pytest

from tests.support.events import NOW, OTHER_REQUEST, TRACE, end, function, lambda_event, powertools, report, service, start
from tests.support.shipping import lines_of, resolver, shipped

OPENING = [start(), *(powertools(f"line {number}") for number in range(20))]


def versions(store):
    """The sequence number of each line of the trace, by its text."""
    store.refresh()
    return {hit.source["body"]: hit.seq_no for hit in store.scan({"term": {"traceId": TRACE}}, index=f"{store.prefix}-logs-*")}


def settled(store, settings, *messages):
    """Ships these lines, lets their trace settle, and returns the worker."""
    shipped(lambda_event(list(messages)), store, settings)
    worker, _ = resolver(store, settings, service(), function())
    assert worker.resolve([TRACE]).settled == 1
    return worker


def test_a_late_report_leaves_the_lines_alone(store, settings):
    """X-Ray told already in which segment they ran and that it was sampled; only END and REPORT are written with the verdict."""
    worker = settled(store, settings, *OPENING)
    before = versions(store)
    assert {(line.get("spanId"), line.get("sampled")) for line in lines_of(store) if line.get("body", "").startswith("line")} == {
        ("0285bf1261be05ff", True)
    }
    unsettled = shipped(lambda_event([end(), report()], at=NOW + 50, first=500), store, settings).unsettled
    worker.resolve(unsettled)
    after = versions(store)
    assert {text: after[text] for text in before if text.startswith("line")} == {
        text: before[text] for text in before if text.startswith("line")
    }
    assert {document["trace"]["state"] for document in lines_of(store)} == {"complete"}


@pytest.mark.parametrize("order", ["REPORT first", "REPORT last"])
def test_the_lines_show_the_same_in_either_order(store, settings, order):
    """What X-Ray told of a request is what its REPORT says."""
    parts = [lambda_event(OPENING), lambda_event([end(), report()], at=NOW + 50, first=500)]
    worker, _ = resolver(store, settings, service(), function())
    for event in parts if order == "REPORT last" else parts[::-1]:
        shipped(event, store, settings)
        worker.sweep()
    found = {(line["spanId"], line["sampled"], line["segment"]["id"]) for line in lines_of(store) if line["doc"]["kind"] == "log"}
    assert found == {("0285bf1261be05ff", True, "17e84e76450d1777")}


def test_a_report_that_says_otherwise_changes_the_lines(store, settings):
    """The platform's record outweighs what X-Ray shows; and of another function's request it says nothing."""
    worker = settled(store, settings, *OPENING, powertools("beside", request=OTHER_REQUEST))
    shipped(lambda_event([end(), report().replace("0285bf1261be05ff", "3" * 16)], at=NOW + 50, first=500), store, settings)
    worker.sweep()
    found = {line["body"]: line.get("spanId") for line in lines_of(store) if line["doc"]["kind"] == "log"}
    assert {found["line 1"], found["line 19"]} == {"3" * 16}
    assert found["beside"] is None
