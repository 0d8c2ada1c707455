"""OpenSearch Serverless, as a strict stand-in shows it: only what AWS documents, nothing refreshed, every request signed."""

import json
import time
import uuid
from dataclasses import replace

import msgspec
import pytest
from click.testing import CliRunner

from pipeline import ship as ship_module
from pipeline.cli.main import cli
from pipeline.configure import store_for
from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.provision.install import install
from pipeline.resolve import Resolver
from pipeline.search.findings import hidden_faults
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from pipeline.settings import Settings
from pipeline.store import serverless
from pipeline.store.client import Store
from pipeline.store.join_keys import JoinKeys
from pipeline.store.serverless import ServerlessStore
from tests.conftest import remove
from tests.events import NOW, REQUEST, TRACE, Traces, function, lambda_event, powertools, report, service
from tests.functional.serverless_collection import ENVIRONMENT, in_front_of
from tests.functional.test_order import Case, calm_order, new_salt
from tests.functional.test_ship import shipped

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
LAGS = {"embedded": None, "real": 1.0}


@pytest.fixture
def collection(request, endpoint, monkeypatch):
    """A collection in front of an OpenSearch of each kind in turn; the real one shows what is written a second later."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with in_front_of(endpoint, lag=LAGS[request.node.callspec.params["endpoint"]]) as collection:
        yield collection


@pytest.fixture
def behind(settings):
    """The store that a test cleans up with, past the collection."""
    store = store_for(settings)
    yield store
    remove(store)
    store.close()


@pytest.fixture
def options(collection, settings, behind):
    """Settings for the collection, quick enough for a test."""
    return replace(settings, endpoint=collection.endpoint, opensearch_service="aoss", lookup_delays=(1, 1, 1, 1))


def process(options, collection):
    """A store as a new process has it: it remembers nothing that another one wrote."""
    store = store_for(options)
    seconds = 0.2 if collection.lag is None else collection.lag + 0.5
    store.capabilities = msgspec.structs.replace(store.capabilities, visible_after=seconds)
    return store


@pytest.fixture
def store(options, collection):
    """A store with everything installed."""
    store = process(options, collection)
    install(store, retention_days=14)
    yield store
    store.close()


def patience(store):
    """Waits until everybody sees everything."""
    time.sleep(store.capabilities.visible_after)


def settled(worker, store, seconds=60):
    """Sweeps until nothing has been open for as long as something may be out of sight; returns all that the sweeps came to."""
    quiet_since, found, deadline = time.time(), [], time.time() + seconds
    while True:
        began = time.time()
        found.append(worker.sweep())
        if found[-1].unsettled:
            quiet_since = time.time()
        elif began - quiet_since > store.capabilities.visible_after:
            return found
        assert time.time() < deadline, found[-1]
        time.sleep(0.2)


def test_setup_says_what_it_leaves_out(options, collection):
    """Everything that a collection takes is installed; the rest is said, with its reason; a second run changes nothing."""
    store = process(options, collection)
    changes = {(change.kind, change.name.removeprefix(f"{store.prefix}-")): change for change in install(store, retention_days=14)}
    actions = {place: change.action for place, change in changes.items()}
    assert {place for place, action in actions.items() if action == "skipped"} == {
        place for place in actions if place[0] in {"policy", "monitor"}
    }
    assert {action for place, action in actions.items() if place[0] not in {"policy", "monitor"}} == {"created"}
    assert "resolve's sweep deletes old indices" in changes["policy", "retention"].reason
    assert "refresh interval" in changes["component template", "settings"].reason
    for check in (True, False):
        again = install(store, retention_days=14, check=check)
        assert {change.action for change in again} == {"unchanged", "skipped"}
    assert collection.refused == []
    store.close()


def test_the_setup_command(options, collection, monkeypatch):
    """`tracejoin setup` by the environment alone; where a channel is asked for, that nobody is told is exit status 1."""
    for name, value in {
        "TRACEJOIN_ENDPOINT": collection.endpoint,
        "TRACEJOIN_PREFIX": options.prefix,
        "TRACEJOIN_OPENSEARCH_SERVICE": "aoss",
    }.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(cli, ["setup", "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, {row["action"] for row in rows}) == (0, {"created", "skipped"})
    assert CliRunner().invoke(cli, ["setup", "--check"]).exit_code == 0
    assert CliRunner().invoke(cli, ["setup", "--channel", "c"]).exit_code == 1


def test_the_stand_in_is_strict(options, collection, store):
    """What tracejoin does elsewhere is refused here: a refresh, sequence numbers, `POST /_mget`, a codec; so the tests below say something."""
    elsewhere = Store(store._client, endpoint=store.endpoint, prefix=store.prefix)
    for action in (elsewhere.refresh, lambda: elsewhere.get_many([(f"{store.prefix}-traces", "1")]),
                   lambda: list(elsewhere.scan({"match_all": {}}, index=f"{store.prefix}-traces")),
                   lambda: elsewhere.delete_older(f"{store.prefix}-traces", "lastSeenAt", days=1),
                   lambda: elsewhere.write([elsewhere.compare_and_set(f"{store.prefix}-traces", "1", 1, 1), {}]),
                   lambda: elsewhere.request("PUT", f"/_component_template/{store.prefix}-x", {"template": {"settings": {"index.codec": "best_compression"}}}),
                   lambda: elsewhere.request("GET", "/")):  # fmt: skip
        with pytest.raises(BadInputError):
            action()
    assert [status for _, status in collection.refused] == [404, 404, 400, 404, 400, 400, 404]


def test_what_is_signed(options, collection, store, monkeypatch):
    """Every request so far was signed for aoss with its content's hash, gzipped bulk bodies as sent; with another secret none is taken."""
    assert shipped(lambda_event([powertools("a"), report()]), store, options).ledger.indexed == 2
    assert ("POST /_bulk", "aoss:WriteDocument") in collection.seen
    assert collection.refused == []
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    stranger = process(options, collection)
    with pytest.raises(MisconfiguredError, match="data access policy"):
        stranger.search({})
    stranger.close()


