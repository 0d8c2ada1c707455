"""Alerting monitors: their queries on real documents, their JSON against what the plugin documents, and their installation."""

import json
import time
import uuid
from dataclasses import replace

import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from pipeline.configure import store_for
from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.model.timestamps import iso_millis
from pipeline.provision.desired_state import satisfies
from pipeline.provision.install import documents, install
from pipeline.provision.monitors import install_monitors, merged
from pipeline.settings import Settings
from tests.conftest import remove
from tests.functional.alerting_plugin import MONITORS, checked, in_front_of

NAMES = ("dead-letters", "hidden-fault", "hidden-faults-by-service")
MINUTE = 60_000


def monitor_files(prefix="p"):
    """The monitors of `mappings/monitors`, by file name."""
    return dict(documents("monitors", prefix, 14))


def addressed(monitor, channel="c"):
    """A monitor as it is sent to the plugin when a channel is given."""
    return merged(monitor, {}, [channel])


def searched(store, name):
    """The search of a monitor, as the plugin runs it now: with its variables filled in."""
    given = monitor_files(store.prefix)[name]["inputs"][0]["search"]
    query = json.loads(json.dumps(given["query"]).replace("{{period_end}}", str(round(time.time() * 1000))))
    return store.search(query, index=",".join(given["indices"]))


def index(store, name, *documents_):
    """Indexes documents, with their position as id, and refreshes."""
    lines = []
    for position, document in enumerate(documents_):
        lines += [{"index": {"_index": f"{store.prefix}-{name}", "_id": str(position)}}, document]
    assert all(result.ok for result in store.write(lines))
    store.refresh()


def trace(*services, hidden=True, settled=True, minutes=1):
    """A trace document with a finding for each service, last seen so many minutes ago."""
    at = iso_millis(round(time.time() * 1000) - minutes * MINUTE)
    return {"@timestamp": at, "lastSeenAt": at, "doc": {"kind": "trace"}, "settled": settled, "trace": {"hiddenFault": hidden},
            "findings": [{"rule": "timeout", "severity": "alert", "serviceName": service} for service in services]}  # fmt: skip


def test_a_service_with_hidden_faults_has_a_bucket(store):
    """The bucket level query finds each service of each hidden fault of the last hour, settled or not, and no other trace."""
    index(store, "traces", trace("a", "b"), trace("a", settled=False, minutes=45), trace("c", hidden=False), trace("d", minutes=120),
          trace("e", minutes=-5))  # fmt: skip
    buckets = searched(store, "hidden-faults-by-service")["aggregations"]["services"]["buckets"]
    assert [(bucket["key"], bucket["doc_count"]) for bucket in buckets] == [({"service": "a"}, 2), ({"service": "b"}, 1)]


def test_no_hidden_fault_is_no_bucket(store):
    """Without a hidden fault there is no bucket, so no alert."""
    index(store, "traces", trace("a", hidden=False))
    assert searched(store, "hidden-faults-by-service")["aggregations"]["services"]["buckets"] == []


def test_a_settled_trace_with_a_hidden_fault_is_a_document(store):
    """The document level query matches a trace once it is settled: before, each new verdict would be another alert."""
    index(store, "traces", trace("a"), trace("a", settled=False), trace("a", hidden=False), trace("a", minutes=9000))
    [query] = monitor_files(store.prefix)["hidden-fault"]["inputs"][0]["doc_level_input"]["queries"]
    found = store.search({"query": {"query_string": {"query": query["query"], "fields": []}}}, index=f"{store.prefix}-traces")
    assert {hit["_id"] for hit in found["hits"]["hits"]} == {"0", "3"}


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


def test_dead_letters_of_the_last_day_are_counted(store):
    """The query of the third monitor counts what could not be shipped, and leaves out what is old."""
    assert searched(store, "dead-letters")["hits"]["total"]["value"] == 0
    now = round(time.time() * 1000)
    index(store, "dead-letters", *({"@timestamp": iso_millis(now - hours * 60 * MINUTE), "reason": "x"} for hours in (1, 23, 25)))
    assert searched(store, "dead-letters")["hits"]["total"]["value"] == 2


@pytest.mark.parametrize("name", NAMES)
def test_the_plugin_documents_all_that_the_files_say(name):
    """Each monitor, with and without a channel, has all keys that the plugin wants and none that it does not know."""
    monitor = monitor_files()[name]
    checked(merged(monitor, {}))
    checked(addressed(monitor))
    assert not satisfies(addressed(monitor), {"name": "other"})
    assert len({next(iter(entry.values()))["id"] for entry in monitor["triggers"]}) == len(monitor["triggers"])


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_short_and_tells_no_content(name):
    """A message names the prefix, ids, services or a number; no field of a log line or of a finding's evidence."""
    for entry in addressed(monitor_files("acme")[name])["triggers"]:
        for action in next(iter(entry.values()))["actions"]:
            text = action["subject_template"]["source"] + action["message_template"]["source"]
            assert len(text) < 400
            assert "acme" in text
            assert not any(word in text for word in ("body", "evidence", "sample_documents", "@channel@", "@prefix@"))


def test_the_check_refuses_what_is_wrong():
    """The check that stands for the documentation can fail: an unknown key, a wrong trigger, a throttle where none may be."""
    right = addressed(monitor_files()["hidden-fault"])
    trigger = right["triggers"][0]["document_level_trigger"]
    action = trigger["actions"][0]
    wrong = [
        right | {"surprise": 1},
        right | {"monitor_type": "bucket_level_monitor"},
        right | {"triggers": [{"bucket_level_trigger": trigger}]},
        right | {"triggers": [{"document_level_trigger": trigger | {"severity": 1}}]},
        right | {"triggers": [{"document_level_trigger": trigger | {"actions": [action | {"throttle": {"value": 1, "unit": "MINUTES"}}]}}]},
        right | {"triggers": [{"document_level_trigger": trigger | {"actions": [action | {"channel": "x"}]}}]},
    ]
    for monitor in wrong:
        with pytest.raises((ValueError, KeyError)):
            checked(monitor)


@pytest.fixture
def plugin(embedded_endpoint):
    """The plugin's memory; its endpoint in `plugin.endpoint`."""
    with in_front_of(embedded_endpoint) as (endpoint, plugin):
        plugin.endpoint = endpoint
        yield plugin


@pytest.fixture
def alerting(plugin, embedded_settings):
    """A store whose OpenSearch has the plugin; its indices and templates are removed afterwards."""
    store = store_for(embedded_settings)
    yield store
    remove(store)
    store.close()


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
    other = store_for(replace(embedded_settings, prefix=f"{embedded_settings.prefix}b"))
    run(alerting)
    assert run(other) == dict.fromkeys(NAMES, "created")
    assert len(plugin.monitors) == 6
    before = kept(plugin, other, "dead-letters")
    kept(plugin, alerting, "dead-letters")[1]["schedule"]["period"]["interval"] = 7
    assert run(alerting)["dead-letters"] == "updated"
    assert kept(plugin, other, "dead-letters") == before
    assert before[1]["inputs"][0]["search"]["indices"] == [f"{other.prefix}-dead-letters"]
    remove(other)
    other.close()


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
