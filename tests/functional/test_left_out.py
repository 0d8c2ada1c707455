"""Indices that no search can see, on a real OpenSearch: closed ones, and ones whose shards are away."""

import threading
import time

import pytest

from pipeline.errors import BadInputError, UnavailableError
from pipeline.model.timestamps import day_of_nanos
from pipeline.store.left_out import UNSEARCHABLE, LeftOut
from tests.support.command import rows, tracejoin
from tests.support.events import NOW, OTHER, OTHER_REQUEST, REQUEST, TRACE, end, lambda_event, powertools, report, start
from tests.support.shipping import lines_of, resolver, shipped

pytestmark = pytest.mark.opensearch
DAY = 86_400_000
MIDNIGHT = NOW // DAY * DAY
NOWHERE = {"index.routing.allocation.require._name": "nowhere"}


def closed(store, at):
    """Closes the log index of a time, and returns its name."""
    name = f"{store.prefix}-logs-{day_of_nanos(at * 1_000_000)}"
    store.request("POST", f"/{name}/_close")
    return name


def opened(store, name):
    """Opens an index, and waits until it can be searched."""
    store.request("POST", f"/{name}/_open")
    store.request("GET", f"/_cluster/health/{name}", params={"wait_for_status": "yellow"})
    store.left_out = LeftOut()


def test_a_trace_whose_lines_no_search_sees_does_not_settle(store, settings):
    """The first lines of an invocation over midnight are in a closed index: the trace is left with the reason, and whole after the cure."""
    shipped(lambda_event([start(), "bare"], at=MIDNIGHT - 2000), store, settings)
    name = closed(store, MIDNIGHT - 1)
    shipped(lambda_event([end(), report(sampled=False)], at=MIDNIGHT + 1000, first=10), store, settings)
    worker, _ = resolver(store, settings)
    done = worker.resolve([TRACE], force=True)
    assert (done.settled, done.unsettled) == (0, (TRACE,))
    assert done.unwritable == {TRACE: f"{name} can't be searched now: {UNSEARCHABLE}"}
    opened(store, name)
    assert worker.resolve([TRACE], force=True).settled == 1
    assert {document["body"].split()[0] for document in lines_of(store)} == {"START", "bare", "END", "REPORT"}


def test_an_old_closed_index_holds_nothing_up(store, settings):
    """An index of last week that somebody closed, as lifecycle policies do, is no reason to leave today's traces."""
    shipped(lambda_event([report(trace=OTHER, sampled=False)], at=NOW - 7 * DAY), store, settings)
    closed(store, NOW - 7 * DAY)
    shipped(lambda_event([start(), "bare", report(sampled=False)], first=10), store, settings)
    done = resolver(store, settings)[0].resolve([TRACE], force=True)
    assert (done.settled, done.unwritable, len(lines_of(store))) == (1, {}, 3)


def test_lines_come_again_if_the_invocation_around_them_cannot_be_looked_for(store, settings):
    """Its trace settled, so nobody would look for them later: shipping fails, and the event that is delivered again finds the invocation."""
    shipped(lambda_event([start()], at=MIDNIGHT - 2000), store, settings)
    shipped(lambda_event([end(), report(sampled=False)], at=MIDNIGHT + 2000, first=20), store, settings)
    assert resolver(store, settings)[0].resolve([TRACE], force=True).settled == 1
    name = closed(store, MIDNIGHT - 1)
    event = lambda_event(["bare"], at=MIDNIGHT + 1000, first=10)
    with pytest.raises(UnavailableError, match=name):
        shipped(event, store, settings)
    opened(store, name)
    assert shipped(event, store, settings).ledger.duplicate == 1
    assert "bare" in {document["body"] for document in lines_of(store)}


def test_the_command_line_says_what_it_could_not_see(store, settings):
    """What can be found is printed; one line on stderr names the index that is missing."""
    for trace, at in ((TRACE, NOW), (OTHER, NOW - 3 * DAY)):
        shipped(lambda_event([powertools("paid", trace=trace)], at=at, first=at % 1000), store, settings)
    store.refresh()
    name = closed(store, NOW - 3 * DAY)
    status, out, told = tracejoin("search", "--service", "orders", "--since", "9d", "--json", TRACEJOIN_ENDPOINT=settings.endpoint,
                                  TRACEJOIN_PREFIX=settings.prefix)  # fmt: skip
    assert (status, [row["traceId"] for row in rows(out)]) == (0, [TRACE])
    assert (
        told
        == f"tracejoin: {name} can't be searched now, so what is in there is missing: closed, blocked, without shards, or another's mapping\n"
    )


