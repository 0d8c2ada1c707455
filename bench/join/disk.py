"""Disk: the bytes of indices in which every document was written once, so that nothing counts that was replaced and is not purged yet."""

from pipeline.store.client import Store


def copy_rest(store: Store, to: Store) -> None:
    """Copies each index of ``store``'s prefix to that of ``to``, where the index of that name has no documents."""
    store.refresh()
    to.refresh()
    there = _documents(to)
    for name, count in _documents(store).items():
        if count and not there.get(name):
            copy = {"source": {"index": f"{store.prefix}-{name}"}, "dest": {"index": f"{to.prefix}-{name}"}}
            store.request("POST", "/_reindex", copy, {"refresh": "true"})


def _documents(store: Store) -> dict[str, int]:
    """How many documents each index of the prefix has, by its name behind the prefix."""
    found = store.request("GET", f"/{store.prefix}-*/_stats/docs")["indices"]
    return {name.removeprefix(f"{store.prefix}-"): int(index["primaries"]["docs"]["count"]) for name, index in found.items()}


def disk_bytes(store: Store, pattern: str) -> int:
    """Returns the bytes on disk of the indices whose names match ``pattern`` behind the prefix; merges each to one segment first."""
    indices = f"/{store.prefix}-{pattern}"
    store.request("POST", f"{indices}/_flush", params={"force": "true"})
    store.request("POST", f"{indices}/_forcemerge", params={"max_num_segments": 1})
    store.refresh()
    # `_stats/store` may be ten seconds old
    found = store.request("GET", f"{indices}/_segments")["indices"]
    copies = [copy for index in found.values() for shard in index["shards"].values() for copy in shard]
    return sum(int(segment["size_in_bytes"]) for copy in copies for segment in copy["segments"].values() if segment["search"])
