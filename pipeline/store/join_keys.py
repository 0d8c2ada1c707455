"""Join keys: stores for each join key the traces that show it, so that a transaction is found by gets alone.

A join key is an id that more than one trace may show: a correlation id, a request id, another trace's id; or the name of a log stream, of
which it is noted how far its invocations were searched. Its document's id follows
from the key; the set of its traces only grows and is written by compare-and-set, like a trace's record. A reader checks in each
trace's record that the trace still shows the key, since a line that is reassigned takes its keys with it. A key is kept for as long as
traces show it, however long ago its document said something new: else one that is too common would join traces again.

Traces that neither X-Ray nor the platform knows are counted apart: anybody can make up any number of them in log lines, and however many
these are, they do not separate those that are known.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from itertools import chain
from typing import Any, Final

import msgspec

from pipeline.errors import UnavailableError
from pipeline.model.timestamps import iso_millis
from pipeline.store.client import Store
from pipeline.store.compare_and_set import merge_until_written
from pipeline.store.results import Hit
from pipeline.store.together import Writer, write_alone

MOST_TRACES: Final = 100
"""A key that more known traces show joins none: a constant, an empty string or a tenant's name is no correlation id."""

_MOST_OF_AN_ORIGIN: Final = 10
_SEEN_ANEW_AFTER_MS: Final = 6 * 3_600_000
"""A key that is in use is written again after this time, a part of the shortest retention, a day: else it is purged while in use."""

REQUEST_FIELDS: Final = ("requestId", "integrationRequestId", "state.requestId")
"""The fields in which a document names a request; the last one holds what a line names that its position gave another request."""
KEY_FIELDS: Final = ("correlationId", *REQUEST_FIELDS)
"""The fields in which a document names an id that may be a join key."""
EXECUTION_FIELDS: Final = ("durable.executionArn", "durable.executionName")
"""The fields in which a document names a durable execution. Names repeat, so that the ARN alone is a join key."""
BY_XRAY: Final = "X-Ray"
"""The origin of what X-Ray's segments say, in place of that of a log group."""