@pytest.mark.parametrize("made", [
    {"mappings": {"properties": {"traceId": {"type": "text"}, "@timestamp": {"type": "keyword"}, "trace": {"properties": {"state": {"type": "text"}}}}}},
    {"settings": {"index.blocks.read": True}},
], ids=["another mapping", "a read block"])  # fmt: skip
def test_one_index_that_refuses_searches_stops_no_other(store, settings, made):
    """Of three: the traces of the others settle in the same sweep, those of its days wait with the reason, and the cure ends that."""
    old = f"{store.prefix}-logs-{day_of_nanos((NOW - 7 * DAY) * 1_000_000)}"
    store.request("PUT", f"/{old}", made)
    shipped(lambda_event([report(trace=OTHER, request=OTHER_REQUEST, sampled=False)], at=NOW - 7 * DAY + 1000, first=50), store, settings)
    shipped(lambda_event([start(), "bare", report(sampled=False)], first=10), store, settings)
    worker, _ = resolver(store, settings)
    done = worker.sweep(force=True)
    assert (done.settled, [document["trace"]["state"] for document in lines_of(store)]) == (1, ["unsampled"] * 3)
    assert worker.resolve([OTHER], force=True).unwritable == {OTHER: f"{old} can't be searched now: {UNSEARCHABLE}"}
    assert store.left_out.since(0) == {old}
    store.request("DELETE", f"/{old}")
    store.left_out = LeftOut()
    shipped(lambda_event([report(trace=OTHER, request=OTHER_REQUEST, sampled=False)], at=NOW - 7 * DAY + 1000, first=50), store, settings)
    assert worker.sweep(force=True).unsettled == ()
    assert [document["trace"]["state"] for document in lines_of(store, OTHER)] == ["unsampled"]


def test_a_search_that_all_indices_refuse_is_refused(store, settings):
    """It is to blame itself: no index is left out, and the reason is told."""
    shipped(lambda_event(["a"]), store, settings)
    shipped(lambda_event(["b"], at=NOW - DAY), store, settings)
    store.refresh()
    with pytest.raises(BadInputError, match="all shards failed"):
        store.search({"aggs": {"texts": {"terms": {"field": "body"}}}}, index=f"{store.prefix}-logs-*")
    assert store.left_out.since(0) == set()


def test_a_new_index_is_waited_for(store):
    """The shards of an index that is just being made come within a moment: the search waits rather than fail or miss it."""
    name = f"{store.prefix}-logs-2026.01.01"
    store.request("PUT", f"/{name}", {"settings": NOWHERE}, {"wait_for_active_shards": "0"})

    def come():
        time.sleep(1)
        store.request("PUT", f"/{name}/_settings", dict.fromkeys(NOWHERE))

    thread = threading.Thread(target=come)
    thread.start()
    assert store.search({"query": {"match_all": {}}}, index=f"{store.prefix}-logs-*")["_shards"]["successful"] == 1
    thread.join()
    assert store.left_out.since(0) == set()


def test_an_index_without_shards_is_left_out_and_named(store, settings, monkeypatch):
    """A lost index stops neither a search nor the traces of other days; its name is told."""
    shipped(lambda_event([report(sampled=False)], at=NOW), store, settings)
    monkeypatch.setattr("pipeline.store.client._REFRESH_SECONDS", 1)
    lost = f"{store.prefix}-logs-2026.01.01"
    store.request("PUT", f"/{lost}", {"settings": NOWHERE}, {"wait_for_active_shards": "0"})
    began = store.left_out.now()
    done = resolver(store, settings)[0].resolve([TRACE], force=True)
    assert (done.settled, store.left_out.since(began)) == (1, {lost})


def test_a_closed_index_that_is_named_in_full_is_an_error(store, settings):
    """Nothing stands in for the index of the traces, so a search there fails rather than find nothing."""
    shipped(lambda_event([report(request=REQUEST, sampled=False)], at=NOW), store, settings)
    resolver(store, settings)[0].resolve([TRACE], force=True)
    store.request("POST", f"/{store.prefix}-traces/_close")
    with pytest.raises(UnavailableError, match="closed"):
        store.search({"query": {"match_all": {}}}, index=f"{store.prefix}-traces")
