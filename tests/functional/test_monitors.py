"""Monitors: their queries on real documents, and their JSON against what the Alerting plugin documents."""

import json
import time

import pytest

from pipeline.model.timestamps import iso_millis
from pipeline.provision.desired_state import satisfies
from pipeline.provision.monitors import merged
from tests.support.alerting_plugin import checked
from tests.support.monitors import monitor_files

NAMES = ("dead-letters", "hidden-fault", "hidden-faults-by-service")
MINUTE = 60_000


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


@pytest.mark.opensearch
def test_a_service_with_hidden_faults_has_a_bucket(store):
    """The bucket level query finds each service of each hidden fault of the last hour, settled or not, and no other trace."""
    index(store, "traces", trace("a", "b"), trace("a", settled=False, minutes=45), trace("c", hidden=False), trace("d", minutes=120),
          trace("e", minutes=-5))  # fmt: skip
    buckets = searched(store, "hidden-faults-by-service")["aggregations"]["services"]["buckets"]
    assert [(bucket["key"], bucket["doc_count"]) for bucket in buckets] == [({"service": "a"}, 2), ({"service": "b"}, 1)]


@pytest.mark.opensearch
def test_no_hidden_fault_is_no_bucket(store):
    """Without a hidden fault there is no bucket, so no alert."""
    index(store, "traces", trace("a", hidden=False))
    assert searched(store, "hidden-faults-by-service")["aggregations"]["services"]["buckets"] == []


@pytest.mark.opensearch
def test_a_settled_trace_with_a_hidden_fault_is_a_document(store):
    """The document level query matches a trace once it is settled: before, each new verdict would be another alert."""
    index(store, "traces", trace("a"), trace("a", settled=False), trace("a", hidden=False), trace("a", minutes=9000))
    [query] = monitor_files(store.prefix)["hidden-fault"]["inputs"][0]["doc_level_input"]["queries"]
    found = store.search({"query": {"query_string": {"query": query["query"], "fields": []}}}, index=f"{store.prefix}-traces")
    assert {hit["_id"] for hit in found["hits"]["hits"]} == {"0", "3"}


@pytest.mark.opensearch
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
    """A message names the prefix, ids or a number; no service, no field of a log line or of a finding's evidence: nothing cleans these there."""
    for entry in addressed(monitor_files("acme")[name])["triggers"]:
        for action in next(iter(entry.values()))["actions"]:
            text = action["subject_template"]["source"] + action["message_template"]["source"]
            assert len(text) < 400
            assert "acme" in text
            assert not any(word in text for word in ("body", "evidence", "bucket_keys", "sample_documents", "@channel@", "@prefix@"))


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
