"""Hints that bring their lines along: most traces settle without a search, and nothing is missed where that does not suffice."""

from dataclasses import replace

import msgspec
import pytest

from pipeline.hint_queue import MOST_IDS_WITH_LINES, Hint, Queue, read_hint
from pipeline.join.held_traces import HeldTraces
from pipeline.store.held_lines import HeldLines
from pipeline.store.join_keys import JoinKeys
from tests.support.counted_writes import requests_of
from tests.support.events import NOW, OTHER, OTHER_REQUEST, REQUEST, TRACE, end, function, lambda_event, powertools, report, service, start
from tests.support.shipping import lines_of, resolver, shipped
from tests.support.stores import both_kinds

WHOLE = [start(), powertools("paid", correlation_id="order-17"), "bare print", end(), report()]


@pytest.fixture
def queued(settings):
    """The settings of a stack with a queue."""
    return replace(settings, queue_url="https://sqs.example/1/hints")


def hint_of(shipment):
    """The hint as `resolve` gets it."""
    return read_hint(msgspec.json.encode(Hint(shipment.unsettled, 0, shipment.lines)).decode())


def settle(store, settings, *hints, documents=None):
    """Resolves the traces of these hints; returns what was done, and the requests to OpenSearch by path without its index."""
    worker, _ = resolver(store, settings, *(documents or (service(), function())))
    held = HeldTraces((hint.trace_ids, hint.lines) for hint in hints)
    with requests_of(store) as paths:
        done = worker.resolve([id_ for hint in hints for id_ in hint.trace_ids], held=held)
    return done, [path.rpartition("/")[2] for path in paths]


def shown(store):
    """What each line and span of the trace shows."""
    return {(document.get("body") or document["name"]): (document.get("idSource", "span"),
            document["trace"]["state"], document.get("requestId")) for document in lines_of(store)}  # fmt: skip


@both_kinds
def test_a_whole_invocation_needs_no_search_and_no_refresh(store, queued):
    """Get, records, keys with spans, lines with the settled record: four requests; all lines and spans show the verdict."""
    done, asked = settle(store, queued, hint_of(shipped(lambda_event(WHOLE), store, queued)))
    assert (done.settled, done.unsettled, asked) == (1, (), ["_mget", "_bulk", "_bulk", "_bulk"])
    found = lines_of(store)
    assert [document["trace"]["state"] for document in found] == ["complete"] * 7
    (record,) = store.get_many([(f"{store.prefix}-traces", TRACE)])
    assert (record.source["settled"], record.source.get("spansBehind")) == (True, None)


def test_lines_in_hints_and_lines_in_the_index_end_alike(store, queued, settings):
    """The same invocation, settled once by its hint and once by a search."""
    done, _ = settle(store, queued, hint_of(shipped(lambda_event(WHOLE), store, queued)))
    by_hint = [{name: value for name, value in document.items() if name != "_index"} for document in lines_of(store)]
    assert done.settled == 1
    store.request("DELETE", f"/{store.prefix}-logs-*,{store.prefix}-spans-*,{store.prefix}-traces,{store.prefix}-links")
    shipped(lambda_event(WHOLE), store, settings)
    resolver(store, settings, service(), function())[0].resolve([TRACE])
    assert [{name: value for name, value in document.items() if name != "_index"} for document in lines_of(store)] == by_hint


def test_a_line_of_another_batch_that_names_the_request_is_sought(store, queued):
    """It came before anybody knew where its request ran, so its batch noted that; the whole invocation does not settle without it."""
    early = shipped(lambda_event([powertools("early", trace="")], first=500), store, queued)
    assert early.unsettled == ()
    assert JoinKeys(store).load([REQUEST])[REQUEST].sought
    done, asked = settle(store, queued, hint_of(shipped(lambda_event(WHOLE), store, queued)))
    assert done.settled == 1
    assert "_refresh" in asked
    assert shown(store)["early"] == ("request", "complete", REQUEST)


def test_a_line_that_comes_later_finds_the_request_by_itself(store, queued):
    """The key says where the request ran; nothing has to be sought."""
    settle(store, queued, hint_of(shipped(lambda_event(WHOLE), store, queued)))
    shipped(lambda_event([powertools("late", trace="")], first=500), store, queued)
    assert not JoinKeys(store).load([REQUEST])[REQUEST].sought
    assert shown(store)["late"] == ("request", "complete", REQUEST)


@pytest.mark.parametrize("cut", range(1, 5))
def test_an_invocation_in_two_batches_is_searched(store, queued, cut):
    """However it is cut, and though only the second batch knows the trace of its bare lines, all of it ends in the trace."""
    hints = [hint_of(shipped(lambda_event(part, first=1 + at, at=NOW + at), store, queued))
             for at, part in ((0, WHOLE[:cut]), (cut, WHOLE[cut:]))]  # fmt: skip
    done, _ = settle(store, queued, *(hint for hint in hints if hint.trace_ids))
    assert done.unsettled == ()
    assert {shown(store)[name][0] for name in ("paid", "bare print")} == {"inline", "stream"}
    assert {state for _, state, _ in shown(store).values()} == {"complete"}
    assert len(lines_of(store)) == 7


