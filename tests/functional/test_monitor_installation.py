"""Installing monitors, against a stand-in for the Alerting plugin."""

import json
import uuid
from dataclasses import replace

import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from pipeline.configure import store_for
from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.provision.install import install
from pipeline.provision.monitors import install_monitors
from pipeline.settings import Settings
from tests.support.alerting_plugin import MONITORS, in_front_of
from tests.support.monitors import monitor_files
from tests.support.stores import emptied

NAMES = ("dead-letters", "hidden-fault", "hidden-faults-by-service")


def test_the_plugin_renames_each_field_of_the_query_once(embedded_store):
    """The plugin renames fields by plain text replacement, for every mapped path: no path may end another's name in our query."""
    [query] = monitor_files()["hidden-fault"]["inputs"][0]["doc_level_input"]["queries"]
    mapping = embedded_store.request("GET", f"/{embedded_store.prefix}-traces/_mapping")[f"{embedded_store.prefix}-traces"]["mappings"]
    text = query["query"]
    for path in leaves(mapping["properties"]):
        text = text.replace(f"{path}:", f"{path}_i_m:")
    assert text == "trace.hiddenFault_i_m:true AND settled_i_m:true"


def leaves(properties, start=""):
    """The dotted path of every mapped field."""
    for name, content in properties.items():
        if "properties" in content:
            yield from leaves(content["properties"], f"{start}{name}.")
        else:
            yield f"{start}{name}"


@pytest.fixture
def plugin(embedded_endpoint):
    """The plugin's memory; its endpoint in `plugin.endpoint`."""
    with in_front_of(embedded_endpoint) as (endpoint, plugin):
        plugin.endpoint = endpoint
        yield plugin


@pytest.fixture
def alerting(plugin, embedded_settings):
    """A store whose OpenSearch has the plugin; its indices and templates are removed afterwards."""
    with emptied(embedded_settings) as store:
        yield store


@pytest.fixture
def embedded_store(alerting):
    """The embedded OpenSearch with everything installed."""
    install(alerting, retention_days=14, monitors=False)
    return alerting


@pytest.fixture
def embedded_settings(plugin):
    """Settings for the plugin's endpoint, with a prefix of the test's own."""
    return Settings(endpoint=plugin.endpoint, prefix=f"t{uuid.uuid4().hex[:10]}", region="eu-west-1")


def run(store, **options):
    """What setup did to monitors: action by name, without the prefix."""
    changes = install(store, retention_days=14, **options)
    return {change.name.removeprefix(f"{store.prefix}-"): change.action for change in changes if change.kind == "monitor"}


def kept(plugin, store, name):
    """The stored monitor of this name: its id and content."""
    [found] = [(id_, kept["monitor"]) for id_, kept in plugin.monitors.items() if kept["monitor"]["name"] == f"{store.prefix}-{name}"]
    return found


def trigger_of(monitor, position=0):
    """A trigger without the object that names its kind."""
    return next(iter(monitor["triggers"][position].values()))


def channels(monitor, position=0):
    """The channels that a trigger's actions tell, in their order."""
    return [action["destination_id"] for action in trigger_of(monitor, position)["actions"]]


def test_a_second_run_changes_no_monitor(plugin, alerting):
    """Monitors are made once; whatever defaults the plugin adds, they are recognised, and nothing is written again."""
    assert run(alerting, check=True) == dict.fromkeys(NAMES, "created")
    assert plugin.writes == []
    assert run(alerting) == dict.fromkeys(NAMES, "created")
    assert run(alerting) == run(alerting, check=True) == dict.fromkeys(NAMES, "unchanged")
    assert plugin.writes == [("POST", MONITORS)] * 3
    for name in NAMES:
        monitor = kept(plugin, alerting, name)[1]
        assert monitor["enabled"] is True
        assert channels(monitor) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda monitor: monitor["inputs"][0]["search"]["query"].update(size=1),
        lambda monitor: monitor["inputs"][0]["search"]["indices"].append("other"),
        lambda monitor: monitor["inputs"][0]["search"]["query"]["query"]["bool"]["filter"].pop(),
        lambda monitor: monitor["schedule"]["period"].update(interval=5),
        lambda monitor: trigger_of(monitor)["condition"]["script"].update(source="params.Traces > 0"),
        lambda monitor: trigger_of(monitor).update(severity="1"),
        lambda monitor: monitor["triggers"].clear(),
    ],
)
def test_a_changed_monitor_is_updated_in_place(plugin, alerting, change):
    """A monitor that differs from its file anywhere, deep in a list too, is brought back under its own id; --check only says so."""
    run(alerting)
    id_, monitor = kept(plugin, alerting, "hidden-faults-by-service")
    change(monitor)
    expected = dict.fromkeys(NAMES, "unchanged") | {"hidden-faults-by-service": "updated"}
    assert run(alerting, check=True) == expected
    assert len(plugin.writes) == 3
    assert run(alerting) == expected
    assert plugin.writes[3:] == [("PUT", f"{MONITORS}/{id_}")]
    assert run(alerting) == dict.fromkeys(NAMES, "unchanged")
    assert kept(plugin, alerting, "hidden-faults-by-service")[0] == id_


