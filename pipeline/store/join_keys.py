"""Join keys: stores for each join key the traces that show it, so that a transaction is found by gets alone.

A join key is an id that more than one trace may show: a correlation id, a request id, another trace's id. Its document's id follows
from the key; the set of its traces only grows and is written by compare-and-set, like a trace's record. A reader checks in each
trace's record that the trace still shows the key, since a line that is reassigned takes its keys with it.
"""

import time
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from pipeline.errors import UnavailableError
from pipeline.model.timestamps import iso_millis
from pipeline.store.client import Store
from pipeline.store.compare_and_set import merge_until_written
from pipeline.store.results import Hit

MOST_TRACES: Final = 100
"""A key that more traces show joins none: a constant, an empty string or a tenant's name is no correlation id."""


class JoinKey(msgspec.Struct, frozen=True, kw_only=True):
    """A join key and the traces that show it.

    Attributes:
        trace_ids: sorted; none is added once the key is `released`.
        platform: pairs of a trace id and a log group in which the platform says that the request of this id ran in the trace.
        released: the key is too common, and the traces that it had joined before are separated again.
        last_seen_at: when it was written last (ISO 8601, UTC); empty where it is not stored yet.
    """

    key: str
    trace_ids: tuple[str, ...] = ()
    platform: tuple[tuple[str, str], ...] = ()
    released: bool = False
    last_seen_at: str = ""
    seq_no: int = -1
    primary_term: int = -1

    @property
    def too_common(self) -> bool:
        """Whether more than `MOST_TRACES` traces show the key, so that it joins none."""
        return len(self.trace_ids) > MOST_TRACES

    def traces_of(self, log_group: str) -> set[str]:
        """Returns the ids of the traces in which the request of this id ran, as the platform says in ``log_group``."""
        return {trace_id for trace_id, group in self.platform if group == log_group}

    def grown(self, sighting: "KeySighting") -> "JoinKey":
        """Returns the key with a sighting merged in; the same object where it holds the sighting already."""
        trace_ids = self.trace_ids if self.released else tuple(sorted({*self.trace_ids, *sighting.trace_ids}))
        platform = tuple(sorted({*self.platform, *sighting.platform})[: MOST_TRACES + 1])
        if (trace_ids, platform) == (self.trace_ids, self.platform):
            return self
        return msgspec.structs.replace(self, trace_ids=trace_ids, platform=platform)


class KeySighting(msgspec.Struct):
    """The traces that show one key, to be merged into it; the fields are those of `JoinKey`."""

    trace_ids: set[str] = msgspec.field(default_factory=set)
    platform: set[tuple[str, str]] = msgspec.field(default_factory=set)


class JoinKeys:
    """The join keys stored in OpenSearch, written by compare-and-set."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = f"{store.prefix}-links"

    def load(self, keys: Iterable[str]) -> dict[str, JoinKey]:
        """Returns a JoinKey for each key, an empty one where no trace shows it yet; realtime."""
        wanted = list(dict.fromkeys(keys))
        hits = self._store.get_many([(self._index, _id(key)) for key in wanted])
        return {key: _read(key, hit) for key, hit in zip(wanted, hits, strict=True)}

    def merge_in(self, sightings: Mapping[str, KeySighting]) -> dict[str, JoinKey]:
        """Merges sightings, by key, into the stored join keys; returns these.

        Raises UnavailableError where OpenSearch does not take one.
        """
        done, left = merge_until_written(sightings, load=self.load, grow=JoinKey.grown, write=self._write)
        if left:
            raise UnavailableError(f"others kept changing the links of {len(left)} ids")
        return done

    def release(self, join_keys: Iterable[JoinKey]) -> None:
        """Marks keys that are too common as released. A concurrent writer's change wins; the next round repeats this."""
        self._write([msgspec.structs.replace(key, released=True, trace_ids=key.trace_ids[: MOST_TRACES + 1]) for key in join_keys])

    def purge(self, *, days: int) -> None:
        """Deletes the keys that did not change for ``days``."""
        self._store.delete_older(self._index, "lastSeenAt", days=days)

    def _write(self, join_keys: list[JoinKey]) -> dict[str, JoinKey]:
        now = iso_millis(int(time.time() * 1000))
        lines: list[object] = []
        for join_key in join_keys:
            action = self._store.compare_and_set(self._index, _id(join_key.key), join_key.seq_no, join_key.primary_term)
            lines += [action, _document(join_key, now)]
        written: dict[str, JoinKey] = {}
        for join_key, result in zip(join_keys, self._store.write(lines), strict=True):
            if result.ok:
                version = {"seq_no": result.seq_no, "primary_term": result.primary_term}
                written[join_key.key] = msgspec.structs.replace(join_key, last_seen_at=now, **version)
            elif not result.conflict:
                result.raise_for_failure("a link")
        return written


def _id(key: str) -> str:
    return blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _read(key: str, hit: Hit | None) -> JoinKey:
    if hit is None:
        return JoinKey(key=key)
    platform = tuple((entry["traceId"], entry["logGroup"]) for entry in hit.source.get("platform", ()))
    trace_ids = tuple(hit.source.get("traceId", ()))
    return JoinKey(
        key=key,
        trace_ids=trace_ids,
        platform=platform,
        released=bool(hit.source.get("loosened")),
        last_seen_at=hit.source.get("lastSeenAt", ""),
        seq_no=hit.seq_no,
        primary_term=hit.primary_term,
    )


def _document(join_key: JoinKey, now: str) -> dict[str, Any]:
    platform = [{"traceId": trace_id, "logGroup": group} for trace_id, group in join_key.platform]
    return {
        "key": join_key.key,
        "traceId": join_key.trace_ids,
        "platform": platform,
        "glue": join_key.too_common,
        "loosened": join_key.released,
        "lastSeenAt": now,
    }
