"""Transactions: finds all traces that served one piece of work. Traces that show the same join key belong together.

A trace shows its own id, the ids of its requests, and what its lines and segments name: correlation ids, tracing headers, X-Ray
links, the integration's request id in a log of API Gateway. The transaction of a trace is all that can be reached over such keys; its
id is the smallest trace id in it, so the order in which keys come does not matter. Ids are compared as data.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from pipeline.model.facts import KeyFact, Method
from pipeline.model.trace_ids import parse_trace_id, to_xray
from pipeline.model.trace_state import EMPTY, TraceState
from pipeline.store.client import Store
from pipeline.store.join_keys import JoinKey, JoinKeys, KeySighting
from pipeline.store.trace_document import TraceRecord
from pipeline.store.trace_records import load_states

MOST_TRACES: Final = 200
"""In a larger transaction each trace stands alone, and `why` says so."""
_MOST_EXPLORED = 2000
_MOST_KEYS = 500


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
        trace_ids: canonical, sorted.
        keys: the correlation and request ids that belong to it, sorted.
        edges: what joins its traces.
        too_common: ids that too many traces show, so that they join none.
        too_large: it has more than `MOST_TRACES`, so its traces stand alone.
    """

    trace_ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    edges: tuple[TransactionEdge, ...] = ()
    too_common: tuple[str, ...] = ()
    too_large: bool = False

    def id_for(self, trace_id: str) -> str:
        """Returns the transaction id of one of its traces: the smallest trace id, or its own in a too large transaction."""
        return trace_id if self.too_large else self.trace_ids[0]


def keys_of(state: TraceState) -> dict[str, KeyFact]:
    """Returns the join keys that a trace shows, each with one fact as evidence; sorted, and bounded in number."""
    found = {value: min(facts.values(), key=msgspec.json.encode) for value, facts in state.keys.items()}
    for request in state.requests.values():
        if request.request_id and not request.elsewhere:
            found.setdefault(request.request_id, KeyFact(method="request id", service_name=request.log_group))
    for fact in state.segments.values():
        shown_by = {"service_name": fact.service_name or fact.name, "span_id": fact.id}
        # a call of S3 or DynamoDB has a request id, too, which no other trace shows
        if fact.request_id and (not fact.subsegment or fact.operation == "Invoke"):
            found.setdefault(fact.request_id, KeyFact(method="request id", **shown_by))
        for trace_id in fact.links:
            found.setdefault(trace_id, KeyFact(method="X-Ray link", **shown_by))
    return {value: found[value] for value in sorted(found)[:_MOST_KEYS]}


def sightings_of(records: Iterable[TraceRecord]) -> dict[str, KeySighting]:
    """Returns which of these traces show which join key, by key."""
    found: dict[str, KeySighting] = {}
    for record in records:
        for value in keys_of(record.state):
            found.setdefault(value, KeySighting()).trace_ids.add(record.trace_id)
        for request in record.state.requests.values():
            if request.platform:
                found.setdefault(request.request_id, KeySighting()).platform.add((record.trace_id, request.log_group))
    return found


def transactions_of(trace_ids: Iterable[str], store: Store) -> dict[str, Transaction]:
    """Returns the present transaction of each of these traces, by trace id; uses gets alone, so no refresh is needed."""
    wanted = list(dict.fromkeys(trace_ids))
    stored_keys = JoinKeys(store)
    known: dict[str, dict[str, KeyFact]] = {}
    join_keys: dict[str, JoinKey] = {}
    frontier, explored = set(wanted), set[str]()
    while frontier and len(explored) <= _MOST_EXPLORED:
        explored |= frontier
        states = load_states(sorted(frontier), store)
        # an id without any line or segment is no trace yet
        known |= {id_: keys_of(state) for id_, state in states.items() if state != EMPTY or id_ in wanted}
        shown = {key for id_ in frontier & known.keys() for key in (id_, *known[id_])}
        join_keys |= stored_keys.load(sorted(shown - join_keys.keys()))
        frontier = {id_ for join_key in join_keys.values() for id_ in _members(join_key)} - explored
    return _connected(wanted, known, join_keys)


