"""Service map: who calls whom, out of stored spans and joined transactions, with calls, errors, hidden faults and latency of each edge.

OpenSearch can't join a span to its parent, so the spans themselves are read: the newest of a period, at most `MOST_SPANS`, and of each only
a few fields.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from math import ceil
from typing import Any, Final, Literal

from pipeline.model.index_days import span_indices
from pipeline.search.map_span import FIELDS, MapSpan, SpanKey, map_span
from pipeline.search.service_calls import Call, Calls, Evidence, calls_in
from pipeline.search.time_expressions import time_range
from pipeline.store.client import Store
from pipeline.store.pages import pages

MOST_SPANS: Final = 20_000
"""A map is made of so many spans at most, the newest ones."""
_PAGE: Final = 5000
_MOST_IDS: Final = 1000

NodeKind = Literal["service", "aws", "remote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Some calls in numbers.

    Attributes:
        errors: the calls that failed, or whose answer did.
        hidden_faults: the traces with a failure here that hides behind a success.
        p50: the latency that half of the calls stay at or below, in nanoseconds; None where none has ended.
        p95: likewise of 95 % of the calls.
        example: the id of the trace to look at: the newest with a hidden fault, else with an error, else the newest.
    """

    calls: int
    errors: int
    hidden_faults: int
    p50: int | None
    p95: int | None
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapNode:
    """A service, or something without spans that services call. Its traffic is what it was called for, by whomever.

    Attributes:
        entries: how often a trace began here, with nobody known to have called it.
    """

    name: str
    kind: NodeKind
    entries: int
    traffic: Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class MapEdge:
    """The calls from one node to another.

    Attributes:
        via: the queues, topics and APIs between the two, those most often used first.
        evidence: how the calls are known.
    """

    caller: str
    callee: str
    via: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    traffic: Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMap:
    """Who calls whom.

    Attributes:
        nodes: those with most traffic first.
        edges: likewise.
        spans: the number of spans that were read.
        is_cut: whether the period has more spans than were read, so that the map shows its end alone.
    """

    nodes: tuple[MapNode, ...] = ()
    edges: tuple[MapEdge, ...] = ()
    spans: int = 0
    is_cut: bool = False

    def around(self, service: str) -> "ServiceMap":
        """Returns the part with the calls from and to one service; all of it where ``service`` is empty."""
        if not service:
            return self
        edges = tuple(edge for edge in self.edges if service in {edge.caller, edge.callee})
        names = {service, *(name for edge in edges for name in (edge.caller, edge.callee))}
        return replace(self, nodes=tuple(node for node in self.nodes if node.name in names) if edges else (), edges=edges)


def read_service_map(store: Store, *, since: datetime | None = None, until: datetime | None = None, most: int = MOST_SPANS) -> ServiceMap:
    """Reads the spans that began between ``since`` and ``until`` (aware), and makes their map; of more than ``most`` the newest.

    Raises BadInputError where nothing can lie between the two times.
    """
    spans, is_cut = read_spans(store, time_range(since, until), most)
    faulty = sorted({span.key[0] for span in spans if span.hidden_fault})
    return service_map(spans, _read_failed_spans(store, faulty), is_cut=is_cut)


def read_spans(store: Store, between: Mapping[str, str], most: int, *, frozen: bool = True) -> tuple[list[MapSpan], bool]:
    """Returns the spans that began ``between`` two times (the body of a `range`), the newest ``most``, and whether there are more.

    ``frozen`` is as for `pages`.
    """
    period: list[dict[str, Any]] = [{"range": {"@timestamp": dict(between)}}] if between else []
    # these fields tell spans apart, and unlike `_id` OpenSearch has them sorted on disk
    order: list[Any] = [{"@timestamp": {"order": "desc", "unmapped_type": "date_nanos", "missing": 0}}]
    order += [{name: {"order": "asc", "unmapped_type": "keyword"}} for name in ("traceId", "spanId")]
    body = {"query": {"bool": {"filter": period}}, "sort": order, "_source": list(FIELDS)}
    found: list[MapSpan] = []
    for page in pages(store, body, index=span_indices(store.prefix), size=min(_PAGE, most + 1), frozen=frozen):
        found += filter(None, (map_span(hit["_source"]) for hit in page))
        if len(found) > most:
            return found[:most], True
    return found, False


def _read_failed_spans(store: Store, trace_ids: Sequence[str]) -> list[SpanKey]:
    """The spans at which hidden faults happened, of these traces."""
    found: list[SpanKey] = []
    for start in range(0, len(trace_ids), _MOST_IDS):
        some = list(trace_ids[start : start + _MOST_IDS])
        body = {"query": {"terms": {"traceId": some}}, "size": len(some), "_source": ["traceId", "findings.spanId", "findings.severity"]}
        for hit in store.search(body, index=f"{store.prefix}-traces")["hits"]["hits"]:
            findings = hit["_source"].get("findings") or ()
            found += [(hit["_source"]["traceId"], each.get("spanId") or "") for each in findings if each.get("severity") == "alert"]
    return found


