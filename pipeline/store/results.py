"""Results: what OpenSearch answers, as types: hits, and one result for each item of a bulk request."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.errors import BadInputError, UnavailableError
from pipeline.store.refusal import CONFLICT, NOT_FOUND, RETRYABLE, is_curable, may_be_content, read_error

_OK = 300
_FULL = (429, "cluster_block_exception")


class ItemResult(msgspec.Struct, frozen=True):
    """The result of one item of a bulk request.

    Attributes:
        status: the item's HTTP status.
        reason: why it was refused, down to the root; empty if it was not.
        seq_no: with ``primary_term`` the document's new version, -1 if not asked for.
        kind: the type of OpenSearch's error.
        index: the index that a refused item was for; empty if unknown.
    """

    status: int
    reason: str = ""
    seq_no: int = -1
    primary_term: int = -1
    kind: str = ""
    index: str = ""

    @property
    def ok(self) -> bool:
        """Whether the item was written."""
        return self.status < _OK

    @property
    def conflict(self) -> bool:
        """Whether the document exists already (`create`), or a concurrent writer changed it (compare-and-set)."""
        return self.status == CONFLICT

    @property
    def gone(self) -> bool:
        """Whether the document or its index does not exist."""
        return self.status == NOT_FOUND

    @property
    def retryable(self) -> bool:
        """Whether the same item may succeed within seconds, unchanged. A full disk has the status of a busy node, and lasts."""
        return self.status in RETRYABLE and (self.status, self.kind) != _FULL

    @property
    def curable(self) -> bool:
        """Whether the cluster is to blame for the refusal, and not the document: the same item may succeed later, unchanged."""
        return is_curable(self.status, self.kind, self.reason)

    @property
    def of_content(self) -> bool:
        """Whether the document may be taken without its foreign content, such as a line's attributes."""
        return may_be_content(self.status, self.kind, self.reason)

    def described(self) -> str:
        """Returns the refusal in words: the index, the status, the type of the error and the reason."""
        where = f"{self.index}: " if self.index else ""
        return f"{where}{self.status} {self.kind}{': ' if self.kind else ''}{self.reason}"

    def raise_for_failure(self, what: str) -> None:
        """Raises UnavailableError where the cluster is to blame, else BadInputError; ``what`` names what was not written."""
        failure = UnavailableError if self.curable else BadInputError
        error = failure(f"OpenSearch did not take {what} ({self.described()})")
        error.status, error.kind = self.status, self.kind
        raise error


CREATED = ItemResult(201)
"""The result of most items, of which nobody needs the version; one object, since there may be thousands."""


def item_result(raw: Mapping[str, Any]) -> ItemResult:
    """Reads one item of a bulk answer."""
    status = raw["status"]
    kind, reason = read_error(raw) if status >= _OK and status != CONFLICT else ("", "")
    return ItemResult(status, reason, raw.get("_seq_no", -1), raw.get("_primary_term", -1), kind)


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A stored document with its address and its version (sequence number and primary term), for compare-and-set."""

    index: str
    id: str
    source: dict[str, Any]
    seq_no: int = -1
    primary_term: int = -1