DOCUMENT = {"@timestamp": "2026-11-24T10:00:00.123Z", "doc": {"kind": "log"}, "trace": {"state": "pending", "version": 0}}


def test_of_two_writers_one_wins(options, collection, store):
    """By versions as by sequence numbers: whoever saw the older document is told, for each kind of write, also in another process."""
    place = {"_index": f"{store.prefix}-logs-2026.11.24", "_id": "1"}
    created = store.write([{"create": place}, DOCUMENT])[0]
    assert (created.ok, store.write([{"create": place}, DOCUMENT])[0].conflict) == (True, True)
    patience(store)
    other = process(options, collection)
    (seen,) = other.get_many([(place["_index"], "1")])
    condition = {"if_seq_no": seen.seq_no, "if_primary_term": seen.primary_term}
    first = store.write([{"update": place | condition}, {"doc": {"trace": {"version": 1}}}])[0]
    assert (seen.seq_no, first.ok, first.seq_no > seen.seq_no) == (created.seq_no, True, True)
    for lines in ([{"update": place | condition}, {"doc": {"trace": {"version": 2}}}], [store.compare_and_set(place["_index"], "1", *condition.values()), DOCUMENT],
                  [{"delete": place | condition}]):  # fmt: skip
        assert [(result.ok, result.conflict) for result in (*other.write(lines), *store.write(lines))] == [(False, True)] * 2
    (now,) = store.get_many([(place["_index"], "1")])
    assert (now.source["trace"], now.seq_no) == ({"state": "pending", "version": 1}, first.seq_no)
    third = store.write([{"delete": place | {"if_seq_no": now.seq_no, "if_primary_term": now.primary_term}}])[0]
    assert third.ok
    other.close()


def test_a_collection_that_shows_no_versions(store, monkeypatch):
    """If it turns out that a collection does not show them, that is said at once, and nothing is written blindly."""
    index = f"{store.prefix}-traces"
    store.write([{"create": {"_index": index, "_id": "1"}}, DOCUMENT])
    patience(store)
    request = store.request

    def versionless(*arguments, **more):
        return json.loads(json.dumps(request(*arguments, **more)).replace("_version", "_other"))

    monkeypatch.setattr(store, "request", versionless)
    for read in (lambda: store.get_many([(index, "1")]), lambda: list(store.scan({"match_all": {}}, index=index))):
        with pytest.raises(MisconfiguredError, match="shows no version"):
            read()