def test_a_stale_line_whose_request_ran_elsewhere_is_moved_by_its_own_trace(store, queued):
    """The invocation settled before the line came to be resolved, which names another trace: the join key leads to its own."""
    stale = shipped(lambda_event([powertools("stale", trace=OTHER)], first=500), store, queued)
    settle(store, queued, hint_of(shipped(lambda_event(WHOLE), store, queued)))
    settle(store, queued, hint_of(stale))
    (line,) = [document for document in lines_of(store) if document.get("body") == "stale"]
    assert (line["traceId"], line["staleTraceId"], line["idSource"]) == (TRACE, OTHER, "request")


@pytest.mark.parametrize(
    "damage",
    [lambda lines: b"no gzip", lambda lines: lines.body[:-9], lambda lines: b""],
    ids=["no gzip", "cut off", "empty"],
)
def test_lines_that_cannot_be_read_are_searched(store, queued, damage):
    """A hint whose lines are damaged is one without lines: the trace settles all the same."""
    hint = hint_of(shipped(lambda_event(WHOLE), store, queued))
    broken = msgspec.structs.replace(hint, lines=HeldLines(damage(hint.lines), hint.lines.versions, hint.lines.starts))
    done, asked = settle(store, queued, broken)
    assert (done.settled, "_refresh" in asked) == (1, True)
    assert {state for _, state, _ in shown(store).values()} == {"complete"}


def test_a_redelivered_hint_changes_nothing(store, queued):
    """Its versions are old by now: what is stored stays, and the trace stays settled."""
    hint = hint_of(shipped(lambda_event(WHOLE), store, queued))
    settle(store, queued, hint)
    before = lines_of(store)
    done, _ = settle(store, queued, hint)
    assert (done.unsettled, lines_of(store)) == ((), before)


def test_a_line_that_was_stored_before_its_batch_came_again(store, queued):
    """One of the lines has no version in the hint, so the trace is searched."""
    shipped(lambda_event(WHOLE[:1]), store, queued)
    shipment = shipped(lambda_event(WHOLE), store, queued)
    assert shipment.lines.versions[0] is None
    done, asked = settle(store, queued, hint_of(shipment))
    assert (done.settled, "_refresh" in asked) == (1, True)
    assert {state for _, state, _ in shown(store).values()} == {"complete"}


def test_a_fault_is_noted_before_its_trace_settles(store, queued):
    """The alert is stored though the record settles together with the lines; its issue is noted after that."""
    error = powertools("failed", level="ERROR")
    told = replace(queued, alert_per="trace")
    done, asked = settle(store, told, hint_of(shipped(lambda_event([start(), error, end(), report()]), store, told)))
    assert (done.settled, done.faulty, asked.count("_bulk")) == (1, (TRACE,), 5)
    store.refresh()
    (alert,) = store.search({"query": {"match_all": {}}}, index=f"{store.prefix}-alerts")["hits"]["hits"]
    assert alert["_source"]["traceId"] == TRACE


def test_two_functions_of_one_trace_settle_together(store, queued):
    """Each invocation is whole in its batch; both hints come in one run."""
    other = [start(OTHER_REQUEST), powertools("sent", request=OTHER_REQUEST), end(OTHER_REQUEST), report(OTHER_REQUEST)]
    hints = [hint_of(shipped(lambda_event(WHOLE), store, queued)),
             hint_of(shipped(lambda_event(other, group="/aws/lambda/mail", stream="t", first=50), store, queued))]  # fmt: skip
    done, asked = settle(store, queued, *hints)
    assert (done.unsettled, "_refresh" in asked) == ((), False)
    assert len(lines_of(store)) == 11


def test_a_trace_of_another_group_gets_no_verdict_without_its_facts(store, queued):
    """A line of one trace claims another, whose lines came in the same hints, but whose turn is later: no verdict is without its error."""
    first = [start(), powertools("stale", trace=OTHER), end(), report()]
    second = [start(OTHER_REQUEST), powertools("failed", level="ERROR", request=OTHER_REQUEST, trace=OTHER), end(OTHER_REQUEST),
              report(OTHER_REQUEST, OTHER)]  # fmt: skip
    hints = [hint_of(shipped(lambda_event(first), store, queued)),
             hint_of(shipped(lambda_event(second, group="/aws/lambda/mail", stream="t", first=50), store, queued))]  # fmt: skip
    worker, _ = resolver(store, queued, service(), function())
    worker.resolve([TRACE], held=HeldTraces((hint.trace_ids, hint.lines) for hint in hints))
    (failed,) = [document for document in lines_of(store, OTHER) if document.get("body") == "failed"]
    (record,) = store.get_many([(f"{store.prefix}-traces", OTHER)])
    assert failed["trace"]["version"] == 0 or failed["_id"] in record.source["state"].get("signals", {})


class _Sqs:
    def __init__(self):
        self.bodies = []

    def send_message_batch(self, **call):
        self.bodies += [entry["MessageBody"] for entry in call["Entries"]]
        return {}


def test_lines_travel_once(store, queued):
    """With more ids than one message takes, the ids travel alone."""
    lines = shipped(lambda_event(WHOLE), store, queued).lines
    for number, expected in ((MOST_IDS_WITH_LINES, [True]), (MOST_IDS_WITH_LINES + 1, [False] * 5)):
        client = _Sqs()
        Queue(client, "q").send([f"{id_:032x}" for id_ in range(1, number + 1)], attempt=0, delay=1, lines=lines)
        assert [read_hint(body).lines is not None for body in client.bodies] == expected
