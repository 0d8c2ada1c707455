"""Saved objects: installs `mappings/dashboards/` in OpenSearch Dashboards, where it answers: index patterns, correlations, dashboards.

The file decides an object's content: who wants another one saves it under another name. What Dashboards adds to an object is no change.
Source: OpenSearch Dashboards, "Saved objects": an export is a JSON object a line, and its attributes hold JSON as text.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from typing import Any, Final

from pipeline.errors import TracejoinError
from pipeline.provision.dashboards import Dashboards
from pipeline.provision.desired_state import Change, satisfies

_JSON_TEXTS: Final = frozenset(
    {"visState", "uiStateJSON", "panelsJSON", "optionsJSON", "searchSourceJSON", "schemaMappings", "fieldFormatMap"}
)
# objects of a type that only some Dashboards know, and that nothing refers to
_LAST: Final = "correlations"
NOWHERE: Final = (
    "it is not known where Dashboards is: set TRACEJOIN_DASHBOARDS_URL, or import by hand the file that"
    " `tracejoin setup --save-dashboards FILE` writes"
)
"""Why nothing is installed where nobody said where."""


def saved_objects(prefix: str) -> list[dict[str, Any]]:
    """Returns the saved objects for the indices of a prefix, each after those that it refers to."""
    folder = files("mappings") / "dashboards"
    found = [json.loads(line.replace("@prefix@", prefix))
             for file in sorted(folder.iterdir(), key=lambda file: file.name) for line in file.read_text().splitlines()]  # fmt: skip
    ranks = {"index-pattern": 0, "search": 1, "visualization": 2, "dashboard": 3}
    return sorted(found, key=lambda each: ranks.get(each["type"], len(ranks)))


def export_of(prefix: str) -> str:
    """Returns the file that Dashboards imports by hand: a saved object a line."""
    return "".join(f"{json.dumps(each, ensure_ascii=False, separators=(',', ':'))}\n" for each in saved_objects(prefix))


def install_saved_objects(connect: Callable[[], Dashboards | None], prefix: str, *, check: bool = False) -> list[Change]:
    """Creates or updates the saved objects that are missing or differ; returns the changes.

    Where no Dashboards answers, that is one change of action `skipped`, with the reason; so is each object that it does not take.

    Args:
        connect: returns where to install them; None where nobody said where Dashboards is. May raise any TracejoinError.
        prefix: the start of the names of the indices.
        check: whether to change nothing; the changes are then those that would be made.
    """
    dashboards = None
    try:
        dashboards = connect()
        return _installed(dashboards, prefix, check=check) if dashboards else [_skipped(NOWHERE)]
    except TracejoinError as error:
        return [_skipped(str(error))]
    finally:
        if dashboards:
            dashboards.close()


def _skipped(reason: str) -> Change:
    return Change("dashboards", "saved objects", "skipped", reason)


def _installed(dashboards: Dashboards, prefix: str, *, check: bool) -> list[Change]:
    wanted = saved_objects(prefix)
    changes = {_key(each): _change(each, present) for each, present in zip(wanted, dashboards.find(wanted), strict=True)}
    due = [each for each in wanted if changes[_key(each)].action in {"created", "updated"}]
    refused: dict[tuple[str, str], str] = {}
    # alone, since a Dashboards that does not know the type may refuse the whole file
    for some in ([each for each in due if each["type"] != _LAST], [each for each in due if each["type"] == _LAST]):
        if some and not check:
            refused |= _saved(dashboards, some, optional=some[0]["type"] == _LAST)
    return [Change(change.kind, change.name, "skipped", refused[key]) if key in refused else change for key, change in changes.items()]


def _saved(dashboards: Dashboards, objects: list[dict[str, Any]], *, optional: bool) -> dict[tuple[str, str], str]:
    try:
        return dashboards.save(objects)
    except TracejoinError as error:
        if not optional:
            raise
        return {_key(each): str(error) for each in objects}


def _change(wanted: Mapping[str, Any], present: Mapping[str, Any] | str | None) -> Change:
    kind = str(wanted["type"]).replace("-", " ")
    if isinstance(present, str):
        return Change(kind, wanted["id"], "skipped", present)
    if present is None:
        return Change(kind, wanted["id"], "created")
    same = satisfies(_read(present.get("attributes")), _read(wanted["attributes"])) and _refers(present) >= _refers(wanted)
    return Change(kind, wanted["id"], "unchanged" if same else "updated")


def _refers(saved: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    references: Iterable[Any] = saved.get("references") or ()
    return {(str(each.get("name")), str(each.get("type")), str(each.get("id"))) for each in references if isinstance(each, Mapping)}


def _read(value: object, name: str = "") -> object:
    """``value``, with the JSON that its texts hold, since who writes it anew may order its keys otherwise."""
    if isinstance(value, Mapping):
        return {key: _read(each, str(key)) for key, each in value.items()}
    if name in _JSON_TEXTS and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _key(saved: Mapping[str, Any]) -> tuple[str, str]:
    return str(saved["type"]), str(saved["id"])
