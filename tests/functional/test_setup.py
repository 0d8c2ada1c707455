"""Setup, against the embedded and a real OpenSearch."""

import json
from pathlib import Path

import pytest

from pipeline.provision import install as setup
from pipeline.provision.desired_state import satisfies
from pipeline.provision.install import install
from pipeline.store.serverless import ServerlessStore
from tests.support.command import tracejoin
from tests.support.stores import both_kinds


@both_kinds
def test_a_second_run_changes_nothing(store):
    """What is installed is recognised, and each missing plugin is said plainly."""
    changes = install(store, retention_days=14)
    assert {change.action for change in changes} <= {"unchanged", "skipped"}
    skipped = [change for change in changes if change.action == "skipped"]
    assert {change.kind for change in skipped} <= {"policy", "monitor"}
    assert all(change.reason for change in skipped)


@both_kinds
def test_check_only_looks(store):
    """--check says what would change, and changes nothing."""
    store.request("DELETE", f"/_index_template/{store.prefix}-logs")
    for _ in range(2):
        changes = {change.name: change.action for change in install(store, retention_days=14, check=True)}
        assert changes[f"{store.prefix}-logs"] == "created"
    place = {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix}
    status, output, _ = tracejoin("setup", "--check", "--no-monitors", "--no-dashboards", **place)
    assert (status, f"missing, would be created  index template {store.prefix}-logs" in output) == (1, True)


@both_kinds
def test_a_changed_template_is_updated(store):
    """A template that somebody changed is brought back."""
    template = store.request("GET", f"/_index_template/{store.prefix}-logs")["index_templates"][0]["index_template"]
    template["template"]["mappings"]["properties"]["body"] = {"type": "keyword"}
    store.request("PUT", f"/_index_template/{store.prefix}-logs", template)
    changes = {change.name: change.action for change in install(store, retention_days=14)}
    assert changes[f"{store.prefix}-logs"] == "updated"
    assert install(store, retention_days=14, check=True)[4].action == "unchanged"


@both_kinds
def test_documents_of_every_kind_under_one_alias(store):
    """Logs, spans and traces are found by one alias, by their ids; unknown fields stay out of the mapping."""
    trace_id = "5759e988bd862e3fe1be46a994272793"
    common = {"@timestamp": "2026-11-24T10:00:00.123456789Z", "traceId": trace_id, "surprise": {"a": 1}}
    lines = []
    for kind, index in (("log", "logs-2026.11.24"), ("span", "spans-2026.11.24"), ("trace", "traces")):
        lines += [{"create": {"_index": f"{store.prefix}-{index}", "_id": kind}}, common | {"doc": {"kind": kind}, "parentSpanId": ""}]
    assert all(result.ok for result in store.write(lines))
    store.refresh()
    hits = store.search({"query": {"term": {"traceId": trace_id}}, "sort": [{"@timestamp": "asc"}]}, index=store.prefix)["hits"]["hits"]
    assert {hit["_id"] for hit in hits} == {"log", "span", "trace"}
    roots = store.search({"query": {"term": {"parentSpanId": ""}}}, index=f"{store.prefix}-spans-*")["hits"]["hits"]
    assert [hit["_id"] for hit in roots] == ["span"]
    assert store.search({"query": {"exists": {"field": "surprise.a"}}}, index=store.prefix)["hits"]["hits"] == []


def test_every_file_is_installed():
    """No file in mappings/ is forgotten."""
    folder = Path(setup.__file__).parents[2] / "mappings"
    installed = {
        f"{kind}/{name}" for kind in ("components", "indices", "policies", "roles", "monitors") for name, _ in setup.documents(kind, "p", 1)
    }
    assert installed == {str(path.relative_to(folder).with_suffix("")) for path in folder.glob("*/*.json")}
    for path in folder.glob("**/*.json"):
        json.loads(path.read_text())
    # what changes another file has its name
    overlay = ServerlessStore.capabilities.overlay
    patches = {str(path.relative_to(folder / overlay).with_suffix("")) for path in (folder / overlay).glob("**/*.json")}
    assert patches
    assert patches <= installed


def test_a_patch_says_only_what_differs():
    """RFC 7396: objects merge, null takes away, all else is replaced; a null that is there already is no order."""
    document = {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": None, "f": {"g": 1}}
    assert setup.merge_patch(document, {"a": {"b": None, "x": {"y": None}}, "d": [3], "f": None, "h": 1}) == {
        "a": {"c": 2, "x": {}}, "d": [3], "e": None, "h": 1}  # fmt: skip


@pytest.mark.parametrize("present", [
    {"states": [{"name": "a", "actions": [{"delete": {}, "retry": {"count": 3}}]}], "version": 1},
    {"states.extra": 1, "states": [{"actions": [{"delete": {"x": 1}}], "name": "a", "transitions": []}]},
])  # fmt: skip
def test_added_defaults_are_no_change(present):
    """OpenSearch adds defaults to objects, those inside lists too, and writes numbers and booleans as text."""
    assert satisfies(present, {"states": [{"name": "a", "actions": [{}]}]})
    assert satisfies({"index": {"codec": "x", "limit": "500", "on": "true"}}, {"index.codec": "x", "index": {"limit": 500, "on": True}})
    assert satisfies({"settings": {"index": {"codec": "x"}}}, {"settings": {}})
    assert not satisfies({"settings_of": {"index": 1}, "others": 1}, {"settings": {}})


@pytest.mark.parametrize("present", [
    {"states": []},
    {"states": [{"name": "a"}, {"name": "b"}]},
    {"states": [{"name": "A"}]},
    {"states": {"name": "a"}},
    {"states": [["name", "a"]]},
    {"states": [{"title": "a"}]},
])  # fmt: skip
def test_every_real_change_is_found(present):
    """Another number of entries, another value, another case, another shape, a missing key: each is a change."""
    assert not satisfies(present, {"states": [{"name": "a"}]})
    assert not satisfies([present], present)
