"""Transactions: finds all traces that served one piece of work. Traces that show the same join key belong together.

A trace shows its own id, the ids of its requests, and what its lines and segments name: correlation ids, tracing headers, X-Ray
links, the integration's request id in a log of API Gateway. The transaction of a trace is all that can be reached over such keys; its
id is that of the trace that began first, so the order in which keys come does not matter. Ids are compared as data.

What log lines alone tell of, without X-Ray and the platform, joins itself to a transaction, and never changes that of others: such
unknown traces neither count nor lead from one known trace to another, nor name their transaction.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from pipeline.join.shown_keys import ShownKeys
from pipeline.join.transaction_walk import TransactionWalk, own_trace
from pipeline.model.bounds import fair_share
from pipeline.model.event_ids import parse_event_id, time_of_event
from pipeline.model.facts import KeyFact, Method
from pipeline.model.index_days import log_indices
from pipeline.model.trace_ids import is_trace_id, parse_span_id, parse_trace_id, to_xray
from pipeline.model.trace_state import TraceState
from pipeline.store.client import Store
from pipeline.store.join_keys import EXECUTION_FIELDS, KEY_FIELDS, JoinKey, JoinKeys

MOST_TRACES: Final = 200
"""In a larger transaction each trace stands alone, and `why` says so. Unknown traces are counted apart from known ones."""
_MOST_KEYS = 500
# log lines of one millisecond
_MOST_AT_ONCE = 1000


class TransactionEdge(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A join key, and the traces that it joins.

    Attributes:
        methods: by which methods the traces show the key, sorted.
        key: the id that they share.
        trace_ids: the traces that show it, sorted.
        evidence: the line or span that shows it, a phrase for each trace.
    """

    methods: tuple[Method, ...]
    key: str
    trace_ids: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def name(self) -> str:
        """The key as a person reads it: a trace's own id in X-Ray's form, else unchanged."""
        return f"the trace {to_xray(self.key)}" if self.key in self.trace_ids else self.key


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """The traces that served one piece of work, and what joins them.

    Attributes:
        id: that of the trace that began first; empty where ids of several transactions were asked for.
        trace_ids: canonical, sorted.
        keys: the correlation and request ids that belong to it, sorted.
        edges: what joins its traces.
        too_common: ids that too many traces show, so that they join none of these.
        too_large: it has more than `MOST_TRACES`, so its traces stand alone.
        apart: traces that show its keys, but are too many of one log group, or too many unknown ones, so that each stands alone.
    """

    id: str = ""
    trace_ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    edges: tuple[TransactionEdge, ...] = ()
    too_common: tuple[str, ...] = ()
    too_large: bool = False
    apart: tuple[str, ...] = ()

    def id_for(self, trace_id: str) -> str:
        """Returns the transaction id of one of its traces: its own in a too large transaction."""
        return trace_id if self.too_large else self.id


def transactions_of(
    trace_ids: Iterable[str],
    store: Store,
    states: Mapping[str, TraceState] = MappingProxyType({}),
    join_keys: Mapping[str, JoinKey] = MappingProxyType({}),
) -> dict[str, Transaction]:
    """Returns the present transaction of each of these traces, by trace id; uses gets alone, so no refresh is needed.

    ``states`` (by trace id) and ``join_keys`` (by key) are as stored, and need not be loaded.
    """
    wanted = list(dict.fromkeys(trace_ids))
    walk = TransactionWalk(store, wanted, states, join_keys)
    waiting = set(wanted)
    done: set[str] = set()
    while waiting:
        walk.explore(waiting)
        done |= waiting
        graph = _Graph(walk)
        # the known traces that the unknown ones among the wanted hang on
        keys = {graph.anchors[id_] for id_ in wanted if id_ in graph.anchors}
        waiting = {id_ for key in keys for id_ in (*walk.join_keys[key].known, *own_trace(walk.join_keys[key]))} - done
    return {id_: graph.transaction_of(id_) for id_ in wanted} if wanted else {}


