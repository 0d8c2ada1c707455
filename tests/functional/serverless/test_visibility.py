"""OpenSearch Serverless shows what is written later: nothing is lost, doubled or told twice."""

import json
import time
import uuid
from dataclasses import replace

import pytest

from pipeline import ship as ship_module
from pipeline.errors import UnavailableError
from pipeline.issues.decide import decide
from pipeline.issues.decision import Decision
from pipeline.issues.issue_records import IssueRecords
from pipeline.resolve import Resolver
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from pipeline.store import serverless
from pipeline.store.join_keys import JoinKeys
from pipeline.store.pages import pages
from tests.support.events import NOW, REQUEST, TRACE, Traces, function, lambda_event, powertools, report, service
from tests.support.serverless_collection import DOCUMENT, Listener, patience, process, settled
from tests.support.shipping import shipped
from tests.support.stores import installed
from tests.support.waiting import PATIENCE
from tests.support.world import Case, calm_order, new_salt

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}


class Slow(Case):
    """The world of tests of order, at the pace of a collection."""

    def __init__(self, store, options, salt):
        super().__init__(store, options, salt)
        del self.now

    @property
    def now(self):
        return time.time()

    @now.setter
    def now(self, _):
        """Time goes by itself."""

    @now.deleter
    def now(self):
        """Likewise."""

    def finish(self):
        settled(self.resolver(), self.store)
        patience(self.store)
        return self.documents()


def comparable(found, prefix):
    """Documents without the name of their index' prefix, and without what only a collection's records have."""
    for document in found:
        document.pop("changedAt", None)
    return sorted(json.loads(json.dumps(found).replace(prefix, "…")), key=lambda document: json.dumps(document, sort_keys=True))


@pytest.mark.opensearch
def test_the_end_is_that_of_a_managed_opensearch(options, collection, store, settings):
    """Every batch, each twice, look-ups in between, in another order: log lines, spans and traces end as on an OpenSearch of one's own."""
    own = replace(settings, prefix=f"m{uuid.uuid4().hex[:10]}", lookup_delays=options.lookup_delays)
    with installed(own) as managed:
        calm = comparable(calm_order(managed, own), managed.prefix)
    case = Slow(store, options, new_salt())
    # the lines are two hours old, so what X-Ray does not show at once is given up on
    while case.hidden:
        case.reveal(0)
    for number in range(len(case.world.batches) - 1, 3, -2):
        case.deliver(number)
    case.handle(*range(len(case.messages)))
    for number in range(len(case.world.batches)):
        case.deliver(number)
    case.handle(*range(len(case.messages)))
    assert comparable(case.finish(), store.prefix) == calm
    assert collection.refused == []


@pytest.mark.opensearch
def test_a_redelivery_adds_nothing(options, collection, store):
    """Three times the same event: one document a line, the ledger adds up, whatever could be seen meanwhile."""
    event = lambda_event([powertools("a"), "bare print", report()])
    ledgers = [shipped(event, process(options, collection), options).ledger for _ in range(3)]
    assert [(ledger.indexed, ledger.duplicate) for ledger in ledgers] == [(3, 0), (0, 3), (0, 3)]
    patience(store)
    assert len(list(search(SearchQuery(limit=10), store))) == 3


def test_no_line_is_left_to_its_record_here(options, collection, store, behind):
    """What shows late can't be opened and settled by turns: with `notable`, too, lines are pending, and no record is opened for them."""
    shipped(lambda_event([powertools("a"), report()]), store, replace(options, enrich_lines="notable"))
    behind.refresh()
    found = list(behind.scan({"match_all": {}}, index=behind.everything))
    assert {hit.source["trace"]["state"] for hit in found} == {"pending"}
    assert {hit.source["doc"]["kind"] for hit in found} == {"log"}


@pytest.mark.opensearch
def test_an_index_that_is_not_known_everywhere_yet(options, collection, store):
    """The first line of a day may find no index, though it makes it: it is tried again, and never a dead letter."""
    collection.newborn = {f"{store.prefix}-logs-{time.strftime('%Y.%m.%d', time.gmtime(NOW / 1000))}"}
    ledger = shipped(lambda_event([powertools("a"), report()]), store, options).ledger
    assert (ledger.indexed, ledger.dead_lettered, collection.newborn) == (2, 0, set())


class Crash(Exception):
    """The process is gone."""


def dies(*_):
    """The last thing that a process does."""
    raise Crash


@pytest.fixture(params=[True, False], ids=["at once", "later"])
def gets(request, collection):
    """Whether gets show at once what is written: what AWS leaves open must not matter."""
    collection.realtime = request.param


@pytest.mark.opensearch
@pytest.mark.usefixtures("gets")
def test_no_old_verdict_stays(options, collection, store, monkeypatch):
    """A line is greeted with the verdict as it stands; a moment later that changes, by a look that can't find the line yet: it gets the new one."""
    source = Traces(service(error=True), function(**FAILED))
    shipped(lambda_event([powertools("a"), report()]), store, options)
    settled(Resolver(store=store, source=source, settings=options), store)
    patience(store)
    late = lambda_event([powertools("late", level="ERROR")], at=NOW, first=60)
    with monkeypatch.context() as dying:
        dying.setattr(ship_module, "catch_up", dies)
        with pytest.raises(Crash):
            shipped(late, process(options, collection), options)
    patience(store)
    shipped(lambda_event([powertools("in between")], at=NOW, first=90), process(options, collection), options)
    worker = Resolver(store=process(options, collection), source=source, settings=options)
    assert worker.resolve([TRACE]).unsettled == (TRACE,)
    settled(worker, store)
    patience(store)
    found = list(search(SearchQuery(limit=20), store))
    record = process(options, collection).get_many([(f"{store.prefix}-traces", TRACE)])[0].source
    assert (len(found), record["settled"]) == (6, True)
    assert {document["trace"]["version"] for document in found} == {record["trace"]["version"]}


