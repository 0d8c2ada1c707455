"""Results: what OpenSearch answers, as types: hits, and one result for each item of a bulk request."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.errors import BadInputError, UnavailableError

RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
_CONFLICT = 409
NOT_FOUND = 404
_OK = 300


class ItemResult(msgspec.Struct, frozen=True):
    """The result of one item of a bulk request; ``seq_no`` and ``primary_term`` are the document's new version, -1 if not asked for."""

    status: int
    reason: str = ""
    seq_no: int = -1
    primary_term: int = -1

    @property
    def ok(self) -> bool:
        """Whether the item was written."""
        return self.status < _OK

    @property
    def conflict(self) -> bool:
        """Whether the document exists already (`create`), or a concurrent writer changed it (compare-and-set)."""
        return self.status == _CONFLICT

    @property
    def gone(self) -> bool:
        """Whether the document or its index does not exist."""
        return self.status == NOT_FOUND

    @property
    def retryable(self) -> bool:
        """Whether the same item may succeed later, unchanged."""
        return self.status in RETRYABLE

    def raise_for_failure(self, what: str) -> None:
        """Raises UnavailableError where trying again may help, else BadInputError; ``what`` names what was not written."""
        kind = UnavailableError if self.retryable else BadInputError
        raise kind(f"OpenSearch did not take {what} ({self.status}): {self.reason}")


def item_result(raw: Mapping[str, Any]) -> ItemResult:
    """Reads one item of a bulk answer."""
    error = raw.get("error")
    reason = f"{error.get('type')}: {error.get('reason')}" if error else ""
    return ItemResult(raw["status"], reason, raw.get("_seq_no", -1), raw.get("_primary_term", -1))


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A stored document with its address and its version (sequence number and primary term), for compare-and-set."""

    index: str
    id: str
    source: dict[str, Any]
    seq_no: int = -1
    primary_term: int = -1