def transaction_of(ids: Sequence[str], store: Store) -> Transaction:
    """Returns everything that these ids (trace, correlation or request ids) belong to as one transaction, unknown ids included.

    Each trace adds at most the traces and keys that one transaction may hold.
    """
    named = {id_: parse_trace_id(id_) for id_ in ids}
    join_keys = JoinKeys(store).load(id_ for id_, trace_id in named.items() if trace_id is None)
    seeds = {trace_id for trace_id in named.values() if trace_id}
    for key, join_key in join_keys.items():
        seeds |= set() if join_key.too_common else {*join_key.known, *join_key.unknown, *own_trace(join_key), *traces_naming(key, store)}
    parts = list(transactions_of(sorted(seeds), store).values())
    too_common = {id_ for part in parts for id_ in part.too_common} | {key for key, join_key in join_keys.items() if join_key.too_common}
    return Transaction(
        trace_ids=tuple(sorted(seeds | {id_ for part in parts if not part.too_large for id_ in part.trace_ids})),
        keys=tuple(sorted({*ids, *(id_ for part in parts for id_ in part.keys)})),
        edges=tuple(dict.fromkeys(edge for part in parts for edge in part.edges)),
        too_common=tuple(sorted(too_common)),
        too_large=any(part.too_large for part in parts),
    )


def traces_naming(id_: str, store: Store) -> list[str]:
    """Returns the ids of the traces that an id names, or whose indexed lines and spans name it, resolved or not; sorted."""
    if trace_id := parse_trace_id(id_):
        return [trace_id]
    if event_id := parse_event_id(id_):
        return _traces_of_event(event_id, store)
    span_id = parse_span_id(id_)
    named = [{"term": {field: id_}} for field in (*KEY_FIELDS, *EXECUTION_FIELDS)] + ([{"term": {"spanId": span_id}}] if span_id else [])
    body = {"query": {"bool": {"should": named, "minimum_should_match": 1}}, "size": 0,
            "aggs": {"traces": {"terms": {"field": "traceId", "size": MOST_TRACES}}}}  # fmt: skip
    buckets = store.search(body).get("aggregations", {}).get("traces", {}).get("buckets", ())
    # however many others name the id, too
    known = JoinKeys(store).load([id_])[id_].known
    return sorted({*known, *(bucket["key"] for bucket in buckets)})


def _traces_of_event(event_id: str, store: Store) -> list[str]:
    """The traces of the lines of a log event. Its id is not indexed, and holds its time."""
    at = time_of_event(event_id)
    moment = {"range": {"@timestamp": {"gte": at, "lte": at, "format": "epoch_millis"}}}
    query = {"bool": {"filter": [moment, {"exists": {"field": "traceId"}}]}}
    body = {"query": query, "size": _MOST_AT_ONCE, "_source": ["eventId", "traceId"]}
    hits = store.search(body, index=log_indices(store.prefix))["hits"]["hits"]
    sources = [hit["_source"] for hit in hits if hit["_source"].get("eventId") == event_id]
    return sorted({source["traceId"] for source in sources if is_trace_id(source.get("traceId"))})