def transaction_of(ids: Sequence[str], store: Store) -> Transaction:
    """Returns everything that these ids (trace, correlation or request ids) belong to as one transaction, unknown ids included.

    Each trace adds at most the traces and keys that one transaction may hold.
    """
    named = {id_: parse_trace_id(id_) for id_ in ids}
    join_keys = JoinKeys(store).load(id_ for id_, trace_id in named.items() if trace_id is None)
    seeds = {trace_id for trace_id in named.values() if trace_id}
    for key, join_key in join_keys.items():
        seeds |= set() if join_key.too_common else {*_members(join_key), *traces_naming(key, store)}
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
    named = [{"term": {field: id_}} for field in ("correlationId", "requestId", "integrationRequestId")]
    body = {"query": {"bool": {"should": named, "minimum_should_match": 1}}, "size": 0,
            "aggs": {"traces": {"terms": {"field": "traceId", "size": MOST_TRACES}}}}  # fmt: skip
    buckets = store.search(body).get("aggregations", {}).get("traces", {}).get("buckets", ())
    return sorted(bucket["key"] for bucket in buckets)


def _members(join_key: JoinKey) -> set[str]:
    """The traces that a key joins; a key that is a trace id joins this trace, too."""
    if join_key.too_common:
        return set()
    own = {join_key.key} if join_key.trace_ids and parse_trace_id(join_key.key) == join_key.key else set()
    return {*join_key.trace_ids, *own}


def _connected(wanted: Sequence[str], known: Mapping[str, Mapping[str, KeyFact]],
               join_keys: Mapping[str, JoinKey]) -> dict[str, Transaction]:  # fmt: skip
    joined: dict[str, list[str]] = {}
    for key, join_key in join_keys.items():
        # a trace that no longer shows the key has lost the line that did
        members = sorted(id_ for id_ in _members(join_key) if id_ in known and (id_ == key or key in known[id_]))
        if len(members) > 1:
            joined[key] = members
    keys_at: dict[str, list[str]] = {}
    for key, members in joined.items():
        for id_ in members:
            keys_at.setdefault(id_, []).append(key)
    found: dict[str, Transaction] = {}
    for id_ in wanted:
        if id_ not in found:
            reached, keys = _reach(id_, joined, keys_at)
            found |= dict.fromkeys(reached, _transaction(reached, keys, joined, known, join_keys))
    return {id_: found[id_] for id_ in wanted}


def _reach(start: str, joined: Mapping[str, Sequence[str]], keys_at: Mapping[str, Sequence[str]]) -> tuple[set[str], set[str]]:
    """The traces that can be reached from one, and the keys on the way."""
    members, keys, waiting = {start}, set[str](), [start]
    while waiting:
        for key in keys_at.get(waiting.pop(), ()):
            if key not in keys:
                keys.add(key)
                waiting += [id_ for id_ in joined[key] if id_ not in members]
                members |= set(joined[key])
    return members, keys


def _transaction(members: set[str], keys: set[str], joined: Mapping[str, Sequence[str]],
                 known: Mapping[str, Mapping[str, KeyFact]], join_keys: Mapping[str, JoinKey]) -> Transaction:  # fmt: skip
    shown = {key for id_ in members for key in known[id_]}
    too_common = {key for key in shown if key in join_keys and join_keys[key].too_common}
    too_large = len(members) > MOST_TRACES
    return Transaction(
        trace_ids=tuple(sorted(members)),
        keys=() if too_large else tuple(sorted(shown - too_common))[:_MOST_KEYS],
        edges=() if too_large else tuple(_edge(key, joined[key], known) for key in sorted(keys)),
        too_common=tuple(sorted(too_common)),
        too_large=too_large,
    )


def _edge(key: str, members: Sequence[str], known: Mapping[str, Mapping[str, KeyFact]]) -> TransactionEdge:
    facts = [known[id_].get(key) for id_ in members]
    methods = tuple(sorted({fact.method for fact in facts if fact}))
    return TransactionEdge(methods=methods, key=key, trace_ids=tuple(members), evidence=tuple(_evidence(fact) for fact in facts))


def _evidence(fact: KeyFact | None) -> str:
    if fact is None:
        return "it is the trace itself"
    source = f"segment {fact.span_id} of " if fact.span_id else f"log line {fact.line_id} of " if fact.line_id else "log lines of "
    return f"{fact.method}: {source}{fact.service_name or 'an unknown service'}"