class JoinKey(msgspec.Struct, frozen=True, kw_only=True):
    """A join key and the traces that show it.

    Attributes:
        trace_ids: sorted; none is added once the key is `thinned`.
        known_by: pairs of a trace that X-Ray or the platform knows and the only origin (a log group, behind its account) whose lines show
            the key there; the origin is empty where several do, or a segment does. None is added once the key is `released`.
        platform: pairs of a trace id and the origin that says that the request of this id ran in the trace: a log group (behind its
            account) that holds the platform's record, or `BY_XRAY`.
        thinned: the key is crowded, and the unknown traces that it had joined before are separated again.
        separated: the `flooding` origins whose traces are separated again; no trace is added that they alone show.
        released: the key is too common, and the known traces that it had joined before are separated again.
        sought: whether a line without a trace named the key before anybody knew where its request ran: it has to be searched for.
        searched_until: of a log stream's key: the newest end (epoch milliseconds, UTC) of its invocations that were searched for lines.
        last_seen_at: when a trace showed it last, to within six hours, which is when it was written last (ISO 8601, UTC); empty where it is
            not stored yet.
    """

    key: str
    trace_ids: tuple[str, ...] = ()
    known_by: tuple[tuple[str, str], ...] = ()
    platform: tuple[tuple[str, str], ...] = ()
    thinned: bool = False
    separated: tuple[str, ...] = ()
    released: bool = False
    sought: bool = False
    searched_until: int = 0
    last_seen_at: str = ""
    seq_no: int = -1
    primary_term: int = -1

    @property
    def too_common(self) -> bool:
        """Whether more than `MOST_TRACES` known traces show the key, so that it joins none. One origin alone counts for half of them."""
        if len(self.known_by) <= MOST_TRACES:
            return False
        alone = self._alone
        several = len({trace_id for trace_id, _ in self.known_by} - alone.keys())
        counts = Counter(alone.values()).values()
        return several + sum(min(count, MOST_TRACES // 2) for count in counts if count <= MOST_TRACES) > MOST_TRACES

    @property
    def flooding(self) -> set[str]:
        """The origins that alone show the key in more than `MOST_TRACES` known traces, so that it joins none of these."""
        if len(self.known_by) <= MOST_TRACES:
            return set()
        return {origin for origin, count in Counter(self._alone.values()).items() if count > MOST_TRACES}

    @property
    def known(self) -> set[str]:
        """The traces known by X-Ray or the platform that the key joins."""
        if self.too_common:
            return set()
        if not (flooding := self.flooding):
            return {trace_id for trace_id, _ in self.known_by}
        alone = self._alone
        return {trace_id for trace_id, _ in self.known_by if alone.get(trace_id) not in flooding}

    @property
    def _alone(self) -> dict[str, str]:
        """By known trace, the origin that alone shows the key there."""
        origins: dict[str, set[str]] = {}
        for trace_id, origin in self.known_by:
            origins.setdefault(trace_id, set()).add(origin)
        return {trace_id: next(iter(by)) for trace_id, by in origins.items() if len(by) == 1 and "" not in by}

    @property
    def seen_in(self) -> set[str]:
        """All traces that show the key, whether it joins them or not."""
        return {*self.trace_ids, *(trace_id for trace_id, _ in self.known_by)}

    @property
    def crowded(self) -> bool:
        """Whether more than `MOST_TRACES` traces show the key, known or not, so that it joins only known ones."""
        return self.too_common or len(self.trace_ids) > MOST_TRACES

    @property
    def unknown(self) -> set[str]:
        """The traces that the key joins though neither X-Ray nor the platform knows them."""
        return set() if self.crowded else {*self.trace_ids} - {trace_id for trace_id, _ in self.known_by}

    @property
    def to_release(self) -> bool:
        """Whether the key turned out to be crowded or too common, and what it had joined before may not be separated yet."""
        return (self.crowded and not self.thinned) or (self.too_common and not self.released) or not self.flooding <= {*self.separated}

    def traces_of(self, origin: str) -> set[str]:
        """Returns the ids of the traces in which the request of this id ran, as ``origin`` says."""
        return {trace_id for trace_id, by in self.platform if by == origin}

    def grown(self, sighting: "KeySighting") -> "JoinKey":
        """Returns the key with a sighting merged in; the same object where it holds the sighting already."""
        trace_ids = self.trace_ids if self.thinned else tuple(sorted({*self.trace_ids, *sighting.trace_ids}))
        fresh = {entry for entry in sighting.known_by if entry[1] not in self.separated}
        known_by = self.known_by if self.released else tuple(sorted({*self.known_by, *fresh}))
        platform = _first_of_each({*self.platform, *sighting.platform}, _MOST_OF_AN_ORIGIN)
        sought, until = self.sought or sighting.sought, max(self.searched_until, sighting.searched_until)
        grown = msgspec.structs.replace(
            self, trace_ids=trace_ids, known_by=known_by, platform=platform, sought=sought, searched_until=until
        )
        return self if grown == self else grown


class KeySighting(msgspec.Struct):
    """The traces that show one key, to be merged into it; the fields are those of `JoinKey`."""

    trace_ids: set[str] = msgspec.field(default_factory=set)
    known_by: set[tuple[str, str]] = msgspec.field(default_factory=set)
    platform: set[tuple[str, str]] = msgspec.field(default_factory=set)
    sought: bool = False
    searched_until: int = 0


class JoinKeys:
    """The join keys stored in OpenSearch, written by compare-and-set."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = f"{store.prefix}-links"

    def load(self, keys: Iterable[str]) -> dict[str, JoinKey]:
        """Returns a JoinKey for each key, an empty one where no trace shows it yet; realtime."""
        wanted = list(dict.fromkeys(keys))
        return self.read(zip(wanted, self._store.get_many(list(map(self.address, wanted))), strict=True))

    def address(self, key: str) -> tuple[str, str]:
        """Returns the index and id of a key's document."""
        return self._index, _id(key)

    def read(self, found: Iterable[tuple[str, Hit | None]]) -> dict[str, JoinKey]:
        """Reads what is stored of keys: a JoinKey each, an empty one where nothing is."""
        return {key: _read(key, hit) for key, hit in found}

    def merging(self, sightings: Mapping[str, KeySighting], loaded: Mapping[str, JoinKey] | None = None) -> Writer[dict[str, JoinKey]]:
        """Merges sightings, by key, into the stored join keys; returns these.

        Those among ``loaded`` are taken to be the stored ones, until one turns out to have been changed by somebody else. A key that holds
        its sighting already is written at most once in six hours, so that `purge` sees that it is in use.
        Raises UnavailableError where OpenSearch does not take one.
        """
        done, left = yield from merge_until_written(sightings, load=self.load, grow=_seen, write=self._writing, loaded=loaded)
        if left:
            raise UnavailableError(f"others kept changing the links of {len(left)} ids")
        return done

    def marks(self, keys: Iterable[str]) -> list[object]:
        """Returns the bulk lines that note new keys as `sought`; they leave those that are stored already as they are."""
        now = iso_millis(_now())
        noted = [JoinKey(key=key, sought=True) for key in dict.fromkeys(keys)]
        pairs = (({"create": {"_index": self._index, "_id": _id(each.key)}}, _document(each, now)) for each in noted)
        return list(chain.from_iterable(pairs))

    def release(self, join_keys: Iterable[JoinKey]) -> None:
        """Marks keys `to_release`: what they had joined is separated. A concurrent writer's change wins; the next round repeats this."""
        write_alone(self._writing([_released(join_key) for join_key in join_keys]), self._store)

    def purge(self, *, days: int) -> None:
        """Deletes the keys that no trace showed for ``days``."""
        self._store.delete_older(self._index, "lastSeenAt", days=days)

    def _writing(self, join_keys: list[JoinKey]) -> Writer[dict[str, JoinKey]]:
        now = iso_millis(_now())
        lines: list[object] = []
        for join_key in join_keys:
            action = self._store.compare_and_set(self._index, _id(join_key.key), join_key.seq_no, join_key.primary_term)
            lines += [action, _document(join_key, now)]
        written: dict[str, JoinKey] = {}
        for join_key, result in zip(join_keys, (yield lines), strict=True):
            if result.ok:
                version = {"seq_no": result.seq_no, "primary_term": result.primary_term}
                written[join_key.key] = msgspec.structs.replace(join_key, last_seen_at=now, **version)
            elif not result.conflict:
                result.raise_for_failure("a link")
        return written


def _now() -> int:
    return int(time.time() * 1000)


def _seen(join_key: JoinKey, sighting: KeySighting) -> JoinKey:
    """The key with a sighting merged in; another object, so that it is written, also where nothing but the time is new."""
    grown = join_key.grown(sighting)
    is_old = "" < join_key.last_seen_at < iso_millis(_now() - _SEEN_ANEW_AFTER_MS)
    return msgspec.structs.replace(join_key) if grown is join_key and is_old else grown


def _released(join_key: JoinKey) -> JoinKey:
    cut = msgspec.structs.replace(
        join_key,
        trace_ids=join_key.trace_ids[: MOST_TRACES + 1],
        known_by=_first_of_each(join_key.known_by, MOST_TRACES + 1),
        separated=tuple(sorted(join_key.flooding)),
    )
    return msgspec.structs.replace(cut, thinned=join_key.crowded, released=join_key.too_common)


def _first_of_each(entries: Iterable[tuple[str, str]], most: int) -> tuple[tuple[str, str], ...]:
    """Of each origin the first traces: one that names any number of traces pushes out no other."""
    counts: Counter[str] = Counter()
    kept: list[tuple[str, str]] = []
    for trace_id, origin in sorted(entries):
        counts[origin] += 1
        if counts[origin] <= most:
            kept.append((trace_id, origin))
    return tuple(kept)


def _id(key: str) -> str:
    return blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _read(key: str, hit: Hit | None) -> JoinKey:
    if hit is None:
        return JoinKey(key=key)
    platform = _pairs(hit.source.get("platform", ()), "logGroup")
    trace_ids = tuple(hit.source.get("traceId", ()))
    return JoinKey(
        key=key,
        trace_ids=trace_ids,
        known_by=_pairs(hit.source.get("knownBy", ()), "origin"),
        platform=platform,
        thinned=bool(hit.source.get("thinned")),
        separated=tuple(hit.source.get("separated", ())),
        released=bool(hit.source.get("loosened")),
        sought=bool(hit.source.get("sought")),
        searched_until=int(hit.source.get("searchedUntil", 0)),
        last_seen_at=hit.source.get("lastSeenAt", ""),
        seq_no=hit.seq_no,
        primary_term=hit.primary_term,
    )


def _pairs(entries: Iterable[Mapping[str, str]], name: str) -> tuple[tuple[str, str], ...]:
    return tuple((entry["traceId"], entry[name]) for entry in entries)


def _document(join_key: JoinKey, now: str) -> dict[str, Any]:
    platform = [{"traceId": trace_id, "logGroup": group} for trace_id, group in join_key.platform]
    return {
        "key": join_key.key,
        "traceId": join_key.trace_ids,
        "knownBy": [{"traceId": trace_id, "origin": origin} for trace_id, origin in join_key.known_by],
        "platform": platform,
        "glue": join_key.too_common,
        "thinned": join_key.thinned,
        "separated": join_key.separated,
        "loosened": join_key.released,
        **({"sought": True} if join_key.sought else {}),
        **({"searchedUntil": join_key.searched_until} if join_key.searched_until else {}),
        "lastSeenAt": now,
    }