def service_map(spans: Sequence[MapSpan], failed: Iterable[SpanKey], *, is_cut: bool = False) -> ServiceMap:
    """Makes the map of these spans. Pure.

    Args:
        spans: whole traces and transactions, as far as there are.
        failed: the spans at which faults happened that hide behind a success.
        is_cut: whether spans were left out.
    """
    found = calls_in(spans)
    hidden = _hidden_by_call(spans, found, failed)
    edges: dict[tuple[str, str], list[Call]] = {}
    nodes: dict[str, _Visits] = {}
    for call in found.calls:
        edges.setdefault((call.caller, call.callee), []).append(call)
        nodes.setdefault(call.caller, _Visits()).kinds.add("service")
        callee = nodes.setdefault(call.callee, _Visits())
        callee.kinds.add(call.outside or "service")
        callee.calls.append(call)
    for span in (*found.entries, *found.severed):
        node = nodes.setdefault(span.service, _Visits())
        node.kinds.add("service")
        node.entries += span.parent is None
        node.calls.append(_from_unknown(span))
    return ServiceMap(
        nodes=tuple(sorted((node.named(name, hidden) for name, node in nodes.items()), key=lambda node: (-node.traffic.calls, node.name))),
        edges=tuple(sorted((_edge(*between, calls, hidden) for between, calls in edges.items()), key=_busiest_first)),
        spans=len(spans),
        is_cut=is_cut,
    )


@dataclass(slots=True)
class _Visits:
    """The calls that reach one node."""

    calls: list[Call] = field(default_factory=list)
    kinds: set[NodeKind] = field(default_factory=set)
    entries: int = 0

    def named(self, name: str, hidden: Mapping[SpanKey, set[str]]) -> MapNode:
        # one span may be reached from each message of a batch
        calls = list({call.span: call for call in self.calls}.values())
        kind: NodeKind = "service" if "service" in self.kinds else "aws" if "aws" in self.kinds else "remote"
        return MapNode(name=name, kind=kind, entries=self.entries, traffic=_traffic(calls, hidden))


def _from_unknown(span: MapSpan) -> Call:
    return Call(caller="", callee=span.service, by=span.key, span=span.key, at=span.start, duration=span.duration, failed=span.failed)


def _hidden_by_call(spans: Iterable[MapSpan], found: Calls, failed: Iterable[SpanKey]) -> dict[SpanKey, set[str]]:
    """By the span of a call the traces with a hidden fault in it: the call into the service that failed, nearest above the failure."""
    parents = {span.key: span.parent for span in spans}
    called = {call.span for call in found.calls} | {span.key for span in (*found.entries, *found.severed)}
    # a rule may name the span that called and was told success
    answers = {call.by: call.span for call in found.calls}
    hidden: dict[SpanKey, set[str]] = {}
    for key in failed:
        seen: set[SpanKey] = set()
        above: SpanKey | None = answers.get(key, key)
        while above and above not in called and above not in seen:
            seen.add(above)
            above = parents.get(above)
        if above in called:
            hidden.setdefault(above, set()).add(key[0])
    return hidden


def _edge(caller: str, callee: str, calls: Sequence[Call], hidden: Mapping[SpanKey, set[str]]) -> MapEdge:
    via = Counter(call.via for call in calls if call.via)
    return MapEdge(
        caller=caller,
        callee=callee,
        via=tuple(name for name, _ in sorted(via.items(), key=lambda item: (-item[1], item[0]))),
        evidence=tuple(sorted({call.evidence for call in calls})),
        traffic=_traffic(calls, hidden),
    )


def _busiest_first(edge: MapEdge) -> tuple[int, str, str]:
    return -edge.traffic.calls, edge.caller, edge.callee


def _traffic(calls: Sequence[Call], hidden: Mapping[SpanKey, set[str]]) -> Traffic:
    lengths = sorted(call.duration for call in calls if call.duration is not None)
    worst = max(calls, key=lambda call: (call.span in hidden, call.failed, call.at, call.span), default=None)
    return Traffic(
        calls=len(calls),
        errors=sum(call.failed for call in calls),
        hidden_faults=len(set(chain.from_iterable(hidden.get(call.span, ()) for call in calls))),
        p50=_at_most(lengths, 0.5),
        p95=_at_most(lengths, 0.95),
        example=worst.span[0] if worst else "",
    )


def _at_most(lengths: Sequence[int], share: float) -> int | None:
    """The nearest-rank percentile of sorted numbers; None of none."""
    return lengths[ceil(share * len(lengths)) - 1] if lengths else None
