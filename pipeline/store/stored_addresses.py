"""Stored addresses: finds the index of documents that came within the bounds of time once, and come again when they are too old.

Their address is the one that they are stored at; else a redelivery after the bounds moved on would make a second copy.
"""

from collections.abc import Iterable

from pipeline.logs.document_address import Create, DocumentAddress, daily_index, outside_index
from pipeline.store.client import Store
from pipeline.store.log_writer import BulkItems

_Address = tuple[str, str]


def stored_among(addresses: Iterable[_Address], store: Store) -> set[_Address]:
    """Returns those of these (index, id) pairs at which a document is stored; no request for none."""
    asked = list(dict.fromkeys(addresses))
    if not asked:
        return set()
    return {address for address, hit in zip(asked, store.get_many(asked, source=("doc.kind",)), strict=True) if hit}


def keep_stored_addresses(items: BulkItems, store: Store) -> BulkItems:
    """Returns ``items``, of which each line in the index for all times outside has the address in its day's index if it is stored there."""
    outside = outside_index(store.prefix)
    of_day = {
        number: DocumentAddress(daily_index(store.prefix, line.timestamp), action.create.id)
        for number, (action, line) in enumerate(items) if action.create.index == outside
    }  # fmt: skip
    stored = stored_among(((address.index, address.id) for address in of_day.values()), store)
    parts = list(items.parts)
    for number, address in of_day.items():
        if (address.index, address.id) in stored:
            parts[2 * number] = Create(address)
    return BulkItems(parts, starts=items.starts)
