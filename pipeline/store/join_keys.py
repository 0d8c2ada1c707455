"""Links: a small document for each join key, with the traces that showed it, so that a group of traces is found by gets alone.

A join key is an id that more than one trace may show: a correlation id, a request id, another trace's id. Its document's id follows
from the key; the set of its traces only grows and is written by compare-and-set, like a trace's record. Who reads it asks each
trace's record whether it still shows the key: a line that turned out to be another trace's takes its keys with it.
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
"""A key that more traces show than this joins none: a constant, an empty string, a tenant's name is no correlation id."""


class JoinKey(msgspec.Struct, frozen=True, kw_only=True):
    """Who showed a key.

    Attributes:
        trace_ids: sorted; no more are taken in once it is `released`.
        platform: pairs of a trace and a log group, in which the platform says that the request of this id ran in the trace.
        released: so many traces show the key that it says nothing, and those that it had joined before have come apart.
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
        """Whether so many traces show the key that it says nothing."""
        return len(self.trace_ids) > MOST_TRACES

    def traces_of(self, log_group: str) -> set[str]:
        """The traces in which the request of this id ran, as the platform says in ``log_group``."""
        return {trace_id for trace_id, group in self.platform if group == log_group}

    def grown(self, sighting: "KeySighting") -> "JoinKey":
        """The key with a sighting merged in; the key itself where it holds that already."""
        trace_ids = self.trace_ids if self.released else tuple(sorted({*self.trace_ids, *sighting.trace_ids}))
        platform = tuple(sorted({*self.platform, *sighting.platform})[: MOST_TRACES + 1])
        if (trace_ids, platform) == (self.trace_ids, self.platform):
            return self
        return msgspec.structs.replace(self, trace_ids=trace_ids, platform=platform)


class KeySighting(msgspec.Struct):
    """What is to be taken in of one key."""

    trace_ids: set[str] = msgspec.field(default_factory=set)
    platform: set[tuple[str, str]] = msgspec.field(default_factory=set)


class JoinKeys:
    """The link documents in OpenSearch, read and written by compare-and-set."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = f"{store.prefix}-links"

    def load(self, keys: Iterable[str]) -> dict[str, JoinKey]:
        """A link for each key, an empty one where nobody showed it yet; realtime."""
        wanted = list(dict.fromkeys(keys))
        hits = self._store.get_many([(self._index, _id(key)) for key in wanted])
        return {key: _read(key, hit) for key, hit in zip(wanted, hits, strict=True)}

    def merge_in(self, shown: Mapping[str, KeySighting]) -> dict[str, JoinKey]:
        """Takes in who showed which key, whoever else writes meanwhile; returns the links that came of it.

        Raises UnavailableError where OpenSearch does not take a link.
        """
        done, left = merge_until_written(shown, load=self.load, grow=JoinKey.grown, write=self._write)
        if left:
            raise UnavailableError(f"others kept changing the links of {len(left)} ids")
        return done

    def release(self, links: Iterable[JoinKey]) -> None:
        """Notes that the traces which these links had joined have come apart; a lost race costs a repetition."""
        self._write([msgspec.structs.replace(link, released=True, trace_ids=link.trace_ids[: MOST_TRACES + 1]) for link in links])

    def purge(self, *, days: int) -> None:
        """Deletes links that nobody added to for ``days``."""
        self._store.delete_older(self._index, "lastSeenAt", days=days)

    def _write(self, links: list[JoinKey]) -> dict[str, JoinKey]:
        now = iso_millis(int(time.time() * 1000))
        lines: list[object] = []
        for link in links:
            lines += [self._store.compare_and_set(self._index, _id(link.key), link.seq_no, link.primary_term), _document(link, now)]
        written: dict[str, JoinKey] = {}
        for link, result in zip(links, self._store.write(lines), strict=True):
            if result.ok:
                place = {"seq_no": result.seq_no, "primary_term": result.primary_term}
                written[link.key] = msgspec.structs.replace(link, last_seen_at=now, **place)
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


def _document(link: JoinKey, now: str) -> dict[str, Any]:
    platform = [{"traceId": trace_id, "logGroup": group} for trace_id, group in link.platform]
    return {
        "key": link.key,
        "traceId": link.trace_ids,
        "platform": platform,
        "glue": link.too_common,
        "loosened": link.released,
        "lastSeenAt": now,
    }
