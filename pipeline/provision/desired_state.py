"""Desired state: compares an object of OpenSearch with the wanted one, whatever kind of object it is, and changes it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec


class Change(msgspec.Struct, frozen=True):
    """What `setup` did, or would do, with one object of OpenSearch, such as an index template; `foreign` is what it can't mend."""

    kind: str
    name: str
    action: Literal["created", "updated", "unchanged", "skipped", "foreign"]
    reason: str = ""


def apply(kind: str, name: str, present: object, wanted: object, *, check: bool, put: Callable[[], object]) -> Change:
    """Calls ``put`` where ``present`` (None where there is no object) does not satisfy ``wanted``, unless ``check``; returns the change."""
    if present is not None and satisfies(present, wanted):
        return Change(kind, name, "unchanged")
    if not check:
        put()
    return Change(kind, name, "created" if present is None else "updated")


def satisfies(present: object, wanted: object) -> bool:
    """Whether the JSON value ``present`` holds everything that ``wanted`` holds.

    OpenSearch adds defaults to objects, in lists too, and turns scalars into text; it adds no entry to a list.
    """
    if isinstance(wanted, Mapping):
        if not isinstance(present, Mapping):
            return False
        flat = _flat(present)
        return all(
            satisfies(flat[key], value) if key in flat else value == {} and _holds(flat, key) for key, value in _flat(wanted).items()
        )
    if isinstance(wanted, list):
        return isinstance(present, list) and len(present) == len(wanted) and all(map(satisfies, present, wanted))
    return _text(present) == _text(wanted)


def _flat(content: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    """The leaves by their dotted paths: `{"index": {"codec": …}}` and `{"index.codec": …}` are the same setting."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        path = f"{start}.{key}" if start else str(key)
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, path)
        else:
            flat[path] = value
    return flat


def _holds(flat: Mapping[str, Any], path: str) -> bool:
    """Whether there is an object at ``path``: OpenSearch may have filled one that is wanted empty with defaults."""
    return any(key.startswith(f"{path}.") for key in flat)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