def test_channels_become_actions_and_stay(plugin, alerting):
    """Each channel gets one action in each trigger; a run without channels leaves them, one with others puts those in their place."""
    plugin.channels = {"one", "two"}
    run(alerting)
    assert run(alerting, channels=("one", "two")) == dict.fromkeys(NAMES, "updated")
    assert all(channels(kept(plugin, alerting, name)[1]) == ["one", "two"] for name in NAMES)
    assert run(alerting) == run(alerting, channels=("one", "two")) == dict.fromkeys(NAMES, "unchanged")
    assert run(alerting, channels=("two",)) == dict.fromkeys(NAMES, "updated")
    assert all(channels(kept(plugin, alerting, name)[1]) == ["two"] for name in NAMES)


def test_what_the_user_made_survives_an_update(plugin, alerting):
    """A user's action, a user's trigger and a monitor that the user switched off stay through updates of everything else."""
    plugin.channels = {"ours", "next"}
    run(alerting, channels=("ours",))
    id_, monitor = kept(plugin, alerting, "hidden-fault")
    action = {"name": "page me", "destination_id": "theirs", "message_template": {"source": "wake up"}}
    trigger_of(monitor)["actions"].insert(0, action)
    trigger = {"name": "mine", "severity": "5", "condition": {"script": {"source": "query[tag=hidden-fault]"}}, "actions": [action]}
    monitor["triggers"].insert(0, {"document_level_trigger": trigger})
    # as Dashboards saves it
    known = {key: monitor[key] for key in ("type", "name", "monitor_type", "schedule", "inputs", "triggers")}
    plugin.keep(id_, known | {"enabled": False})
    assert run(alerting) == dict.fromkeys(NAMES, "unchanged")
    assert run(alerting, channels=("next",))["hidden-fault"] == "updated"
    monitor = kept(plugin, alerting, "hidden-fault")[1]
    assert monitor["enabled"] is False
    assert (channels(monitor, 0), channels(monitor, 1)) == (["theirs"], ["theirs", "next"])
    assert trigger_of(monitor)["name"] == "mine"
    trigger_of(monitor, 1)["severity"] = "1"
    assert run(alerting)["hidden-fault"] == "updated"
    assert channels(kept(plugin, alerting, "hidden-fault")[1], 1) == ["theirs", "next"]


def test_two_prefixes_do_not_meet(plugin, alerting, embedded_settings):
    """Monitors of two prefixes on one cluster are six, each on its own indices; bringing one back leaves the other alone."""
    run(alerting)
    with emptied(replace(embedded_settings, prefix=f"{embedded_settings.prefix}b")) as other:
        assert run(other) == dict.fromkeys(NAMES, "created")
        assert len(plugin.monitors) == 6
        before = kept(plugin, other, "dead-letters")
        kept(plugin, alerting, "dead-letters")[1]["schedule"]["period"]["interval"] = 7
        assert run(alerting)["dead-letters"] == "updated"
        assert kept(plugin, other, "dead-letters") == before
        assert before[1]["inputs"][0]["search"]["indices"] == [f"{other.prefix}-dead-letters"]


@pytest.mark.parametrize("right", ["search", "get", "write"])
def test_a_missing_permission_is_said(plugin, alerting, right):
    """Where the plugin is there but this user may not use it, setup goes on, says which permission is needed, and writes nothing."""
    if right == "get":
        run(alerting)
    plugin.forbidden = {right}
    changes = [change for change in install(alerting, retention_days=14) if change.kind == "monitor"]
    assert {change.action for change in changes} == {"skipped"}
    assert all(
        "alerting_full_access" in change.reason and "cluster:admin/opendistro/alerting/monitor/" in change.reason for change in changes
    )
    assert len(plugin.monitors) == (3 if right == "get" else 0)


