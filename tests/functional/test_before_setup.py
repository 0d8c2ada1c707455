"""Shipping before setup: nothing is indexed until the templates are there, and an index that was is found and named."""

from dataclasses import replace

import pytest

from pipeline.configure import store_for
from pipeline.errors import BadInputError, MisconfiguredError, UnavailableError
from pipeline.provision.install import install
from pipeline.store.client import TEMPLATES
from tests.support.bulk import refusing
from tests.support.command import rows, tracejoin
from tests.support.events import TRACE, lambda_event, powertools, report
from tests.support.gatekeeper import Gatekeeper
from tests.support.paths import ROOT
from tests.support.serverless_collection import ENVIRONMENT, in_front_of, process
from tests.support.shipping import lines_of, resolver, shipped
from tests.support.stores import both_kinds, emptied

EVENT = lambda_event([powertools("a"), report()])


@pytest.fixture
def bare(settings):
    """A store with nothing installed."""
    with emptied(settings) as store:
        yield store


@pytest.fixture
def gate(endpoint):
    """In front of the test's OpenSearch."""
    with Gatekeeper(endpoint) as gate:
        yield gate


def guessed(store):
    """Makes today's index as OpenSearch does where a line comes before the templates; returns its name."""
    index = f"{store.prefix}-logs-2026.11.24"
    store.write(
        [{"create": {"_index": index, "_id": "1"}}, {"@timestamp": "2026-11-24T10:00:00Z", "traceId": TRACE, "trace": {"state": "pending"}}]
    )
    store.refresh()
    return index


def test_the_names_are_those_of_the_files():
    """Each index template is asked for."""
    assert {f"{name}.json" for name in TEMPLATES} == {path.name for path in (ROOT / "mappings" / "indices").glob("*.json")}


@both_kinds
def test_nothing_is_indexed_before_setup(bare, settings):
    """Ship refuses, no index comes into being, and the same process ships once setup has run."""
    for event in (EVENT, {"awslogs": {"data": "%%%"}}):
        with pytest.raises(MisconfiguredError, match="run `tracejoin setup` first"):
            shipped(event, bare, settings)
    assert bare.find("GET", f"/{settings.prefix}-*/_mapping") in ({}, None)
    install(bare, retention_days=14, monitors=False)
    assert shipped(EVENT, bare, settings).ledger.indexed == 2


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_is_missed(store, settings, name):
    """One that somebody deleted is named."""
    store.request("DELETE", f"/_index_template/{store.prefix}-{name}")
    with pytest.raises(MisconfiguredError, match=f"the index templates of {name} are not installed"):
        shipped(EVENT, store, settings)


def test_it_is_asked_once_and_again_after_a_404(gate, settings, store):
    """A warm environment asks no more, until a bulk request finds no index."""
    options = replace(settings, endpoint=gate.endpoint)
    other = store_for(options)
    asked = f"/_index_template/{settings.prefix}-*"
    for _ in range(3):
        shipped(EVENT, other, options)
    assert gate.seen.count(asked) == 1
    gate.answers["/_bulk"] = refusing(gate, lambda _: (404, {"type": "index_not_found_exception", "reason": "no such index"}))
    with pytest.raises(UnavailableError):
        shipped(lambda_event(["b"], first=9), other, options)
    store.request("DELETE", f"/_index_template/{store.prefix}-*")
    with pytest.raises(MisconfiguredError, match="nothing is installed"):
        shipped(EVENT, other, options)
    assert gate.seen.count(asked) == 2
    other.close()


def test_whoever_may_not_ask_ships_all_the_same(gate, settings, store):
    """A role of one's own without that right worked before: 403 says nothing about templates."""
    options = replace(settings, endpoint=gate.endpoint)
    gate.answers[f"/_index_template/{store.prefix}-*"] = (
        403,
        {"error": {"type": "security_exception", "reason": "no permissions"}, "status": 403},
    )
    other = store_for(options)
    assert shipped(EVENT, other, options).ledger.indexed == 2
    other.close()


