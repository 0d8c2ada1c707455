"""Known fields: which names of fields a line or span can have, as `--json` prints it, so that a mistyped one is told."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from pipeline.cli.csv_output import TEXT
from pipeline.errors import BadInputError
from pipeline.provision.install import documents

# what `--json` prints beside the mapped fields
_UNMAPPED: Final = ("_index", "_id", "context", "digest", "aws.deliveredFrom.accountId", "aws.deliveredFrom.logGroup", TEXT)
# whatever a program writes may stand below these
_OPEN_TYPES: Final = frozenset({"flat_object", "nested"})


def require_field(name: str) -> None:
    """Raises BadInputError, with the name that was probably meant, where no line and no span has a field ``name``."""
    known, opened = _known()
    if name not in known and not any(name.startswith(f"{start}.") for start in opened):
        near = get_close_matches(name, known, n=1) or get_close_matches(name.lower(), sorted(_by_last_part(known)), n=1)
        meant = f": did you mean {_by_last_part(known).get(near[0], near[0])}?" if near else ""
        raise BadInputError(f"no line and no span has a field {name[:60]!r}{meant or ': --json shows which there are'}")


@lru_cache(maxsize=1)
def _known() -> tuple[frozenset[str], frozenset[str]]:
    """The names of all fields, objects included, and of those below which anything may stand."""
    # without a prefix, a component is named by its file
    templates, components = (dict(documents(kind, "", 1)) for kind in ("indices", "components"))
    mapped = [templates["logs"], templates["spans"], components["identity"], components["status"]]
    fields = [field for each in mapped for field in _fields(each["template"]["mappings"]["properties"])]
    opened = {name for name, is_open in fields if is_open}
    return frozenset([*(name for name, _ in fields), *_UNMAPPED]), frozenset(opened)


def _fields(properties: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, bool]]:
    for name, content in properties.items():
        yield f"{start}{name}", content.get("type") in _OPEN_TYPES or content.get("enabled") is False
        yield from _fields(content.get("properties", {}), f"{start}{name}.")


def _by_last_part(names: frozenset[str]) -> dict[str, str]:
    """The names by their last part, in lower case: who types `loggroup` means aws.logGroup."""
    return {name.rpartition(".")[2].lower(): name for name in sorted(names)}
