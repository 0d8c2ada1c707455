"""A stand-in for OpenSearch's Alerting and Notifications plugins, which are not on Maven Central.

It is a real HTTP server in front of an OpenSearch without them: it answers below `_plugins/` as they do, and passes everything else on.

What it knows is written in the documentation (Alerting API) and in opensearch-project/alerting and common-utils: which keys a monitor
has (`checked`; stricter than the plugin, which overlooks unknown keys in places), and which defaults it is stored with (`stored`).
"""

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl

from tests.support.http_server import Answer, Forwarder, HttpServer, Request

MONITORS = "/_plugins/_alerting/monitors"
CHANNELS = "/_plugins/_notifications/configs/"
_CONFIG_INDEX = ".opendistro-alerting-config"
_TRIGGERS = {"query_level_monitor": "query_level_trigger", "bucket_level_monitor": "bucket_level_trigger",
             "doc_level_monitor": "document_level_trigger"}  # fmt: skip
_INPUTS = {"query_level_monitor": "search", "bucket_level_monitor": "search", "doc_level_monitor": "doc_level_input"}
_FORBIDDEN_IN_NAMES = set(" []{}()")


def _keys(what, content, required, optional=()):
    missing, unknown = set(required) - set(content), set(content) - set(required) - set(optional)
    if missing or unknown:
        raise ValueError(f"{what}: missing {sorted(missing)}, unknown {sorted(unknown)}")


def checked(monitor):
    """Raises ValueError where the documentation knows no such monitor."""
    _keys("monitor", monitor, ("type", "name", "monitor_type", "enabled", "schedule", "inputs", "triggers"), ("ui_metadata",))
    kind = monitor["monitor_type"]
    if monitor["type"] != "monitor" or kind not in _TRIGGERS:
        raise ValueError(f"Monitor type should be one of {sorted(_TRIGGERS)}")
    _keys("schedule", monitor["schedule"]["period"], ("interval", "unit"))
    if len(monitor["inputs"]) != 1 or len(monitor["triggers"]) > 10:
        raise ValueError("Monitors can only have 1 search input, and 10 triggers")
    _keys("input", monitor["inputs"][0], (_INPUTS[kind],))
    _check_input(kind, monitor["inputs"][0][_INPUTS[kind]])
    for entry in monitor["triggers"]:
        _keys("trigger", entry, (_TRIGGERS[kind],))
        _check_trigger(kind, entry[_TRIGGERS[kind]])


def _check_input(kind, given):
    if kind != "doc_level_monitor":
        _keys("search", given, ("indices", "query"))
        if kind == "bucket_level_monitor" and not given["query"].get("aggregations"):
            raise ValueError("At least one aggregation is required for the input")
        return
    _keys("doc_level_input", given, ("indices", "queries"), ("description",))
    for query in given["queries"]:
        _keys("query", query, ("id", "name", "query"), ("tags", "fields", "query_field_names"))
        if any(_FORBIDDEN_IN_NAMES & set(text) for text in (query["name"], *query.get("tags", ()))):
            raise ValueError(f"They query name or tag, {query['name']}, contains an invalid character")


def _check_trigger(kind, trigger):
    _keys("trigger", trigger, ("name", "severity", "condition"), ("id", "actions"))
    if kind == "bucket_level_monitor":
        _keys("condition", trigger["condition"], ("buckets_path", "parent_bucket_path", "script"), ("gap_policy", "composite_agg_filter"))
    else:
        _keys("condition", trigger["condition"], ("script",))
    _keys("script", trigger["condition"]["script"], ("source",), ("lang",))
    if trigger["severity"] not in {"1", "2", "3", "4", "5"}:
        raise ValueError("severity is a text from 1 to 5")
    for action in trigger.get("actions", ()):
        _check_action(action)


def _check_action(action):
    _keys("action", action, ("name", "destination_id", "message_template"),
          ("id", "subject_template", "throttle_enabled", "throttle", "action_execution_policy"))  # fmt: skip
    _keys("message_template", action["message_template"], ("source",), ("lang",))
    if action.get("throttle_enabled"):
        _keys("throttle", action["throttle"], ("value", "unit"))
        if action["throttle"]["unit"] != "MINUTES" or not 1 <= action["throttle"]["value"] <= 1440:
            raise ValueError("Can only set throttle period from 1 minute to 24 hours")
    if "action_execution_policy" not in action:
        return
    _keys("action_execution_policy", action["action_execution_policy"], ("action_execution_scope",))
    scope = action["action_execution_policy"]["action_execution_scope"]
    if list(scope) == ["per_alert"]:
        _keys("per_alert", scope["per_alert"], ("actionable_alerts",))
        if not set(scope["per_alert"]["actionable_alerts"]) <= {"NEW", "DEDUPED", "COMPLETED"}:
            raise ValueError("Actionable alerts should be one of DEDUPED, NEW, COMPLETED")
    elif scope != {"per_execution": {}} or "throttle" in action:
        raise ValueError("Throttle is currently not supported for per execution action scope")


class AlertingPlugin:
    """The plugins' memory.

    Attributes:
        monitors: what is stored, by id: a monitor with its sequence number.
        channels: ids of the Notifications channels that there are.
        forbidden: `search`, `get` or `write` where the caller lacks the permission.
        writes: method and path of every write that came in, whatever became of it.
    """

    def __init__(self):
        self.monitors = {}
        self.channels = set()
        self.forbidden = set()
        self.writes = []
        self.before_write = lambda: None
        self._seq_no = 0
        self._made = 0

    def answer(self, method, path, query, body):
        """Status and content of the answer to one request below `_plugins`; None where it is another plugin's."""
        if path.startswith(CHANNELS):
            return (200, {"config_list": []}) if path.removeprefix(CHANNELS) in self.channels else _error(404, "no such config")
        if not path.startswith(MONITORS):
            return None
        right = "search" if path.endswith("/_search") else {"GET": "get"}.get(method, "write")
        if right == "write":
            self.writes.append((method, path))
        if right in self.forbidden:
            return _error(403, f"no permissions for [cluster:admin/opendistro/alerting/monitor/{right}]")
        if right == "search":
            return self._search(body)
        id_ = path.removeprefix(MONITORS).strip("/")
        if right == "get":
            return (200, self._shown(id_)) if id_ in self.monitors else _error(404, "Monitor not found.")
        return self._write(method, id_, query, body)

    def _write(self, method, id_, query, body):
        self.before_write()
        try:
            checked(body)
        except ValueError as error:
            return _error(400, str(error))
        if method == "POST":
            self._made += 1
            return 201, self._shown(self.keep(f"monitor-{self._made}", body))
        if id_ not in self.monitors:
            return _error(404, f"Monitor with {id_} is not found")
        if "if_seq_no" in query and int(query["if_seq_no"]) != self.monitors[id_]["_seq_no"]:
            return _error(409, f"[{id_}]: version conflict, required seqNo [{query['if_seq_no']}]")
        return 200, self._shown(self.keep(id_, body))

    def keep(self, id_, monitor):
        """Stores ``monitor`` as the plugin does."""
        self._seq_no += 3
        self.monitors[id_] = {
            "_version": self._seq_no,
            "_seq_no": self._seq_no,
            "_primary_term": 1,
            "monitor": stored(monitor, self._seq_no),
        }
        return id_

    def _search(self, body):
        if not self.monitors:
            return _error(404, f"Configured indices are not found: [{_CONFIG_INDEX}]")
        names = body["query"]["terms"]["monitor.name.keyword"]
        hits = [{"_id": id_, "_source": kept["monitor"]} for id_, kept in self.monitors.items() if kept["monitor"]["name"] in names]
        return 200, {"hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": hits}}

    def _shown(self, id_):
        return {"_id": id_, **self.monitors[id_]}


def stored(monitor, number):
    """``monitor`` with all that the plugin adds: ids, times, and the defaults of queries, scripts and actions."""
    content = copy.deepcopy(monitor)
    content |= {"schema_version": 8, "enabled_time": 1_700_000_000_000 + number if content["enabled"] else None, "owner": "alerting",
                "last_update_time": 1_700_000_000_000 + number, "delete_query_index_in_every_run": False,
                "data_sources": {"query_index": ".opensearch-alerting-queries", "findings_enabled": False}}  # fmt: skip
    for given in content["inputs"]:
        if "search" in given:
            given["search"]["query"] = _with_defaults(given["search"]["query"])
        else:
            for query in given["doc_level_input"]["queries"]:
                query |= {"fields": [], "query_field_names": [], "tags": query.get("tags", [])}
    for position, entry in enumerate(content["triggers"]):
        trigger = next(iter(entry.values()))
        trigger.setdefault("id", f"trigger-{number}-{position}")
        trigger.setdefault("actions", [])
        if "parent_bucket_path" in trigger["condition"]:
            trigger["condition"].setdefault("gap_policy", "skip")
        for action in trigger["actions"]:
            action.setdefault("id", f"action-{number}")
            action.setdefault("throttle_enabled", False)
            for template in ("message_template", "subject_template"):
                action.get(template, {}).setdefault("lang", "mustache")
    return content


def _with_defaults(content):
    """Queries and aggregations as OpenSearch writes them after it has parsed them."""
    if isinstance(content, list):
        return [_with_defaults(entry) for entry in content]
    if not isinstance(content, dict):
        return content
    full = {}
    for key, value in content.items():
        inner = _with_defaults(value)
        if key == "bool":
            inner |= {"adjust_pure_negative": True, "boost": 1.0}
        elif key in {"term", "range"}:
            inner = {name: {**test, "boost": 1.0} for name, test in inner.items()}
        elif key == "terms":
            inner |= {"missing_bucket": False, "missing_order": "default", "order": "asc"}
        full[key] = inner
    return full


def _error(status, reason):
    return status, {"error": {"root_cause": [], "type": "alerting_exception", "reason": reason}, "status": status}


@contextmanager
def in_front_of(endpoint) -> Iterator[tuple[str, AlertingPlugin]]:
    """Serves the plugins in front of the OpenSearch at ``endpoint``; yields its own endpoint, and the plugins' memory."""
    plugin, lock = AlertingPlugin(), threading.Lock()
    forward = Forwarder(endpoint, keep={"content-type", "content-encoding"})

    def answer(request: Request) -> Answer:
        path, _, query = request.target.partition("?")
        if path.startswith("/_plugins/"):
            with lock:
                own = plugin.answer(request.method, path, dict(parse_qsl(query)), json.loads(request.body or b"null"))
            if own is not None:
                return own
        return forward(request)

    with HttpServer(answer) as server:
        yield server.endpoint, plugin
