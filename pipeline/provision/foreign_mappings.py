"""Foreign mappings: finds indices of the prefix whose fields have other types than the index templates give them.

OpenSearch guesses the types where a line is indexed before the templates are installed, and an index keeps its types for ever. A text in
the place of a keyword can be neither sorted nor counted, so the searches of the sweep fail on all shards.
"""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.provision.desired_state import Change
from pipeline.store.client import TEMPLATES, Store
from pipeline.store.own_mapping import own_types, types_of

_MOST_NAMED: Final = 3
_DAILY: Final = ("logs", "spans")


def foreign_mappings(store: Store) -> list[Change]:
    """Returns a change of action `foreign` for each index of the prefix with somebody else's mapping: what is wrong, and the remedy."""
    names = (f"{store.prefix}-{name}{'-*' if name in _DAILY else ''}" for name in TEMPLATES)
    found = store.find("GET", f"/{','.join(names)}/_mapping?ignore_unavailable=true&allow_no_indices=true") or {}
    with store.understood():
        mappings = {index: about.get("mappings") or {} for index, about in sorted(found.items())}
    return [
        Change("mapping", index, "foreign", f"{what}: {_remedy(index)}")
        for index, mapping in mappings.items()
        if (what := _difference(mapping))
    ]


def _difference(mapping: Mapping[str, Any]) -> str:
    """How a mapping differs from tracejoin's, in words; empty where each field that both have is of the same type and none is guessed.

    A field that is missing is no difference: an earlier version of tracejoin did not know it yet.
    """
    wrong = [
        f"{path} is {kind}, not {' or '.join(sorted(own))}"
        for path, kind in types_of(mapping.get("properties") or {})
        if (own := own_types(path)) and kind not in own
    ]
    more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
    guesses = str(mapping.get("dynamic", True)).lower() != "false"
    if wrong:
        who = "OpenSearch guessed the types of its fields" if guesses else "its fields have other types than tracejoin's"
        return f"{who}: {', '.join(wrong[:_MOST_NAMED])}{more}"
    return "OpenSearch guesses the types of its new fields, since its mapping is not tracejoin's" if guesses else ""


def _remedy(index: str) -> str:
    return f"delete the index {index} (copy what you need with _reindex before), run `tracejoin setup`, and ship its events again"