@pytest.mark.opensearch
@pytest.mark.usefixtures("gets")
def test_no_line_stays_unassigned(options, collection, store, monkeypatch):
    """A worker dies between a record and its join key; a line that only the key assigns comes just before the key does: it gets its trace."""
    source = Traces(service(), function())
    shipped(lambda_event([report()]), store, options)
    patience(store)
    first = Resolver(store=process(options, collection), source=source, settings=options)
    with monkeypatch.context() as dying:
        dying.setattr(JoinKeys, "merging", dies)
        with pytest.raises(Crash):
            first.resolve([TRACE])
    # long after the record changed
    for _ in range(3):
        patience(store)
    line = json.dumps({"level": "INFO", "message": "no trace", "function_request_id": REQUEST})
    shipped(lambda_event([line], first=90), process(options, collection), options)
    worker = Resolver(store=process(options, collection), source=source, settings=options)
    worker.resolve([TRACE])
    settled(worker, store)
    patience(store)
    assert {document.get("traceId") for document in search(SearchQuery(limit=20), store)} == {TRACE}


@pytest.mark.opensearch
def test_the_sweep_deletes_what_is_old(options, collection, store, monkeypatch):
    """Settled traces and links past their retention go, in small pages; later the daily indices do; what is young or open stays."""
    monkeypatch.setattr(serverless, "_PAGE", 3)
    old, young = "2020-01-01T00:00:00Z", "2200-01-01T00:00:00Z"
    record = {"@timestamp": old, "doc": {"kind": "trace"}, "state": {}, "trace": {"version": 1, "state": "complete"}}
    lines = []
    for number in range(8):
        lines += [{"create": {"_index": f"{store.prefix}-traces", "_id": f"old{number}"}}, record | {"settled": True, "lastSeenAt": old}]
        lines += [{"create": {"_index": f"{store.prefix}-links", "_id": f"old{number}"}}, {"key": "k", "lastSeenAt": old}]
    lines += [{"create": {"_index": f"{store.prefix}-traces", "_id": "young"}}, record | {"settled": True, "lastSeenAt": young}]
    for day in ("2026.11.24", "outside"):
        lines += [{"create": {"_index": f"{store.prefix}-logs-{day}", "_id": "line"}}, DOCUMENT]
    assert all(result.ok for result in store.write(lines))
    patience(store)
    Resolver(store=store, source=Traces(), settings=options).sweep()
    patience(store)
    left = {hit.id for hit in process(options, collection).scan({"match_all": {}}, index=f"{store.prefix}-*")}
    assert left == {"young", "line"}
    later = time.time() + 15 * 86_400
    monkeypatch.setattr(serverless.time, "time", lambda: later)
    assert store.expire(days=16) == 0
    assert store.expire(days=14) == 2
    assert store.expire(days=14) == 0
    assert store.find("GET", f"/{store.prefix}-logs-2026.11.24") is None
    assert store.find("GET", f"/{store.prefix}-logs-outside") is None
    assert store.find("GET", f"/{store.prefix}-traces") is not None


def test_what_changed_since_it_was_found_is_not_deleted(options, collection, store, monkeypatch):
    """The sweep deletes the version that it found: a link that somebody adds to meanwhile stays."""
    place = {"_index": f"{store.prefix}-links", "_id": "1"}
    store.write([{"create": place}, {"key": "k", "lastSeenAt": "2020-01-01T00:00:00Z"}])
    patience(store)
    sweeper = process(options, collection)

    def meanwhile(*arguments, **more):
        for page in pages(*arguments, **more):
            store.write([{"update": place}, {"doc": {"lastSeenAt": "2200-01-01T00:00:00Z"}}])
            yield page

    monkeypatch.setattr("pipeline.store.serverless.pages", meanwhile)
    assert sweeper.delete_older(place["_index"], "lastSeenAt", days=14) == 0
    sweeper.close()


@pytest.mark.opensearch
@pytest.mark.usefixtures("gets")
def test_a_fault_is_told_once(options, collection, store):
    """Whoever looks, however often, in whichever process, before and after what was sent is visible: one message; and one that it is resolved."""
    source, listener = Traces(service(error=True), function(**FAILED)), Listener()
    shipped(lambda_event([powertools("a"), report()]), store, options)
    patience(store)

    def worker():
        return Resolver(store=process(options, collection), source=source, settings=options, topic=listener)

    deadline = time.time() + PATIENCE

    def look(*trace_ids):
        # what fails since another's write does not show yet comes again, as a message and a schedule do
        while True:
            try:
                return worker().resolve(trace_ids) if trace_ids else worker().sweep()
            except UnavailableError:
                assert time.time() < deadline
                time.sleep(0.3)

    def look_until_heard(messages):
        while len(listener.heard) < messages and time.time() < deadline:
            time.sleep(0.3)
            look()
        # the note still shows as due to all others
        look()
        look(TRACE)

    look(TRACE)
    look_until_heard(1)
    settled(worker(), store)
    fault = ("[tracejoin] orders: ValueError behind 200, new", "service-ok-function-failed")
    assert listener.heard == [fault]
    (issue,) = IssueRecords(store).scan({"match_all": {}})
    decide(store, issue.id, Decision(verb="resolve", by="ann", at=int(time.time() * 1000)))
    deadline = time.time() + PATIENCE
    look_until_heard(2)
    patience(store)
    look()
    assert listener.heard == [fault, ("[tracejoin] orders: ValueError, resolved by ann", "")]