class _Graph:
    """The transactions in what a walk has loaded.

    Attributes:
        anchors: by unknown trace, the key over which it hangs on known ones.
    """

    def __init__(self, walk: TransactionWalk) -> None:
        self._walk = walk
        self._found: dict[str, Transaction] = {}
        # a crowded key joins no unknown trace
        touched = {key: walk.is_touched(key) for key, join_key in walk.join_keys.items() if not join_key.crowded}
        self._known = {key: [id_ for id_ in walk.members(key) if walk.traces[id_].known] for key in walk.join_keys}
        self._free = {key: walk.members(key) for key, is_touched in touched.items() if not is_touched}
        self.anchors = self._anchored(frozenset(key for key, is_touched in touched.items() if is_touched))

    def transaction_of(self, trace_id: str) -> Transaction:
        """Returns the transaction of a trace that was wanted."""
        if trace_id not in self._found:
            is_known = self._walk.traces[trace_id].known
            for id_ in (trace_id,) if is_known else self._known.get(self.anchors.get(trace_id, ""), ()):
                if trace_id not in self._found:
                    self._add_known(id_)
            if trace_id not in self._found:
                self._add(free := _reach(trace_id, self._free, self._keys_at), free)
        return self._found[trace_id]

    def _anchored(self, touched: frozenset[str]) -> dict[str, str]:
        """Over which key each unknown trace hangs on known ones: its own smallest, else that of the nearest trace that has one."""
        unknown = ((id_, touched & {id_, *shown.facts}) for id_, shown in self._walk.traces.items() if not shown.known)
        anchors = {id_: min(keys) for id_, keys in unknown if keys}
        nearest = anchors
        while nearest:
            further: dict[str, str] = {}
            for id_, anchor in nearest.items():
                for key in self._keys_at(id_):
                    for other in self._free.get(key, ()):
                        if other not in anchors:
                            further[other] = min(anchor, further.get(other, anchor))
            anchors = anchors | further
            nearest = further
        return anchors

    def _keys_at(self, trace_id: str) -> tuple[str, ...]:
        return trace_id, *self._walk.traces[trace_id].facts

    def _add_known(self, trace_id: str) -> None:
        """Adds the transaction of a known trace, with the unknown ones that hang on it."""
        members = _reach(trace_id, self._known, self._keys_at)
        apart = self._flood_in(members) if len(members) > MOST_TRACES else set()
        self._found |= {id_: Transaction(id=id_, trace_ids=(id_,), too_large=True) for id_ in apart}
        if trace_id in apart:
            return
        if apart:
            joined = {key: [id_ for id_ in found if id_ not in apart] for key, found in self._known.items()}
            members = _reach(trace_id, joined, self._keys_at)
        keys = {key for id_ in members for key in self._keys_at(id_)}
        beside = {id_ for id_, anchor in self.anchors.items() if anchor in keys}
        if len(beside) > MOST_TRACES:
            self._found |= {id_: Transaction(id=id_, trace_ids=(id_,), too_large=True) for id_ in beside}
            self._add(members, members, apart=apart | beside)
        else:
            self._add(members | beside, members, apart=apart)

    def _flood_in(self, members: Collection[str]) -> set[str]:
        """Those of too many traces of which one log group alone speaks, if these are more than a part of what a transaction may hold."""
        counts = Counter(self._walk.traces[id_].origin for id_ in members)
        return {id_ for id_ in members if (origin := self._walk.traces[id_].origin) and counts[origin] > MOST_TRACES // 2}

    def _add(self, members: set[str], core: Collection[str], *, apart: Iterable[str] = ()) -> None:
        """Adds a transaction; the ``core`` of its members names it, and counts."""
        walk, too_large = self._walk, len(core) > MOST_TRACES
        traces = {id_: walk.traces[id_] for id_ in sorted(members)}
        shown = {key for trace in traces.values() for key in trace.facts}
        too_common = {key for key in shown & walk.join_keys.keys() if walk.join_keys[key].crowded and not traces.keys() & walk.members(key)}
        transaction = Transaction(
            id=min(traces[id_].rank for id_ in core)[-1],
            trace_ids=tuple(traces),
            keys=() if too_large else _keys_in(traces, too_common),
            edges=() if too_large else self._edges(traces),
            too_common=tuple(sorted(too_common)),
            too_large=too_large,
            apart=tuple(sorted(apart)),
        )
        self._found |= dict.fromkeys(traces, transaction)

    def _edges(self, traces: Mapping[str, ShownKeys]) -> tuple[TransactionEdge, ...]:
        """What joins these traces, sorted by key."""
        keys = {key for id_ in traces for key in self._keys_at(id_)} & self._walk.join_keys.keys()
        found = ((key, [id_ for id_ in self._walk.members(key) if id_ in traces]) for key in sorted(keys))
        return tuple(_edge(key, members, traces) for key, members in found if len(members) > 1)


def _reach(start: str, joined: Mapping[str, Sequence[str]], keys_at: Callable[[str], Iterable[str]]) -> set[str]:
    """The traces that can be reached from one."""
    members, waiting = {start}, [start]
    while waiting:
        for key in keys_at(waiting.pop()):
            fresh = [id_ for id_ in joined.get(key, ()) if id_ not in members]
            members.update(fresh)
            waiting += fresh
    return members


def _keys_in(traces: Mapping[str, ShownKeys], too_common: Collection[str]) -> tuple[str, ...]:
    """The keys that these traces show, sorted and bounded in number: those of known traces first, with a share for each trace."""
    shares = [[key for key in trace.facts if key not in too_common] for trace in traces.values() if trace.known]
    beside = [[key for key in trace.facts if key not in too_common] for trace in traces.values() if not trace.known]
    first = fair_share(shares, _MOST_KEYS)
    return tuple(sorted({*first, *fair_share(beside, _MOST_KEYS - len(first))}))


def _edge(key: str, members: Sequence[str], traces: Mapping[str, ShownKeys]) -> TransactionEdge:
    facts = [traces[id_].facts.get(key) for id_ in members]
    methods = tuple(sorted({fact.method for fact in facts if fact}))
    return TransactionEdge(methods=methods, key=key, trace_ids=tuple(members), evidence=tuple(_evidence(fact) for fact in facts))


def _evidence(fact: KeyFact | None) -> str:
    if fact is None:
        return "it is the trace itself"
    source = f"segment {fact.span_id} of " if fact.span_id else f"log line {fact.line_id} of " if fact.line_id else "log lines of "
    return f"{fact.method}: {source}{fact.service_name or 'an unknown service'}"
