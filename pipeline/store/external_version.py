"""External version: compare-and-set by version numbers, for each item of a bulk request; `serverless` has no sequence numbers.

A write with version n + 1 and `version_type` external fails with a conflict unless the stored version is n or less ("Index document",
OpenSearch's documentation). An update takes no such version, so it is written as the whole document that OpenSearch would make of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from pipeline.store.results import Hit, ItemResult, item_result

_UNAVAILABLE: Final = 503


class Item(msgspec.Struct, frozen=True):
    """One item of a bulk request: its action, index and id, document, and the version that it must find (None for any)."""

    kind: str
    metadata: Mapping[str, Any]
    document: Any = None
    expected: int | None = None

    @property
    def address(self) -> tuple[str, str]:
        """The index and the id of the document."""
        return self.metadata["_index"], self.metadata["_id"]

    def versioned(self, current: Hit | None) -> "Item | None":
        """Returns the item with an external version; None where the stored document, ``current``, does not have the expected one."""
        if self.expected is None:
            return self
        metadata = {**self.metadata, "version": self.expected + 1, "version_type": "external"}
        if self.kind == "delete":
            return msgspec.structs.replace(self, metadata=metadata)
        document = self.document
        if self.kind == "update":
            # an update takes no external version
            if current is None or current.seq_no != self.expected:
                return None
            document = _merged(current.source, document["doc"])
        return msgspec.structs.replace(self, kind="index", metadata=metadata, document=document)

    def with_new_version(self, result: ItemResult) -> ItemResult:
        """Returns ``result`` with the version that the document has after the write."""
        return result if self.expected is None else msgspec.structs.replace(result, seq_no=self.expected + 1)

    def lines(self) -> list[object]:
        """Returns the lines of the item in a bulk body: the action and, unless it deletes, the document."""
        action = {self.kind: self.metadata}
        return [action] if self.kind == "delete" else [action, self.document]


def items_of(lines: Sequence[object]) -> Iterator[Item]:
    """Yields the items of ``lines`` (action, document, action, document, …; `delete` has no document), without `if_seq_no`."""
    waiting = iter(lines)
    for action in waiting:
        ((kind, metadata),) = msgspec.to_builtins(action).items()
        expected = metadata.pop("if_seq_no", None)
        metadata.pop("if_primary_term", None)
        yield Item(kind, metadata, None if kind == "delete" else next(waiting), expected)


def versioned_result(action: str, raw: Mapping[str, Any]) -> ItemResult:
    """Reads one item of a bulk answer; the version stands in the result's ``seq_no``."""
    result = msgspec.structs.replace(item_result(raw), seq_no=raw.get("_version", -1), primary_term=0)
    if action in {"create", "index"} and result.gone:
        # a new index is not known to every node yet, and an index without write permission answers the same
        return msgspec.structs.replace(result, status=_UNAVAILABLE)
    return result


def _merged(source: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """``source`` after an update with the partial document ``patch``: objects merge, all else is replaced."""
    merged = dict(source)
    for name, value in patch.items():
        before = merged.get(name)
        merged[name] = _merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged
