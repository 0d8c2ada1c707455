"""Monitors: installs `mappings/monitors/` in OpenSearch's Alerting plugin, where there is one.

The file decides a monitor's query and conditions. The user decides whether it is enabled, and may add triggers and actions, which no
update removes. Sources: OpenSearch documentation, "Alerting API" (`_plugins/_alerting/monitors`); opensearch-project/common-utils,
alerting/model (what the plugin adds to a monitor).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.provision.desired_state import Change, apply
from pipeline.store.client import Store

_PATH = "/_plugins/_alerting/monitors"
_CHANNELS = "/_plugins/_notifications/configs"
# the ids of our own actions begin with this
_OURS = "tracejoin-channel-"
_ABSENT = "this OpenSearch has no Alerting plugin: alerts come by SNS and CloudWatch alone"
_FORBIDDEN = (
    "no permission: the user or role that runs setup needs alerting_full_access (cluster:admin/opendistro/alerting/monitor/search,"
    " get and write), and to read the indices that the monitors search"
)
_NO_HANDLER = "no handler found"


def install_monitors(store: Store, monitors: Iterable[tuple[str, dict[str, Any]]], *, channels: Sequence[str] = (),
                     check: bool = False) -> list[Change]:  # fmt: skip
    """Creates or updates the monitors, each known by its name, and returns the changes.

    Args:
        store: the OpenSearch to install in.
        monitors: name and monitor, as the plugin takes it; its actions hold `@channel@` instead of a channel's id.
        channels: ids of the Notifications channels to notify; with none, those of an earlier run stay.
        check: whether to change nothing; the changes are then those that would be made.

    Raises MisconfiguredError where a channel does not exist, BadInputError where the plugin refuses a monitor.
    """
    wanted = list(monitors)
    reason = store.capabilities.absent.get("monitor", _ABSENT)
    try:
        known = None if "monitor" in store.capabilities.absent else _ids(store, [name for name, _ in wanted])
    except MisconfiguredError:
        known, reason = None, _FORBIDDEN
    if known is None:
        return [Change("monitor", name, "skipped", reason) for name, _ in wanted]
    _require(store, channels)
    return [_monitor(store, name, monitor, known.get(name, []), channels, check=check) for name, monitor in wanted]


def merged(wanted: Mapping[str, Any], present: Mapping[str, Any], channels: Sequence[str] = ()) -> dict[str, Any]:
    """The monitor to store: ``wanted`` with the user's own parts of ``present``; triggers and actions keep their order.

    Args:
        wanted: the monitor in the file.
        present: the monitor in the plugin; empty where there is none.
        channels: as for `install_monitors`.
    """
    ours = {_inner(entry)["id"]: entry for entry in wanted["triggers"]}
    stored = {_inner(entry)["id"]: entry for entry in present.get("triggers", ())}
    triggers = [_trigger(ours[id_], stored.get(id_), channels) if id_ in ours else stored[id_] for id_ in (stored | ours)]
    return {**wanted, "enabled": present.get("enabled", wanted["enabled"]), "triggers": triggers}


def _ids(store: Store, names: Sequence[str]) -> dict[str, list[str]] | None:
    """The ids of the monitors with these names, by name; None where there is no plugin."""
    # the plugin refreshes after each write, so a search sees the monitors of an earlier run
    body = {"size": 100, "query": {"terms": {"monitor.name.keyword": list(names)}}}
    try:
        # 404: the plugin creates its index with the first monitor
        answer = store.find("POST", f"{_PATH}/_search", body) or {"hits": {"hits": []}}
    except BadInputError as error:
        if _NO_HANDLER in str(error):
            return None
        raise
    found: dict[str, list[str]] = {}
    with store.understood():
        for hit in answer["hits"]["hits"]:
            source = hit["_source"]
            found.setdefault(source.get("monitor", source)["name"], []).append(hit["_id"])
    return found


def _require(store: Store, channels: Sequence[str]) -> None:
    """Raises MisconfiguredError where a channel does not exist: the plugin takes any id, and its messages would be lost."""
    unknown = [channel for channel in channels if not _exists(store, channel)]
    if unknown:
        raise MisconfiguredError(
            [f"{store.endpoint} has no Notifications channel {channel!r}: GET {_CHANNELS} lists them" for channel in unknown]
        )


def _exists(store: Store, channel: str) -> bool:
    try:
        return store.find("GET", f"{_CHANNELS}/{quote(channel, safe='')}") is not None
    except (BadInputError, MisconfiguredError):
        # without the plugin or the permission it can't be known
        return True


def _monitor(store: Store, name: str, wanted: Mapping[str, Any], ids: Sequence[str], channels: Sequence[str], *,
             check: bool) -> Change:  # fmt: skip
    try:
        # of several monitors it is always the same one; a get by id is realtime
        found = store.find("GET", f"{_PATH}/{min(ids)}") if ids else None
        with store.understood():
            present = found["monitor"] if found else None
        monitor = merged(wanted, present or {}, channels)
        change = apply("monitor", name, present, monitor, check=check, put=lambda: _put(store, found, monitor))
    except MisconfiguredError:
        return Change("monitor", name, "skipped", _FORBIDDEN)
    return Change("monitor", name, change.action, f"{len(ids)} monitors have this name: delete all but {min(ids)}" if len(ids) > 1 else "")


def _put(store: Store, found: Mapping[str, Any] | None, monitor: Mapping[str, Any]) -> None:
    if found is None:
        store.request("POST", _PATH, monitor)
    else:
        condition = {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
        store.request("PUT", f"{_PATH}/{found['_id']}", monitor, condition)


def _inner(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The trigger in an object that names its kind: `{"bucket_level_trigger": {…}}`; a very old one has no such object."""
    first = next(iter(entry.values()))
    return first if isinstance(first, Mapping) else entry


def _trigger(wanted: Mapping[str, Any], present: Mapping[str, Any] | None, channels: Sequence[str]) -> dict[str, Any]:
    kind, trigger = next(iter(wanted.items()))
    stored = {action["id"]: action for action in _inner(present).get("actions", ())} if present else {}
    notified = channels or [action["destination_id"] for id_, action in stored.items() if id_.startswith(_OURS)]
    ours = {action["id"]: action for channel in notified for action in _addressed(trigger["actions"], channel)}
    # only our own actions that are no longer wanted go
    actions = [ours.get(id_, stored.get(id_)) for id_ in (stored | ours) if id_ in ours or not id_.startswith(_OURS)]
    return {kind: {**trigger, "actions": actions}}


def _addressed(actions: Sequence[Mapping[str, Any]], channel: str) -> list[dict[str, Any]]:
    text: list[dict[str, Any]] = json.loads(json.dumps(actions).replace("@channel@", json.dumps(channel)[1:-1]))
    return text
