"""Setup lets the functions' IAM roles in, where OpenSearch has a security plugin and a login that may manage it."""

from dataclasses import replace

import pytest

from pipeline.configure import store_for
from pipeline.errors import MisconfiguredError
from pipeline.provision.install import documents, install
from tests.support.command import rows, tracejoin
from tests.support.security_plugin import SecurityPlugin
from tests.support.stores import remove
from tests.support.template import load, paths

SHIP, RESOLVE = (f"arn:aws:iam::123456789012:role/tracejoin-{name}Role-1ABC" for name in ("Ship", "Resolve"))
KINDS = ("security role", "security role mapping")


@pytest.fixture
def plugin(embedded_endpoint):
    """An OpenSearch with the plugin."""
    with SecurityPlugin(embedded_endpoint) as server:
        yield server


@pytest.fixture
def store(plugin, settings):
    """A store behind the plugin."""
    store = store_for(replace(settings, endpoint=plugin.endpoint, username="master", password="hunter2-at-home"))
    yield store
    remove(store)
    store.close()


def set_up(store, *roles, check=False):
    """What setup does with the plugin: kind and action."""
    changes = install(store, retention_days=14, monitors=False, function_roles=roles, check=check)
    return {change.kind: change.action for change in changes if change.kind in KINDS}


def test_the_roles_of_the_functions_are_mapped_and_again_nothing_changes(plugin, store):
    """A look changes nothing; the first run makes both; the second leaves them."""
    created = dict.fromkeys(KINDS, "created")
    assert set_up(store, SHIP, RESOLVE, check=True) == created
    assert plugin.written == []
    assert set_up(store, SHIP, RESOLVE) == created
    name = f"{store.prefix}-functions"
    assert plugin.objects["rolesmapping"][name]["backend_roles"] == [SHIP, RESOLVE]
    assert [entry["index_patterns"] for entry in plugin.objects["roles"][name]["index_permissions"]] == [[f"{store.prefix}-*"]]
    assert set_up(store, SHIP, RESOLVE) == dict.fromkeys(KINDS, "unchanged")
    assert len(plugin.written) == 2


def test_whoever_else_is_mapped_stays_and_a_changed_role_is_put_right(plugin, store):
    """People map themselves in Dashboards; a permission that was added there goes, since setup owns the role."""
    set_up(store, SHIP)
    name = f"{store.prefix}-functions"
    plugin.objects["rolesmapping"][name] |= {"backend_roles": ["arn:aws:iam::1:role/else"], "users": ["kim"], "hosts": ["h"]}
    plugin.objects["roles"][name]["cluster_permissions"].append("cluster:*")
    assert set_up(store, SHIP, RESOLVE) == dict.fromkeys(KINDS, "updated")
    mapping = plugin.objects["rolesmapping"][name]
    assert (mapping["backend_roles"], mapping["users"], mapping["hosts"]) == (["arn:aws:iam::1:role/else", SHIP, RESOLVE], ["kim"], ["h"])
    assert "cluster:*" not in plugin.objects["roles"][name]["cluster_permissions"]


def test_without_roles_to_map_the_plugin_is_left_alone(plugin, store):
    """A login that may not manage roles is no obstacle then."""
    plugin.answer = 403, {"status": "FORBIDDEN", "message": "No permission to access REST API"}
    assert set_up(store) == {}


def test_a_login_that_may_not_manage_roles_is_told_so(plugin, store):
    """The stack's events say what to do."""
    plugin.answer = 403, {"status": "FORBIDDEN", "message": "No permission to access REST API: User master with roles [x]"}
    with pytest.raises(
        MisconfiguredError, match="the login may not manage roles: use the domain's master user, or leave OpenSearchDomainArn empty"
    ):
        set_up(store, SHIP)


def test_without_the_plugin_there_is_nothing_to_map(embedded_endpoint, settings):
    """OpenSearch itself knows no such path: setup says that, and goes on."""
    store = store_for(settings)
    changes = install(store, retention_days=14, monitors=False, function_roles=[SHIP])
    (change,) = (change for change in changes if change.kind == "security role")
    assert (change.action, "no security plugin" in change.reason) == ("skipped", True)
    remove(store)
    store.close()


def test_the_command_maps_what_the_settings_name(plugin, settings):
    """For a domain of one's own, whose stack is not ours."""
    place = {"TRACEJOIN_ENDPOINT": plugin.endpoint, "TRACEJOIN_PREFIX": settings.prefix, "TRACEJOIN_FUNCTION_ROLES": f"{SHIP}, {RESOLVE}"}
    status, output, _ = tracejoin("setup", "--no-monitors", "--json", **place)
    assert (status, {row["action"] for row in rows(output) if row["kind"] in KINDS}) == (0, {"created"})
    assert plugin.objects["rolesmapping"][f"{settings.prefix}-functions"]["backend_roles"] == [SHIP, RESOLVE]
    assert "must be ARNs of IAM roles" in tracejoin("setup", **place | {"TRACEJOIN_FUNCTION_ROLES": "arn:aws:iam::1:role/x"})[2]


def test_the_role_is_narrow_and_covers_what_iam_lets_through():
    """The prefix's indices alone, no wildcard over all actions, no management of anything but the indices that lines make."""
    ((name, role),) = documents("roles", "logs", 14)
    assert name == "functions"
    (indices,) = role["index_permissions"]
    assert indices["index_patterns"] == ["logs-*"]
    allowed = [*role["cluster_permissions"], *indices["allowed_actions"]]
    assert all(action.startswith("indices:") for action in allowed)
    assert not {"indices:*", "indices:admin/*", "indices:data/*", "indices:admin/delete"} & set(allowed)
    # _bulk and _mget are of the cluster, all else is of indices
    for function in ("ShipFunction", "ResolveFunction"):
        assert set(paths(load(), function, "logs")["POST"]) == {"/_bulk", "/_mget", "/logs-*"}