def test_somebody_else_was_faster(plugin, alerting):
    """A monitor that changes between reading and writing is not overwritten: the plugin's conflict is told, and the next run is right."""
    run(alerting)
    id_, monitor = kept(plugin, alerting, "hidden-fault")
    monitor["schedule"]["period"]["interval"] = 9

    def meanwhile():
        plugin.before_write = lambda: None
        keys = ("type", "name", "monitor_type", "enabled", "schedule", "inputs", "triggers")
        plugin.keep(id_, {key: monitor[key] for key in keys} | {"enabled": False})

    plugin.before_write = meanwhile
    with pytest.raises(BadInputError, match="409"):
        run(alerting)
    assert run(alerting)["hidden-fault"] == "updated"
    assert kept(plugin, alerting, "hidden-fault")[1]["enabled"] is False


def test_two_of_one_name_are_reported(plugin, alerting):
    """Where somebody copied a monitor, always the same one is kept up to date, and setup says that there are more."""
    run(alerting)
    id_, monitor = kept(plugin, alerting, "hidden-fault")
    plugin.keep("zz", {key: monitor[key] for key in ("type", "name", "monitor_type", "enabled", "schedule", "inputs", "triggers")})
    [change] = [change for change in install(alerting, retention_days=14) if change.name.endswith("-hidden-fault")]
    assert (change.action, change.reason) == ("unchanged", f"2 monitors have this name: delete all but {id_}")


def test_an_unknown_channel_is_refused(plugin, alerting):
    """A channel that does not exist is an error, since the plugin would take it and lose every message."""
    plugin.channels = {"one"}
    with pytest.raises(MisconfiguredError, match="no Notifications channel 'two'"):
        run(alerting, channels=("one", "two"))
    assert plugin.writes == []


def test_monitors_can_be_left_alone(plugin, alerting):
    """Without monitors none is made, and those that are there are neither looked at nor changed."""
    assert run(alerting, monitors=False) == {}
    run(alerting)
    kept(plugin, alerting, "hidden-fault")[1]["schedule"]["period"]["interval"] = 9
    assert run(alerting, monitors=False) == {}
    assert len(plugin.writes) == 3


@pytest.mark.opensearch
def test_an_opensearch_without_the_plugin_is_said(store):
    """Without the plugin each monitor is skipped, with the reason; --check says the same."""
    for check in (False, True):
        changes = [change for change in install(store, retention_days=14, check=check) if change.kind == "monitor"]
        if {change.action for change in changes} != {"unchanged"}:
            assert [change.action for change in changes] == ["skipped"] * 3
            assert all("no Alerting plugin" in change.reason for change in changes)


def test_serverless_is_not_even_asked():
    """Amazon OpenSearch Serverless has no Alerting, whatever it answers to paths that it does not know."""
    store = store_for(Settings(endpoint="https://abc.eu-west-1.aoss.amazonaws.com", prefix="p", username="u", password="p"))
    changes = install_monitors(store, [(name, {}) for name in NAMES])
    assert [(change.action, change.reason.partition(":")[0]) for change in changes] == [
        ("skipped", "OpenSearch Serverless has no Alerting plugin")
    ] * 3
    store.close()


def test_the_command(plugin, alerting, monkeypatch):
    """`setup --channel` and `--no-monitors` do what they say; a channel that nobody can tell is exit status 1."""
    monkeypatch.setenv("TRACEJOIN_PREFIX", alerting.prefix)
    plugin.channels = {"one"}

    def setup(*options):
        result = CliRunner().invoke(cli, ["setup", "--json", "--endpoint", plugin.endpoint, *options])
        return result.exit_code, [row for row in map(json.loads, result.stdout.splitlines()) if row["kind"] == "monitor"]

    assert setup("--no-monitors") == (0, [])
    status, rows = setup("--channel", "one")
    assert (status, {row["action"] for row in rows}) == (0, {"created"})
    assert channels(kept(plugin, alerting, "hidden-fault")[1]) == ["one"]
    assert setup("--check")[0] == 0
    assert setup("--channel", "one", "--no-monitors")[0] == 2
    plugin.forbidden = {"search"}
    assert setup()[0] == 0
    assert setup("--channel", "one")[0] == 1
