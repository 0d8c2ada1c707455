"""Own mapping: the types that tracejoin's mappings give to fields, to recognise an index that somebody else's mapping made."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any


def own_types(field: str) -> frozenset[str]:
    """Returns the types of the field of this dotted path in the index templates, `object` for one with fields; empty if none has it."""
    return _types().get(field, frozenset())


def types_of(properties: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, str]]:
    """Yields the dotted path and the type of each field in the `properties` of a mapping, `object` for one with fields of its own."""
    for name, field in properties.items():
        path = f"{start}.{name}" if start else str(name)
        if isinstance(field, Mapping):
            yield path, str(field.get("type") or "object")
            if isinstance(inner := field.get("properties"), Mapping):
                yield from types_of(inner, path)


@cache
def _types() -> dict[str, frozenset[str]]:
    types: dict[str, frozenset[str]] = {}
    for folder in ("components", "indices"):
        for file in (files("mappings") / folder).iterdir():
            if file.name.endswith(".json"):
                template = json.loads(file.read_text(encoding="utf-8"))["template"]
                for path, kind in types_of(template.get("mappings", {}).get("properties", {})):
                    types[path] = types.get(path, frozenset()) | {kind}
    return types
