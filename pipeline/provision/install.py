"""Setup: installs what is in `mappings/`, and says what it changed. Running it again changes nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec

from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.provision.desired_state import Change, apply
from pipeline.provision.monitors import install_monitors
from pipeline.store.client import Store


def install(store: Store, *, retention_days: int, monitors: bool = True, channels: Sequence[str] = (), check: bool = False) -> list[Change]:
    """Brings component templates, index templates, indices, the lifecycle policy and the alerting monitors up to date.

    Args:
        store: the OpenSearch to tell.
        retention_days: after how many days the daily indices are deleted.
        monitors: whether to touch monitors at all; without, those that are there stay as they are.
        channels: ids of the Notifications channels that the monitors tell; with none, those of an earlier run stay.
        check: only look; the changes are then what would be done.

    Raises MisconfiguredError where a channel does not exist.
    """
    changes: list[Change] = []
    for kind, path, answer in (
        ("components", "_component_template", "component_templates"),
        ("indices", "_index_template", "index_templates"),
    ):
        for name, wanted in documents(kind, store.prefix, retention_days, overlay=store.capabilities.overlay):
            changes.append(_template(store, path, answer, f"{store.prefix}-{name}", wanted, check=check))
    changes += [_index(store, f"{store.prefix}-{name}", check=check) for name in ("traces", "links", "alerts", "dead-letters")]
    for name, wanted in documents("policies", store.prefix, retention_days):
        changes.append(_policy(store, f"{store.prefix}-{name}", wanted, check=check))
    if monitors:
        wanted_monitors = ((monitor["name"], monitor) for _, monitor in documents("monitors", store.prefix, retention_days))
        changes += install_monitors(store, wanted_monitors, channels=channels, check=check)
    return changes


def require(store: Store) -> None:
    """Raises MisconfiguredError where the templates are not installed: without them OpenSearch would guess the types."""
    if store.find("GET", f"/_index_template/{store.prefix}-logs") is None:
        raise MisconfiguredError([f"nothing is installed at {store.endpoint} for the prefix {store.prefix!r}: run `tracejoin setup` first"])


def documents(kind: str, prefix: str, retention_days: int, *, overlay: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON documents of `mappings/<kind>`, by name, for this prefix; the files of ``overlay`` are merge patches (RFC 7396) to them."""
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
    """``document`` after a merge patch: objects merge, null takes away, all else is replaced."""
    result = {name: value for name, value in document.items() if name not in patch or patch[name] is not None}
    for name, value in patch.items():
        if isinstance(value, Mapping):
            before = result.get(name)
            result[name] = merge_patch(before if isinstance(before, Mapping) else {}, value)
        elif value is not None:
            result[name] = value
    return result


def _template(store: Store, path: str, answer: str, name: str, wanted: Mapping[str, Any], *, check: bool) -> Change:
    found = store.find("GET", f"/{path}/{name}")
    entries = (found or {}).get(answer) or [{}]
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
        # without the plugin there is no such path at all
        return Change("policy", name, "skipped", "this OpenSearch has no Index State Management: delete old indices yourself")
    place = f"?if_seq_no={found['_seq_no']}&if_primary_term={found['_primary_term']}" if found else ""
    return apply("policy", name, found, wanted, check=check, put=lambda: store.request("PUT", f"{path}{place}", wanted))
