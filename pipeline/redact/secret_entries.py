"""Secret entries: finds which entries of a JSON object or array are secret."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.redact.frames import role_of
from pipeline.redact.secret_values import is_version_id

_PAIR = 2


def secret_entries(content: Mapping[str, Any] | list[Any], is_secret: Callable[[str], bool]) -> frozenset[str | int]:
    """The keys of an object, or the indices of an array, whose values are secret.

    An object may hold the name of a secret in one entry and its value in another, such as `{"Name": "DB_PASSWORD", "Value": "x"}`; an
    array of two may hold a header.
    """
    if isinstance(content, list):
        is_pair = len(content) == _PAIR and isinstance(content[0], str) and is_secret(content[0]) and _is_value(content[1])
        return frozenset({1} if is_pair and not (isinstance(content[1], str) and is_secret(content[1])) else ())
    names_secret = any(_names_secret(str(key), entry, is_secret) for key, entry in content.items())
    rotates = "SecretId" in content and ("Step" in content or "step" in content)
    return frozenset(
        key for key, entry in content.items()
        if _is_value(entry)
        and (is_secret(str(key)) or (names_secret and role_of(str(key)) == "value"))
        and not (rotates and isinstance(entry, str) and is_version_id(str(key), entry))
    )  # fmt: skip


def _names_secret(key: str, entry: object, is_secret: Callable[[str], bool]) -> bool:
    if not isinstance(entry, str):
        return False
    role = role_of(key)
    return (role == "name" and is_secret(entry)) or (role == "type" and entry.lower() == "securestring")


def _is_value(entry: object) -> bool:
    """Whether ``entry`` may be a secret; null, a boolean and an empty value are none."""
    return not (entry is None or isinstance(entry, bool) or entry in ("", [], {}))
