"""What the saved objects of `mappings/dashboards` show: whole files, fields that exist, and searches that find something."""

import json
import re

import pytest

from pipeline.provision.install import documents
from pipeline.provision.saved_objects import saved_objects
from pipeline.store.own_mapping import types_of
from tests.support.events import NOW, edge, function, lambda_event, powertools, report, service, start
from tests.support.shipping import resolver, shipped
from tests.support.stores import both_kinds

FAILED = {"error": True, "cause": {"exceptions": [{"id": "1", "type": "ValueError", "message": "boom"}]}}
NOT_COUNTED = frozenset({"text", "flat_object", "object", "nested"})
OBJECTS = {(each["type"], each["id"]): each for each in saved_objects("p")}
VISUALIZATIONS = sorted(id_ for kind, id_ in OBJECTS if kind == "visualization")
SEARCHES = sorted(id_ for kind, id_ in OBJECTS if kind == "search")


def attributes(kind, id_):
    """The attributes of a saved object."""
    return OBJECTS[kind, id_]["attributes"]


def source_of(kind, id_):
    """The search source of an object, and its index pattern's attributes."""
    source = json.loads(attributes(kind, id_)["kibanaSavedObjectMeta"]["searchSourceJSON"])
    (reference,) = [each for each in OBJECTS[kind, id_]["references"] if each["name"] == source["indexRefName"]]
    return source, attributes("index-pattern", reference["id"])


def aggregations(id_):
    """The aggregations of a visualization."""
    return json.loads(attributes("visualization", id_)["visState"])["aggs"]


def fields_of(title):
    """Type and definition of each field of the index templates behind an index pattern; those of all where it is the alias."""
    templates = dict(documents("indices", "p", 1))
    components = dict(documents("components", "p", 1))
    parts = title.split(",")
    chosen = [template for template in templates.values() if "p" in template["template"].get("aliases", {})] if parts == ["p"] else \
             [template for template in templates.values() if any(index in parts or f"{index}*" in parts for index in template["index_patterns"])]  # fmt: skip
    assert chosen, title
    found = {}
    for template in chosen:
        for part in (*(components[name.removeprefix("p-")] for name in template["composed_of"]), template):
            properties = part["template"].get("mappings", {}).get("properties", {})
            found |= {path: (kind, definition(properties, path)) for path, kind in types_of(properties)}
    return found


def definition(properties, path):
    """The mapping of one field."""
    for name in path.split("."):
        found = properties[name]
        properties = found.get("properties", {})
    return found


def is_counted(fields, field):
    """Whether a field exists, and can be sorted and aggregated."""
    kind, how = fields.get(field, ("text", {}))
    return kind not in NOT_COUNTED and how.get("doc_values", True) and how.get("enabled", True)


def test_the_files_are_whole():
    """Ids are there once and begin with the prefix, JSON in texts is JSON, what is referred to is there, and each panel has its place."""
    everything = saved_objects("p")
    assert len(OBJECTS) == len(everything)
    assert "@prefix@" not in json.dumps(everything)
    for (kind, id_), saved in OBJECTS.items():
        assert id_.startswith("p-"), id_
        assert {(each["type"], each["id"]) for each in saved["references"]} <= OBJECTS.keys()
        assert saved.keys() - {"migrationVersion"} == {"type", "id", "attributes", "references"}
        assert saved.get("migrationVersion", {kind: ""}).keys() == {kind}
        for name in ("visState", "uiStateJSON", "panelsJSON", "optionsJSON", "schemaMappings", "fieldFormatMap"):
            json.loads(saved["attributes"].get(name, "{}"))
        if kind in {"visualization", "search"}:
            source_of(kind, id_)
        if kind == "dashboard":
            panels = json.loads(saved["attributes"]["panelsJSON"])
            assert {panel["panelRefName"] for panel in panels} == {each["name"] for each in saved["references"]}
            cells = [(x, y) for panel in panels for x in range(panel["gridData"]["x"], panel["gridData"]["x"] + panel["gridData"]["w"])
                     for y in range(panel["gridData"]["y"], panel["gridData"]["y"] + panel["gridData"]["h"])]  # fmt: skip
            assert len(cells) == len(set(cells))
            assert max(x for x, _ in cells) < 48
    shown = {each["id"] for kind, id_ in OBJECTS if kind == "dashboard" for each in OBJECTS[kind, id_]["references"]}
    assert {*VISUALIZATIONS, *SEARCHES} - shown == {"p-transactions"}


def test_the_correlation_joins_spans_and_logs_by_fields_that_both_have():
    """Trace to logs: the datasets, and the fields of the logs by their names in OpenTelemetry."""
    (correlation,) = [each for (kind, _), each in OBJECTS.items() if kind == "correlations"]
    datasets = [attributes(each["type"], each["id"]) for each in correlation["references"]]
    assert [each["signalType"] for each in datasets] == ["traces", "logs"]
    assert correlation["attributes"]["correlationType"].startswith("trace-to-logs-")
    fields = fields_of(datasets[1]["title"])
    mapped = json.loads(datasets[1]["schemaMappings"])["otelLogs"]
    assert mapped.keys() == {"timestamp", "traceId", "spanId", "serviceName"}
    assert all(is_counted(fields, field) for field in mapped.values())


