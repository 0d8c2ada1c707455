"""Old days: deletes whole daily indices after the retention, where nothing else does."""

import time
from typing import Any, Final, Protocol

from pipeline.errors import BadInputError, MisconfiguredError
from pipeline.model.index_days import daily_indices

_DAY_MS: Final = 86_400_000
_FORBIDDEN: Final = 403


class Finder(Protocol):
    """What is needed of a Store."""

    prefix: str

    def find(self, method: str, path: str) -> dict[str, Any] | None:
        """Sends one request and returns the decoded answer; None where OpenSearch answers 404."""


def has_lifecycle(store: Finder) -> bool:
    """Whether this OpenSearch has Index State Management, whose policy deletes old indices; without the plugin its path is unknown.

    Whoever may not read policies is refused, which an OpenSearch without the plugin does not do.
    """
    try:
        store.find("GET", f"/_plugins/_ism/policies/{store.prefix}-retention")
    except BadInputError:
        return False
    except MisconfiguredError as error:
        if error.status != _FORBIDDEN:
            raise
    return True


def delete_old_days(store: Finder, days: int) -> int:
    """Deletes the daily indices that were created more than ``days`` ago; returns how many."""
    found = store.find("GET", f"/{daily_indices(store.prefix)}/_settings") or {}
    oldest = time.time() * 1000 - days * _DAY_MS
    old = [name for name, about in found.items() if int(about["settings"]["index"]["creation_date"]) < oldest]
    for name in old:
        # `find`, since a concurrent sweep may have deleted it (404)
        store.find("DELETE", f"/{name}")
    return len(old)