def test_a_partial_update_leaves_what_an_update_leaves(store, behind):
    """Objects merge, lists and values are replaced, null wipes: as OpenSearch's own update does it with the same documents."""
    source = DOCUMENT | {"annotations": {"a": [1], "b": [2]}, "segment": {"id": "x"}, "state": {"spanId": "1"}}
    patch = {
        "annotations": {"b": None, "c": [3]},
        "segment": None,
        "state": {"sampled": None},
        "trace": {"version": 3},
        "correlationId": ["c"],
    }
    places = [{"_index": f"{store.prefix}-logs-2026.11.24", "_id": id_} for id_ in ("here", "there")]
    first = store.write([line for place in places for line in ({"create": place}, source)])[0]
    store.write([{"update": places[0] | {"if_seq_no": first.seq_no, "if_primary_term": 0}}, {"doc": patch}])
    behind.write([{"update": places[1]}, {"doc": patch}])
    here, there = behind.get_many([(place["_index"], place["_id"]) for place in places])
    assert here.source == there.source


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


def test_the_end_is_that_of_a_managed_opensearch(options, collection, store, settings):
    """Every batch, each twice, look-ups in between, in another order: log lines, spans and traces end as on an OpenSearch of one's own."""
    managed = store_for(replace(settings, prefix=f"m{uuid.uuid4().hex[:10]}"))
    install(managed, retention_days=14, monitors=False)
    try:
        calm = comparable(
            calm_order(managed, replace(options, endpoint=settings.endpoint, opensearch_service="auto", prefix=managed.prefix)),
            managed.prefix,
        )
    finally:
        remove(managed)
        managed.close()
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


def test_a_redelivery_adds_nothing(options, collection, store):
    """Three times the same event: one document a line, the ledger adds up, whatever could be seen meanwhile."""
    event = lambda_event([powertools("a"), "bare print", report()])
    ledgers = [shipped(event, process(options, collection), options).ledger for _ in range(3)]
    assert [(ledger.indexed, ledger.duplicate) for ledger in ledgers] == [(3, 0), (0, 3), (0, 3)]
    patience(store)
    assert len(list(search(SearchQuery(limit=10), store))) == 3


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


@pytest.mark.usefixtures("gets")
def test_no_line_stays_homeless(options, collection, store, monkeypatch):
    """A worker dies between a record and its link; a line that only the link leads home comes just before the link does: it comes home."""
    source = Traces(service(), function())
    shipped(lambda_event([report()]), store, options)
    patience(store)
    first = Resolver(store=process(options, collection), source=source, settings=options)
    with monkeypatch.context() as dying:
        dying.setattr(JoinKeys, "merge_in", dies)
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
    lines += [{"create": {"_index": f"{store.prefix}-logs-2026.11.24", "_id": "line"}}, DOCUMENT]
    assert all(result.ok for result in store.write(lines))
    patience(store)
    Resolver(store=store, source=Traces(), settings=options).sweep()
    patience(store)
    left = {hit.id for hit in process(options, collection).scan({"match_all": {}}, index=f"{store.prefix}-*")}
    assert left == {"young", "line"}
    later = time.time() + 15 * 86_400
    monkeypatch.setattr(serverless.time, "time", lambda: later)
    assert store.expire(days=16) == 0
    assert store.expire(days=14) == 1
    assert store.expire(days=14) == 0
    assert store.find("GET", f"/{store.prefix}-logs-2026.11.24") is None
    assert store.find("GET", f"/{store.prefix}-traces") is not None


def test_what_changed_since_it_was_found_is_not_deleted(options, collection, store):
    """The sweep deletes the version that it found: a link that somebody adds to meanwhile stays."""
    place = {"_index": f"{store.prefix}-links", "_id": "1"}
    store.write([{"create": place}, {"key": "k", "lastSeenAt": "2020-01-01T00:00:00Z"}])
    patience(store)
    sweeper = process(options, collection)
    pages = sweeper.pages

    def meanwhile(*arguments, **more):
        for page in pages(*arguments, **more):
            store.write([{"update": place}, {"doc": {"lastSeenAt": "2200-01-01T00:00:00Z"}}])
            yield page

    sweeper.pages = meanwhile
    assert sweeper.delete_older(place["_index"], "lastSeenAt", days=14) == 0
    sweeper.close()


class Listener:
    """Who is told."""

    def __init__(self):
        self.heard = []

    def publish(self, subject, text, attributes):
        self.heard.append((subject, attributes["rules"]))


@pytest.mark.usefixtures("gets")
def test_a_fault_is_told_once(options, collection, store):
    """Whoever looks, however often, in whichever process, before and after what was sent is visible: one message."""
    source, listener = Traces(service(error=True), function(**FAILED)), Listener()
    shipped(lambda_event([powertools("a"), report()]), store, options)
    patience(store)

    def worker():
        return Resolver(store=process(options, collection), source=source, settings=options, topic=listener)

    deadline = time.time() + 30
    worker().resolve([TRACE])
    while not listener.heard and time.time() < deadline:
        time.sleep(0.3)
        worker().sweep()
    # the note still shows as due to all others
    worker().sweep()
    worker().resolve([TRACE])
    settled(worker(), store)
    assert listener.heard == [("[tracejoin] orders: ValueError behind 200", "service-ok-function-failed")]


def test_the_permissions_of_each(options, collection, store):
    """What ship, resolve, setup and a reader do needs the permissions that docs/serverless.md lists, and no more."""
    source = Traces(service(error=True), function(**FAILED))

    def needs(permissions, action):
        collection.granted, collection.seen, collection.refused = set(permissions), set(), []
        action()
        assert collection.refused == []
        return collection.seen

    read, write, create = "aoss:ReadDocument", "aoss:WriteDocument", "aoss:CreateIndex"
    ship = needs({read, write, create}, lambda: shipped(lambda_event([powertools("a"), "bare print", report()]), store, options))
    patience(store)
    listener = Listener()
    resolve = needs(
        {read, write, create, "aoss:DescribeIndex", "aoss:DeleteIndex"},
        lambda: settled(Resolver(store=store, source=source, settings=options, topic=listener), store),
    )
    patience(store)

    def look():
        assert len(list(search(SearchQuery(limit=10), store))) >= 4
        assert len(list(hidden_faults(store))) == 1
        environment = {
            "TRACEJOIN_ENDPOINT": collection.endpoint,
            "TRACEJOIN_PREFIX": options.prefix,
            "TRACEJOIN_OPENSEARCH_SERVICE": "aoss",
        }
        for arguments in (
            ["search", TRACE],
            ["search", "--text", "print", "--all"],
            ["trace", TRACE],
            ["faults"],
            ["faults", "--stale-ids"],
            ["why", TRACE],
        ):
            result = CliRunner().invoke(cli, arguments, env=environment)
            assert (arguments, result.exit_code) == (arguments, int(arguments[-1] == "--stale-ids")), result.output

    reader = needs({read}, look)
    setup = needs(
        {create, "aoss:DescribeIndex", "aoss:DescribeCollectionItems", "aoss:UpdateCollectionItems"},
        lambda: install(replace_prefix(store, options), retention_days=14),
    )
    assert {operation for operation, _ in ship} == {"POST /_bulk", "GET /_mget", "POST /<index>/_search"}
    assert {operation for operation, _ in resolve} == {"POST /_bulk", "GET /_mget", "POST /<index>/_search", "GET /<index>/_settings"}
    assert {operation for operation, _ in reader} <= {"POST /<index>/_search", "POST /_search", "POST /<index>/_search/point_in_time",
                                                      "DELETE /_search/point_in_time", "GET /_mget"}  # fmt: skip
    assert {operation for operation, _ in setup} == {"GET /_component_template/<name>", "PUT /_component_template/<name>", "GET /_index_template/<name>",
                                                     "PUT /_index_template/<name>", "GET /<index>", "PUT /<index>"}  # fmt: skip


def replace_prefix(store, options):
    """A store with nothing installed under its prefix, which begins as the other one does, so that it is cleaned up with it."""
    return ServerlessStore(store._client, endpoint=store.endpoint, prefix=f"{options.prefix}-2")


@pytest.mark.parametrize(("settings", "service"), [
    ({"endpoint": "https://abc.eu-west-1.aoss.amazonaws.com"}, "aoss"),
    ({"endpoint": "https://abc.aoss.eu-west-1.on.aws"}, "aoss"),
    ({"endpoint": "https://search-d.eu-west-1.es.amazonaws.com"}, "es"),
    ({"endpoint": "https://search-d.cn-north-1.es.amazonaws.com.cn"}, "es"),
    ({"endpoint": "https://search.example.com"}, ""),
    ({"endpoint": "https://search.example.com", "opensearch_service": "aoss"}, "aoss"),
    ({"endpoint": "https://abc.eu-west-1.aoss.amazonaws.com", "opensearch_service": "es"}, "es"),
])  # fmt: skip
def test_which_service_it_is(settings, service):
    """The host name tells, or the setting."""
    assert Settings(**settings).service == service
