"""Transactions: every trace that served one piece of work. Traces are joined where they show the same join key.

A trace shows its own id, the ids of its requests, and what its lines and segments name: correlation ids, tracing headers, X-Ray
links, the integration's request id in a log of API Gateway. The group of a trace is what can be reached over such keys; its id is
the smallest trace id in it, so it does not matter which edge came first. Ids are compared as data.
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
"""A larger group is none: each of its traces stands alone, and `why` says so."""
_MOST_EXPLORED = 2000
_MOST_KEYS = 500


class TransactionEdge(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What joins traces.

    Attributes:
        methods: how they show the key, sorted.
        key: the id that they share.
        trace_ids: who shows it, sorted.
        evidence: who says so, a phrase for each trace.
    """

    methods: tuple[Method, ...]
    key: str
    trace_ids: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def name(self) -> str:
        """The key as a person reads it."""
        return f"the trace {to_xray(self.key)}" if self.key in self.trace_ids else self.key


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction.

    Attributes:
        trace_ids: canonical, sorted.
        keys: every correlation and request id that belongs to it, sorted.
        edges: what joins its traces.
        too_common: ids that so many traces show that they join none.
        too_large: there are more than `MOST_TRACES`, so its traces stand alone.
    """

    trace_ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    edges: tuple[TransactionEdge, ...] = ()
    too_common: tuple[str, ...] = ()
    too_large: bool = False

    def id_for(self, trace_id: str) -> str:
        """The transaction id of one of its traces."""
        return trace_id if self.too_large else self.trace_ids[0]


def keys_of(state: TraceState) -> dict[str, KeyFact]:
    """What a trace shows that others may show too, each with its evidence."""
    found = {value: min(shown.values(), key=msgspec.json.encode) for value, shown in state.keys.items()}
    for request in state.requests.values():
        if request.request_id and not request.elsewhere:
            found.setdefault(request.request_id, KeyFact(method="request id", service_name=request.log_group))
    for fact in state.segments.values():
        told = {"service_name": fact.service_name or fact.name, "span_id": fact.id}
        # a call of S3 or DynamoDB has a request id, too, which nobody else will show
        if fact.request_id and (not fact.subsegment or fact.operation == "Invoke"):
            found.setdefault(fact.request_id, KeyFact(method="request id", **told))
        for trace_id in fact.links:
            found.setdefault(trace_id, KeyFact(method="X-Ray link", **told))
    return {value: found[value] for value in sorted(found)[:_MOST_KEYS]}


def shown_by(records: Iterable[TraceRecord]) -> dict[str, KeySighting]:
    """What the links have to know of these traces."""
    shown: dict[str, KeySighting] = {}
    for record in records:
        for value in keys_of(record.state):
            shown.setdefault(value, KeySighting()).trace_ids.add(record.trace_id)
        for request in record.state.requests.values():
            if request.platform:
                shown.setdefault(request.request_id, KeySighting()).platform.add((record.trace_id, request.log_group))
    return shown


def transactions_of(trace_ids: Iterable[str], store: Store) -> dict[str, Transaction]:
    """The group of each of these traces, as of now; by gets alone."""
    wanted = list(dict.fromkeys(trace_ids))
    finder = JoinKeys(store)
    known: dict[str, dict[str, KeyFact]] = {}
    links: dict[str, JoinKey] = {}
    frontier, asked = set(wanted), set[str]()
    while frontier and len(asked) <= _MOST_EXPLORED:
        asked |= frontier
        states = load_states(sorted(frontier), store)
        # an id that no line or segment was seen of is no trace yet
        known |= {id_: keys_of(state) for id_, state in states.items() if state != EMPTY or id_ in wanted}
        links |= finder.load(sorted({key for id_ in frontier & known.keys() for key in (id_, *known[id_])} - links.keys()))
        frontier = {id_ for key, link in links.items() for id_ in _members(key, link)} - asked
    return _groups(wanted, known, links)


def transaction_of(ids: Sequence[str], store: Store) -> Transaction:
    """Everything that these ids (of traces, correlation or requests) belong to, in one group; what nobody knows is left as it is.

    Both lists of the group are bounded by what a group may hold.
    """
    named = {id_: parse_trace_id(id_) for id_ in ids}
    shown = JoinKeys(store).load(id_ for id_, trace_id in named.items() if trace_id is None)
    seeds = {trace_id for trace_id in named.values() if trace_id}
    for key, link in shown.items():
        seeds |= set() if link.too_common else {*_members(key, link), *traces_naming(key, store)}
    groups = list(transactions_of(sorted(seeds), store).values())
    too_common = {id_ for group in groups for id_ in group.too_common} | {key for key, link in shown.items() if link.too_common}
    return Transaction(
        trace_ids=tuple(sorted(seeds | {id_ for group in groups if not group.too_large for id_ in group.trace_ids})),
        keys=tuple(sorted({*ids, *(id_ for group in groups for id_ in group.keys)})),
        edges=tuple(dict.fromkeys(edge for group in groups for edge in group.edges)),
        too_common=tuple(sorted(too_common)),
        too_large=any(group.too_large for group in groups),
    )  # fmt: skip


def traces_naming(id_: str, store: Store) -> list[str]:
    """The traces that an id names, or whose lines and spans name it; what was shipped and not resolved yet is found so, too; sorted."""
    if trace_id := parse_trace_id(id_):
        return [trace_id]
    named = [{"term": {field: id_}} for field in ("correlationId", "requestId", "integrationRequestId")]
    body = {"query": {"bool": {"should": named, "minimum_should_match": 1}}, "size": 0,
            "aggs": {"traces": {"terms": {"field": "traceId", "size": MOST_TRACES}}}}  # fmt: skip
    buckets = store.search(body).get("aggregations", {}).get("traces", {}).get("buckets", ())
    return sorted(bucket["key"] for bucket in buckets)


def _members(key: str, link: JoinKey) -> set[str]:
    """The traces that a key joins; a trace shows its own id without a word."""
    if link.too_common:
        return set()
    own = {key} if link.trace_ids and parse_trace_id(key) == key else set()
    return {*link.trace_ids, *own}


def _groups(wanted: Sequence[str], known: Mapping[str, Mapping[str, KeyFact]], links: Mapping[str, JoinKey]) -> dict[str, Transaction]:
    joined: dict[str, list[str]] = {}
    for key, link in links.items():
        # whoever no longer shows the key has lost the line that did
        members = sorted(id_ for id_ in _members(key, link) if id_ in known and (id_ == key or key in known[id_]))
        if len(members) > 1:
            joined[key] = members
    keys_at: dict[str, list[str]] = {}
    for key, members in joined.items():
        for id_ in members:
            keys_at.setdefault(id_, []).append(key)
    groups: dict[str, Transaction] = {}
    for id_ in wanted:
        if id_ not in groups:
            reached, edges = _reach(id_, joined, keys_at)
            groups |= dict.fromkeys(reached, _group(reached, edges, joined, known, links))
    return {id_: groups[id_] for id_ in wanted}


def _reach(start: str, joined: Mapping[str, Sequence[str]], keys_at: Mapping[str, Sequence[str]]) -> tuple[set[str], set[str]]:
    """The traces that can be reached from one, and the keys on the way."""
    members, edges, waiting = {start}, set[str](), [start]
    while waiting:
        for key in keys_at.get(waiting.pop(), ()):
            if key not in edges:
                edges.add(key)
                waiting += [id_ for id_ in joined[key] if id_ not in members]
                members |= set(joined[key])
    return members, edges


def _group(members: set[str], edges: set[str], joined: Mapping[str, Sequence[str]],
           known: Mapping[str, Mapping[str, KeyFact]], links: Mapping[str, JoinKey]) -> Transaction:  # fmt: skip
    shown = {key for id_ in members for key in known[id_]}
    too_common = {key for key in shown if key in links and links[key].too_common}
    too_large = len(members) > MOST_TRACES
    return Transaction(
        trace_ids=tuple(sorted(members)),
        keys=() if too_large else tuple(sorted(shown - too_common))[:_MOST_KEYS],
        edges=() if too_large else tuple(_edge(key, joined[key], known) for key in sorted(edges)),
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
    who = f"segment {fact.span_id} of " if fact.span_id else f"log line {fact.line_id} of " if fact.line_id else "log lines of "
    return f"{fact.method}: {who}{fact.service_name or 'an unknown service'}"
