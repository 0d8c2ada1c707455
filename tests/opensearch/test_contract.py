"""What only a real OpenSearch shows, and what tracejoin relies on."""

import pytest

from pipeline.configure import store_for

pytestmark = pytest.mark.opensearch


def place(store, id_="1", **more):
    """An address in today's logs."""
    return {"_index": f"{store.prefix}-logs-2026.11.24", "_id": id_} | more


DOCUMENT = {"@timestamp": "2026-11-24T10:00:00.123Z", "doc": {"kind": "log"}, "trace": {"state": "pending", "version": 0}}


def test_nothing_is_visible_before_a_refresh_but_a_get_is(store):
    """Search sees what is refreshed; get by id sees what is written: the order of `resolve` rests on it."""
    store.write([{"create": place(store)}, DOCUMENT])
    query = {"query": {"term": {"trace.state": "pending"}}}
    assert store.search(query)["hits"]["hits"] == []
    assert store.get_many([(place(store)["_index"], "1")])[0] is not None
    store.refresh()
    assert len(store.search(query)["hits"]["hits"]) == 1


def test_compare_and_set(store):
    """Of two writers that saw the same version, one wins, and the other is told."""
    first = store.write([{"create": place(store)}, DOCUMENT])[0]
    condition = {"if_seq_no": first.seq_no, "if_primary_term": first.primary_term}
    results = [store.write([{"update": place(store, **condition)}, {"doc": {"trace": {"version": version}}}])[0] for version in (1, 2)]
    assert [(result.ok, result.conflict) for result in results] == [(True, False), (False, True)]


def test_results_keep_their_places(store):
    """Under our filter_path every item has a result, in order, with a reason where it failed."""
    results = store.write([{"create": place(store, "a")}, DOCUMENT, {"create": place(store, "b")}, {"@timestamp": "never"},
                           {"create": place(store, "a")}, DOCUMENT])  # fmt: skip
    assert [result.status for result in results] == [201, 400, 409]
    assert "failed to parse field [@timestamp]" in results[1].reason


@pytest.mark.parametrize(("attributes", "taken"), [({"a": "x" * 40_000}, False), ({"a": {"b": [1, {"c": None}]}}, True), ({"": 1}, True),
                                                   ({"a..b": 1}, True)])  # fmt: skip
def test_what_flat_object_takes(store, attributes, taken):
    """The embedded one takes a keyword of more than 32,766 bytes; the real one does not, so lines have a plain form."""
    assert store.write([{"create": place(store)}, DOCUMENT | {"attributes": attributes}])[0].ok is taken


def test_wrong_credentials_do_not_matter_without_security(settings, store):
    """Basic authentication is sent where a user name is set; a cluster without the security plugin passes over it."""
    from dataclasses import replace

    other = store_for(replace(settings, username="somebody", password="something"))
    assert other.request("GET", "/")["version"]["number"]
    other.close()
