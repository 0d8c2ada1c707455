"""Fields page: every field of the documents, with its type and where it is, out of `mappings/`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from manual.markdown import code, page, table
from manual.meanings import fitting, introduction
from manual.stack_template import ROOT

# which documents the index template of each of these is about
_DOCUMENTS: Final[Mapping[str, str]] = {
    "logs": "log", "spans": "span", "traces": "trace", "alerts": "alert", "issues": "issue", "service-map-v1": "service map v1",
    "service-map-v2": "service map v2",
}  # fmt: skip


def fields_page() -> str:
    """Makes the page of fields. Raises ValueError where a field has no meaning, or a meaning no field."""
    documents: dict[str, list[str]] = {}
    types: dict[str, str] = {}
    for index, document in _DOCUMENTS.items():
        for name, kind in sorted({*_fields(index)}):
            documents.setdefault(name, []).append(document)
            types[name] = kind
    rows = [[code(name), types[name], ", ".join(documents[name]), meaning] for name, meaning in fitting("fields", types).items()]
    return page("Fields", "mappings/ and manual/meanings.yaml", introduction("fields"), table(["field", "type", "on", "meaning"], rows))


def _fields(index: str) -> Iterator[tuple[str, str]]:
    """The fields of an index template and of the components that it is composed of, each with its type."""
    template = json.loads((ROOT / "mappings" / "indices" / f"{index}.json").read_text())
    yield from _leaves(_properties(template))
    for component in template["composed_of"]:
        yield from _leaves(_properties(json.loads((ROOT / "mappings" / "components" / f"{component.partition('-')[2]}.json").read_text())))


def _properties(template: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = template["template"].get("mappings", {}).get("properties", {})
    return found


def _leaves(properties: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, str]]:
    """Every field by its dotted name, with its type; of a nested object those below it."""
    for name, content in properties.items():
        if "type" in content and content["type"] != "nested":
            yield f"{start}{name}", content["type"]
        else:
            yield from _leaves(content["properties"], f"{start}{name}.")