def test_every_field_exists():
    """Each time field, aggregated field, column, sort and field of a query is in the templates, and can do what is asked of it."""
    for (kind, id_), saved in OBJECTS.items():
        if kind == "index-pattern":
            fields = fields_of(saved["attributes"]["title"])
            assert fields[saved["attributes"]["timeFieldName"]][0] in {"date", "date_nanos"}, id_
            assert json.loads(saved["attributes"].get("fieldFormatMap", "{}")).keys() <= fields.keys()
        if kind not in {"visualization", "search"}:
            continue
        source, pattern = source_of(kind, id_)
        fields = fields_of(pattern["title"])
        for field in re.findall(r"([\w.@]+):", source["query"]["query"]):
            assert fields[field][1].get("index", True), (id_, field)
        for each in aggregations(id_) if kind == "visualization" else ():
            if field := each["params"].get("field"):
                assert is_counted(fields, field), (id_, field)
        if kind == "search":
            assert set(saved["attributes"]["columns"]) <= fields.keys(), id_
            assert all(is_counted(fields, field) for field, _ in saved["attributes"]["sort"]), id_


def body_of(kind, id_, prefix):
    """The index and the body of the search that Dashboards makes of a visualization or a saved search."""
    source, pattern = source_of(kind, id_)
    # Dashboards' own query language, as far as these use it
    text = re.sub(r"\b(and|or)\b", lambda word: word[0].upper(), source["query"]["query"])
    body = {"query": {"query_string": {"query": text}} if text else {"match_all": {}}}
    return re.sub(r"(^|,)p\b", rf"\1{prefix}", pattern["title"]), body


def nested(found):
    """These aggregations as DSL: buckets in their order, metrics innermost."""
    metrics, buckets = ([each for each in found if (each["schema"] == "metric") is wanted] for wanted in (True, False))
    inner = {}
    for each in metrics:
        if each["type"] != "count":
            params = {name: value for name, value in each["params"].items() if name in {"field", "percents"}}
            inner[each["id"]] = {each["type"]: params}
    counts = {each["id"] for each in metrics if each["type"] in {"count", "percentiles"}}
    for each in reversed(buckets):
        params = each["params"]
        if each["type"] == "date_histogram":
            how = {"field": params["field"], "fixed_interval": "1h", "min_doc_count": 1}
        else:
            order = "_count" if params["orderBy"] in counts else params["orderBy"]
            how = {"field": params["field"], "size": params["size"], "order": {order: params["order"]}}
            # what buckets are ordered by has to be in each of them
            inner = {**{name: agg for name, agg in innermost(found).items() if name == order}, **inner}
        inner = {each["id"]: {each["type"]: how, **({"aggs": inner} if inner else {})}}
    return inner


def innermost(found):
    """The metrics alone."""
    return {
        each["id"]: {each["type"]: {"field": each["params"]["field"]}}
        for each in found
        if each["schema"] == "metric" and "field" in each["params"]
    }


def story(store, settings):
    """A fault behind a 200, shipped and swept; an invocation with a stale trace id; what only a refusal, an alert and a policy leave."""
    shipped(lambda_event([start(), powertools("paid", level="ERROR"), report()]), store, settings)
    resolver(store, settings, edge(), service(parent_id="b" * 16, fault=True), function(**FAILED))[0].sweep(force=True)
    at = f"{NOW // 1000}000"
    lines = []
    for name, source in {
        "alerts": {"@timestamp": at, "alert": {"state": "sent"}}, "sampled-out": {"at": int(at), "reason": "share", "lines": 7, "bytes": 70},
        "dead-letters": {"@timestamp": at, "reason": "no", "aws": {"logGroup": "/aws/lambda/orders"}},
        "traces": {"@timestamp": at, "lastSeenAt": at, "settled": False, "trace": {"state": "pending"}},
        "logs-2026.11.24": {"@timestamp": at, "serviceName": "orders", "staleTraceId": "f" * 32, "idSource": "request"},
    }.items():  # fmt: skip
        lines += [{"index": {"_index": f"{store.prefix}-{name}", "_id": "made-up"}}, source]
    assert all(result.ok for result in store.write(lines))
    store.refresh()


@both_kinds
def test_every_visualization_and_search_finds_something(store, settings):
    """Each runs as Dashboards asks it, and its buckets and numbers are not empty."""
    story(store, settings)
    for id_ in SEARCHES:
        index, body = body_of("search", id_, store.prefix)
        sort = [{field: order} for field, order in attributes("search", id_)["sort"]]
        assert store.search({**body, "sort": sort}, index=index)["hits"]["hits"], id_
    for id_ in VISUALIZATIONS:
        index, body = body_of("visualization", id_, store.prefix)
        found = aggregations(id_)
        answer = store.search({**body, "size": 0, "aggs": nested(found)} if nested(found) else {**body, "size": 0}, index=index)
        assert answer["hits"]["total"]["value"] > 0, id_
        level = answer.get("aggregations", {})
        for each in found:
            if each["schema"] != "metric":
                assert level[each["id"]]["buckets"], (id_, each)
                level = level[each["id"]]["buckets"][0]


@pytest.mark.parametrize("prefix", ["tracejoin", "a-b", "x_1"])
def test_any_prefix(prefix):
    """Titles and ids follow the prefix, so that two deployments share one Dashboards."""
    keys = {(each["type"], each["id"]) for each in saved_objects(prefix)}
    assert all(id_.startswith(f"{prefix}-") for _, id_ in keys)
    assert len(keys) == len(OBJECTS)
