"""Load: reads trace records and join keys in one request."""

from collections.abc import Iterable

from pipeline.store.client import Store
from pipeline.store.join_keys import JoinKey, JoinKeys
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import TraceRecords


def load_with_keys(
    trace_ids: Iterable[str], keys: Iterable[str], records: TraceRecords, join_keys: JoinKeys, store: Store
) -> tuple[dict[str, TraceRecord], dict[str, JoinKey]]:
    """Returns a record for each trace id and a JoinKey for each key, empty ones where nothing is stored yet; realtime."""
    ids, wanted = list(dict.fromkeys(trace_ids)), list(dict.fromkeys(keys))
    hits = store.get_many([*map(records.address, ids), *map(join_keys.address, wanted)])
    return records.read(zip(ids, hits[: len(ids)], strict=True)), join_keys.read(zip(wanted, hits[len(ids) :], strict=True))
