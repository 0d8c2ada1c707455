"""Install: installs what is in `mappings/`, and reports what it changed. Running it again changes nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec

from pipeline.errors import BadInputError
from pipeline.provision.desired_state import Change, apply
from pipeline.provision.foreign_mappings import foreign_mappings
from pipeline.provision.monitors import install_monitors
from pipeline.provision.security_roles import install_roles
from pipeline.store.client import TEMPLATES, Store

_SINGLE = tuple(name for name in TEMPLATES if name not in {"logs", "spans"})
"""The indices, each behind the prefix, that there is one of."""


def install(
    store: Store,
    *,
    retention_days: int,
    function_roles: Sequence[str] = (),
    monitors: bool = True,
    channels: Sequence[str] = (),
    check: bool = False,
) -> list[Change]:
    """Brings component templates, index templates, indices, the lifecycle policy, roles and monitors up to date; returns the changes.

    An index with a foreign mapping is among the changes, though none can mend it.

    Args:
        store: the OpenSearch to install in.
        retention_days: after how many days the daily indices are deleted.
        function_roles: the ARNs of the IAM roles of `ship` and `resolve`; with none, the security plugin is left alone.
        monitors: whether to touch monitors at all.
        channels: ids of the Notifications channels that the monitors notify; with none, those of an earlier run stay.
        check: whether to change nothing; the changes are then those that would be made.

    Raises MisconfiguredError where a channel does not exist, or the login may not manage roles.
    """
    # first, since nothing is written then to what is no OpenSearch
    foreign = foreign_mappings(store)
    changes: list[Change] = []
    for kind, path, response_key in (
        ("components", "_component_template", "component_templates"),
        ("indices", "_index_template", "index_templates"),
    ):
        for name, wanted in documents(kind, store.prefix, retention_days, overlay=store.capabilities.overlay):
            changes.append(_template(store, path, response_key, f"{store.prefix}-{name}", wanted, check=check))
    changes += [_index(store, f"{store.prefix}-{name}", check=check) for name in _SINGLE]
    changes += foreign
    for name, wanted in documents("policies", store.prefix, retention_days):
        changes.append(_policy(store, f"{store.prefix}-{name}", wanted, check=check))
    if function_roles:
        wanted_roles = ((f"{store.prefix}-{name}", role) for name, role in documents("roles", store.prefix, retention_days))
        changes += install_roles(store, wanted_roles, function_roles, check=check)
    if monitors:
        wanted_monitors = ((monitor["name"], monitor) for _, monitor in documents("monitors", store.prefix, retention_days))
        changes += install_monitors(store, wanted_monitors, channels=channels, check=check)
    return changes


def require(store: Store) -> None:
    """Raises MisconfiguredError where the index templates are not installed: without them OpenSearch would guess the types."""
    store.require_templates()


def documents(kind: str, prefix: str, retention_days: int, *, overlay: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON documents of `mappings/<kind>` with their names; files of ``overlay`` are merge patches (RFC 7396) to them."""
    folder = files("mappings")
    for file in sorted((folder / kind).iterdir(), key=lambda file: file.name):
        text = file.read_text().replace("@prefix@", prefix).replace("@retention_days@", str(retention_days))
        patch = folder / overlay / kind / file.name
        document = json.loads(text)
        yield (
            file.name.removesuffix(".json"),
            merge_patch(document, json.loads(patch.read_text())) if overlay and patch.is_file() else document,
        )


def merge_patch(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """``document`` with a merge patch (RFC 7396) applied: objects merge, null removes, everything else is replaced."""
    result = {name: value for name, value in document.items() if name not in patch or patch[name] is not None}
    for name, value in patch.items():
        if isinstance(value, Mapping):
            before = result.get(name)
            result[name] = merge_patch(before if isinstance(before, Mapping) else {}, value)
        elif value is not None:
            result[name] = value
    return result


def _template(store: Store, path: str, response_key: str, name: str, wanted: Mapping[str, Any], *, check: bool) -> Change:
    found = store.find("GET", f"/{path}/{name}")
    with store.understood():
        entries = (found or {}).get(response_key) or [{}]
        present = entries[0].get(path.removeprefix("_"))
    change = apply(path.removeprefix("_").replace("_", " "), name, present, wanted, check=check,
                   put=lambda: store.request("PUT", f"/{path}/{name}", wanted))  # fmt: skip
    return msgspec.structs.replace(change, reason=wanted.get("_meta", {}).get("reason", ""))


def _index(store: Store, name: str, *, check: bool) -> Change:
    present = store.find("GET", f"/{name}")
    if present is not None:
        return Change("index", name, "unchanged")
    if not check:
        store.request("PUT", f"/{name}")
    return Change("index", name, "created")


def _policy(store: Store, name: str, wanted: Mapping[str, Any], *, check: bool) -> Change:
    path = f"/_plugins/_ism/policies/{name}"
    if reason := store.capabilities.absent.get("policy"):
        return Change("policy", name, "skipped", reason)
    try:
        found = store.find("GET", path)
    except BadInputError:
        # the plugin is missing, and the path with it
        return Change("policy", name, "skipped", "this OpenSearch has no Index State Management: resolve's sweep deletes old indices")
    with store.understood():
        condition = f"?if_seq_no={found['_seq_no']}&if_primary_term={found['_primary_term']}" if found else ""
    return apply("policy", name, found, wanted, check=check, put=lambda: store.request("PUT", f"{path}{condition}", wanted))
