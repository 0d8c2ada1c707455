"""Versions: compare-and-set where there are no sequence numbers, item by item of a bulk request; for `serverless`.

A write with version n + 1 and `version_type` external fails with a conflict unless the stored version is n or less ("Index document",
OpenSearch's documentation). An update takes no such version: it becomes the whole document, as OpenSearch would leave it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from pipeline.store.results import Hit, ItemResult, item_result

_UNAVAILABLE: Final = 503


class Item(msgspec.Struct, frozen=True):
    """One item of a bulk request; ``expected`` is the version that it must find, None where it does not matter."""

    kind: str
    address: Mapping[str, Any]
    document: Any = None
    expected: int | None = None

    @property
    def place(self) -> tuple[str, str]:
        """The index and the id."""
        return self.address["_index"], self.address["_id"]

    def versioned(self, current: Hit | None) -> "Item | None":
        """The item as versions say it; None where ``current``, the document that it is to change, is not the expected one."""
        if self.expected is None:
            return self
        address = {**self.address, "version": self.expected + 1, "version_type": "external"}
        if self.kind == "delete":
            return msgspec.structs.replace(self, address=address)
        document = self.document
        if self.kind == "update":
            # an update takes no external version
            if current is None or current.seq_no != self.expected:
                return None
            document = _merged(current.source, document["doc"])
        return msgspec.structs.replace(self, kind="index", address=address, document=document)

    def placed(self, result: ItemResult) -> ItemResult:
        """``result`` with the version that the document has now."""
        return result if self.expected is None else msgspec.structs.replace(result, seq_no=self.expected + 1)

    def lines(self) -> list[object]:
        """The item as a bulk body has it."""
        action = {self.kind: self.address}
        return [action] if self.kind == "delete" else [action, self.document]


def items_of(lines: Sequence[object]) -> Iterator[Item]:
    """The items of ``lines`` (action, document, action, document, …; `delete` has no document), their conditions apart."""
    waiting = iter(lines)
    for action in waiting:
        ((kind, address),) = msgspec.to_builtins(action).items()
        expected = address.pop("if_seq_no", None)
        address.pop("if_primary_term", None)
        yield Item(kind, address, None if kind == "delete" else next(waiting), expected)


def versioned_result(action: str, raw: Mapping[str, Any]) -> ItemResult:
    """What a bulk answer says of one item, with the version in the place of the sequence number."""
    result = msgspec.structs.replace(item_result(raw), seq_no=raw.get("_version", -1), primary_term=0)
    if action in {"create", "index"} and result.gone:
        # one that was made a moment ago is not known everywhere yet, and one that may not be written to looks alike
        return msgspec.structs.replace(result, status=_UNAVAILABLE)
    return result


def _merged(source: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """``source`` as an update with the partial document ``patch`` leaves it: objects merge, all else is replaced."""
    merged = dict(source)
    for name, value in patch.items():
        before = merged.get(name)
        merged[name] = _merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged
