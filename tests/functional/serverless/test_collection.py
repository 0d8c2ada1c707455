"""OpenSearch Serverless, as a strict stand-in shows it: only what AWS documents, every request signed."""

import json

import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.provision.install import install
from pipeline.resolve import Resolver
from pipeline.search.findings import hidden_faults
from pipeline.search.query import SearchQuery
from pipeline.search.search import search
from pipeline.settings import Settings
from pipeline.store.client import Store
from pipeline.store.serverless import ServerlessStore
from tests.support.events import TRACE, Traces, function, lambda_event, powertools, report, service
from tests.support.serverless_collection import DOCUMENT, Listener, patience, process, settled
from tests.support.shipping import shipped

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}


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


@pytest.mark.opensearch
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


@pytest.mark.opensearch
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


def test_the_permissions_of_each(options, collection, store):
    """What ship, resolve, setup and a reader do needs the permissions that docs/serverless.md lists, and no more."""
    source = Traces(service(error=True), function(**FAILED))

    def needs(permissions, action, *, optional=()):
        collection.granted, collection.seen, collection.refused = set(permissions), set(), []
        action()
        assert [each for each in collection.refused if each not in optional] == []
        return collection.seen

    read, write, create = "aoss:ReadDocument", "aoss:WriteDocument", "aoss:CreateIndex"
    ship = needs(
        {read, write, create, "aoss:DescribeCollectionItems"},
        lambda: shipped(lambda_event([powertools("a"), "bare print", report()]), store, options),
    )
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

    # where a reader finds nothing, he is told whether anything is installed, if he may ask
    reader = needs({read}, look, optional=[("GET /_index_template", 403)])
    setup = needs(
        {create, "aoss:DescribeIndex", "aoss:DescribeCollectionItems", "aoss:UpdateCollectionItems"},
        lambda: install(replace_prefix(store, options), retention_days=14),
    )
    assert {operation for operation, _ in ship} == {"GET /_index_template", "POST /_bulk", "GET /_mget", "POST /<index>/_search"}
    assert {operation for operation, _ in resolve} == {
        "POST /_bulk",
        "GET /_mget",
        "POST /<index>/_search",
        "GET /<index>/_msearch",
        "GET /<index>/_settings",
    }
    assert {operation for operation, _ in reader} <= {"POST /<index>/_search", "POST /_search", "POST /<index>/_search/point_in_time",
                                                      "DELETE /_search/point_in_time", "GET /_mget", "GET /_index_template"}  # fmt: skip
    assert {operation for operation, _ in setup} == {"GET /_component_template/<name>", "PUT /_component_template/<name>", "GET /_index_template/<name>",
                                                     "PUT /_index_template/<name>", "GET /<index>", "PUT /<index>", "GET /<index>/_mapping"}  # fmt: skip


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
