"""Transaction walk: loads the traces and join keys that can be reached from some traces, by gets alone.

Known traces are reached over known ones only. An unknown trace leads to no other trace of X-Ray's or the platform's, so that a line
which names two pieces of work does not make them one; it belongs to one of those that it names.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from pipeline.join.shown_keys import ShownKeys, shown_by
from pipeline.model.trace_ids import parse_trace_id
from pipeline.model.trace_state import EMPTY, TraceState
from pipeline.store.client import Store
from pipeline.store.join_keys import JoinKey, JoinKeys
from pipeline.store.trace_records import load_states

_MOST_EXPLORED: Final = 2000
_MOST_UNKNOWN: Final = 500


class TransactionWalk:
    """What was loaded so far.

    Args:
        store: OpenSearch.
        wanted: the ids of traces that count as traces even if nothing is stored of them.
        states: the stored states of some traces, by trace id, which need not be loaded.
        join_keys: stored join keys, by key, which need not be loaded.

    Attributes:
        traces: what each loaded trace shows, by trace id.
        join_keys: the loaded join keys, by key.
    """

    def __init__(self, store: Store, wanted: Sequence[str], states: Mapping[str, TraceState], join_keys: Mapping[str, JoinKey]) -> None:
        self._store = store
        self._stored_keys = JoinKeys(store)
        self._wanted = frozenset(wanted)
        self._states = states
        self._known_keys = join_keys
        self._loaded: set[str] = set()
        self._explored: set[str] = set()
        self.traces: dict[str, ShownKeys] = {}
        self.join_keys: dict[str, JoinKey] = {}

    def explore(self, trace_ids: Iterable[str]) -> None:
        """Loads the transactions of known traces among ``trace_ids``, and the unknown traces that hang on them or on unknown ones."""
        reached = set(trace_ids)
        self._load(reached)
        known = {id_ for id_ in reached & self.traces.keys() if self.traces[id_].known}
        beside = self._explore_known(known) | (reached - known)
        self._explore_unknown(beside, most=_MOST_UNKNOWN + len(reached))

    def members(self, key: str) -> list[str]:
        """Returns the loaded traces that show ``key``, or whose id it is; sorted. A trace may have lost the line that showed it."""
        join_key = self.join_keys[key]
        if join_key.too_common:
            return []
        found = {*join_key.known, *join_key.unknown, *own_trace(join_key)} & self.traces.keys()
        return sorted(id_ for id_ in found if id_ == key or key in self.traces[id_].facts)

    def is_touched(self, key: str) -> bool:
        """Whether a known trace shows ``key``, or has this id; those that are not loaded count as the key's document says."""
        join_key = self.join_keys[key]
        if join_key.too_common or any(self.traces[id_].known for id_ in self.members(key)):
            return not join_key.too_common
        return any(id_ not in self._loaded for id_ in join_key.known)

    def _load(self, trace_ids: Collection[str]) -> None:
        missing = sorted(set(trace_ids) - self._loaded)
        self._loaded.update(missing)
        # an id without any line or segment is no trace yet
        states = {id_: self._states[id_] for id_ in missing if id_ in self._states}
        states |= load_states([id_ for id_ in missing if id_ not in states], self._store)
        self.traces |= {id_: shown_by(id_, state) for id_, state in states.items() if state != EMPTY or id_ in self._wanted}

    def _expand(self, trace_ids: Iterable[str]) -> list[JoinKey]:
        """Loads the join keys of these traces, which are loaded; returns them."""
        found = [id_ for id_ in trace_ids if id_ in self.traces]
        self._explored.update(found)
        keys = dict.fromkeys(key for id_ in found for key in (id_, *self.traces[id_].facts))
        missing = keys.keys() - self.join_keys.keys()
        self.join_keys |= {key: self._known_keys[key] for key in missing & self._known_keys.keys()}
        self.join_keys |= self._stored_keys.load(sorted(missing - self._known_keys.keys()))
        return [self.join_keys[key] for key in keys]

    def _explore_known(self, frontier: set[str]) -> set[str]:
        """Loads what known traces reach over known ones; returns the unknown ones beside them."""
        beside: set[str] = set()
        count = 0
        while frontier and count <= _MOST_EXPLORED:
            count += len(frontier)
            join_keys = [join_key for join_key in self._expand(sorted(frontier)) if not join_key.too_common]
            own = {id_ for join_key in join_keys for id_ in own_trace(join_key)}
            reached = {id_ for join_key in join_keys for id_ in join_key.known} | own
            self._load(reached)
            is_known = {id_ for id_ in reached & self.traces.keys() if self.traces[id_].known}
            beside |= {id_ for join_key in join_keys for id_ in join_key.unknown} | (own - is_known)
            frontier = is_known - self._explored
        return beside

    def _explore_unknown(self, frontier: set[str], *, most: int) -> None:
        """Loads unknown traces and those that hang on them, over keys that no known trace shows."""
        frontier = frontier - self._explored
        count = 0
        while frontier and count <= most:
            # the rest is not walked to its end
            batch = sorted(frontier)[: most + 1 - count]
            count += len(batch)
            self._load(batch)
            join_keys = self._expand(id_ for id_ in batch if id_ in self.traces and not self.traces[id_].known)
            own = {id_ for join_key in join_keys for id_ in own_trace(join_key)}
            self._load(own)
            free = [join_key for join_key in join_keys if not join_key.crowded and not self.is_touched(join_key.key)]
            frontier = {id_ for join_key in free for id_ in (*join_key.unknown, *own_trace(join_key))} - self._explored - set(batch)


def own_trace(join_key: JoinKey) -> tuple[str, ...]:
    """Returns the trace whose id a key is, if another trace shows it as a key."""
    is_trace = bool(join_key.seen_in) and parse_trace_id(join_key.key) == join_key.key
    return (join_key.key,) if is_trace else ()