def test_a_collection_is_asked_as_well(endpoint, settings, bare, monkeypatch):
    """OpenSearch Serverless, where the table of operations knows no wildcard."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with in_front_of(endpoint) as collection:
        options = replace(settings, endpoint=collection.endpoint, opensearch_service="aoss")
        store = process(options, collection)
        with pytest.raises(MisconfiguredError, match="run `tracejoin setup` first"):
            shipped(EVENT, store, options)
        assert not any(operation.endswith("_bulk") for operation, _ in collection.seen)
        install(store, retention_days=14)
        assert shipped(EVENT, store, options).ledger.indexed == 2
        guessed_changes = [change for change in install(store, retention_days=14, check=True) if change.action == "foreign"]
        assert guessed_changes == []
        assert collection.refused == []
        store.close()


@both_kinds
def test_a_guessed_mapping_is_named_with_its_remedy(bare, settings):
    """`setup --check` and the doctor's source of truth name the index, what is wrong with it, and what to do; a sound one is not named."""
    index = guessed(bare)
    install(bare, retention_days=14, monitors=False)
    assert shipped(lambda_event(["today"]), bare, settings).ledger.indexed == 1
    for check in (True, False):
        (change,) = [change for change in install(bare, retention_days=14, monitors=False, check=check) if change.action == "foreign"]
        assert (change.kind, change.name) == ("mapping", index)
        assert "OpenSearch guessed the types of its fields" in change.reason
        assert "traceId is text, not keyword" in change.reason
        assert f"delete the index {index}" in change.reason
    bare.request("DELETE", f"/{index}")
    assert {change.action for change in install(bare, retention_days=14, monitors=False)} <= {"unchanged", "skipped"}
    assert lines_of(bare) == []


@pytest.mark.parametrize(("mapping", "words"), [
    ({"dynamic": False, "properties": {"body": {"type": "integer"}}}, "its fields have other types than tracejoin's: body is integer, not text"),
    ({"dynamic": False, "properties": {"aws": {"type": "keyword"}}}, "aws is keyword, not object"),
    ({"properties": {}}, "OpenSearch guesses the types of its new fields"),
    ({"dynamic": "strict"}, "OpenSearch guesses the types of its new fields"),
])  # fmt: skip
def test_every_foreign_mapping_is_named(bare, mapping, words):
    """A type of somebody else's in a single field, at any depth, and a mapping that leaves new fields to chance."""
    bare.request("PUT", f"/{bare.prefix}-logs-2026.11.24", {"mappings": mapping})
    (change,) = [change for change in install(bare, retention_days=14, monitors=False, check=True) if change.action == "foreign"]
    assert words in change.reason


def test_what_is_not_ours_is_no_business_of_setup(bare):
    """Indices of another prefix that begins like ours, and an older version's mapping without a new field, are not named."""
    bare.request("PUT", f"/{bare.prefix}-other-logs-2026.11.24", {"mappings": {"properties": {"body": {"type": "integer"}}}})
    bare.request("PUT", f"/{bare.prefix}-logs-2026.11.24", {"mappings": {"dynamic": False, "properties": {"body": {"type": "text"}}}})
    assert [change for change in install(bare, retention_days=14, monitors=False, check=True) if change.action == "foreign"] == []


def test_the_command_line_names_it(bare, settings):
    """`setup --check` ends with status 1 and one line that names index and remedy; `ship` before setup ends with one line, too."""
    place = {"TRACEJOIN_ENDPOINT": settings.endpoint, "TRACEJOIN_PREFIX": settings.prefix}
    index = guessed(bare)
    install(bare, retention_days=14, monitors=False)
    status, output, _ = tracejoin("setup", "--check", "--no-monitors", "--json", **place)
    (row,) = [row for row in rows(output) if row["action"] == "foreign"]
    assert (status, row["name"]) == (1, index)
    bare.request("DELETE", f"/{index}")
    assert tracejoin("setup", "--check", "--no-monitors", **place)[0] == 0


@pytest.mark.opensearch
def test_a_sweep_over_a_guessed_index_says_why_it_fails(bare, settings):
    """The message names the index and what the shard says, which leads to `setup --check`."""
    index = guessed(bare)
    install(bare, retention_days=14, monitors=False)
    worker, _ = resolver(bare, settings)
    with pytest.raises(BadInputError, match=rf"all shards failed: index {index}: Text fields are not optimised"):
        worker.sweep()
