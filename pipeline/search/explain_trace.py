"""Why: what tracejoin knows of a trace and how it knows it, in words."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from pipeline.detect.failures import describe_failure as in_words_of
from pipeline.detect.failures import group_failures
from pipeline.detect.rule import Rules, default_rules
from pipeline.detect.verdict import FINAL, Finding
from pipeline.join.transactions import MOST_TRACES, Transaction, TransactionEdge, traces_naming, transactions_of
from pipeline.model.facts import LookupFact
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.model.trace_state import TraceState
from pipeline.store.client import Store
from pipeline.store.join_keys import MOST_TRACES as MOST_OF_A_KEY

_JOINED = {
    "inline": "naming the trace in the line itself",
    "request": "without an id that counts: that of the request counts, by its REPORT line, platform record or other lines",
    "stream": "without any id, between START and END of their request",
}
_OUTCOMES = {
    "found": "{segments} came back",
    "absent": "nothing came back",
    "unprocessed": "X-Ray left the id unprocessed",
    "refused": "X-Ray does not take the id for one of a trace",
    "limitExceeded": "X-Ray said that the trace is larger than it keeps; {segments} came back",
    "sourceDisabled": "nothing came back, since Transaction Search is on",
    "subscribed": "nobody was asked: spans come through the subscription",
}
_MOST_NAMED = 5
_TOLD = ("traceId", "doc.kind", "idSource", "staleTraceId")
_UNSEEN: Mapping[str, Any] = {
    "trace": {"state": "pending", "stateReason": "Nobody has looked at its lines and spans yet.", "hiddenFault": False, "rules": []},
    "state": {}, "missing": [], "findings": [],
}  # fmt: skip


class LookUp(msgspec.Struct, frozen=True, rename="camel"):
    """One look-up: when (ISO 8601, UTC), of whom, and what came of it."""

    at: str
    source: str
    outcome: str
    segments: int


class Stale(msgspec.Struct, frozen=True, rename="camel"):
    """Lines that claimed another trace (its canonical id) than the platform's record says."""

    claimed: str
    lines: int


class TraceExplanation(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The account of one trace. Others build on these names.

    Attributes:
        missing: what keeps the trace from being complete, a phrase each.
        segments: how many segments and subsegments are known.
        lines: how many log lines there are, by the way in which they got their trace.
        requests: each request, with what is known of its sampling.
        elsewhere: requests whose lines claim this trace, and which the platform says ran in another.
        transaction_id: of the group of traces that this one belongs to.
        transaction: the traces of that group.
        edges: what joins this trace to others, with method and evidence.
        glue: ids that so many traces show that they join none.
        fired: the findings.
        silent: the rules that looked and found nothing.
    """

    trace_id: str
    xray_trace_id: str
    state: str
    state_reason: str
    final: bool
    missing: tuple[str, ...]
    segments: int
    lookups: tuple[LookUp, ...]
    lines: dict[str, int]
    stale: tuple[Stale, ...]
    requests: dict[str, bool | None]
    elsewhere: tuple[str, ...]
    transaction_id: str
    transaction: tuple[str, ...]
    edges: tuple[TransactionEdge, ...]
    glue: tuple[str, ...]
    hidden_fault: bool
    fired: tuple[Finding, ...]
    silent: tuple[str, ...]


def explain_traces(id_: str, store: Store, rules: Rules | None = None) -> list[TraceExplanation]:
    """The account of each trace that ``id_`` (a trace, correlation or request id) names or occurs in; none where nothing is known."""
    trace_ids = traces_naming(id_, store)
    query = {"bool": {"filter": [{"terms": {"doc.kind": ["log", "span"]}}, {"terms": {"traceId": trace_ids}}]}}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for hit in store.scan(query, index=f"{store.prefix}-logs-*,{store.prefix}-spans-*", source=_TOLD):
        found.setdefault(hit.source["traceId"], []).append(hit.source)
    stored = store.get_many([(f"{store.prefix}-traces", trace_id) for trace_id in trace_ids])
    groups = transactions_of(trace_ids, store)
    lines = {trace_id: [line for line in documents if line["doc"]["kind"] == "log"] for trace_id, documents in found.items()}
    return [explain_trace(trace_id, hit.source if hit else _UNSEEN, lines.get(trace_id, []), groups[trace_id], rules or default_rules())
            for trace_id, hit in zip(trace_ids, stored, strict=True) if hit or trace_id in found]  # fmt: skip


def explain_trace(
    trace_id: str, document: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], group: Transaction, rules: Rules
) -> TraceExplanation:
    """The account of a trace out of its document, as it was judged when it was written, of its stored log lines, and of its group."""
    status = document["trace"]
    state = msgspec.convert(document["state"], TraceState)
    claimed = Counter(line["staleTraceId"] for line in lines if line.get("staleTraceId"))
    return TraceExplanation(
        trace_id=trace_id,
        xray_trace_id=to_xray(trace_id),
        state=status["state"],
        state_reason=status["stateReason"],
        final=status["state"] in FINAL,
        missing=tuple(document["missing"]),
        segments=len(state.segments),
        lookups=tuple(_look_up(state.lookups[key]) for key in sorted(state.lookups, key=int)),
        lines=dict(sorted(Counter(str(line.get("idSource", "none")) for line in lines).items())),
        stale=tuple(Stale(id_, count) for id_, count in sorted(claimed.items())),
        requests={request.request_id: request.said for request in state.requests.values() if request.request_id and not request.elsewhere},
        elsewhere=tuple(sorted({request.request_id for request in state.requests.values() if request.elsewhere})),
        transaction_id=group.id_for(trace_id),
        transaction=group.trace_ids[:MOST_TRACES],
        edges=tuple(edge for edge in group.edges if trace_id in edge.trace_ids),
        glue=group.too_common,
        hidden_fault=status["hiddenFault"],
        fired=msgspec.convert(document["findings"], tuple[Finding, ...]),
        silent=tuple(name for name, rule in rules.items() if rule.enabled and name not in status["rules"]),
    )


def in_words(told: TraceExplanation) -> list[str]:
    """The account as sentences, in the order in which one asks."""
    return [*_state(told), *_asked(told), *_lines(told), *_transaction(told), *_findings(told)]


def _state(told: TraceExplanation) -> list[str]:
    end = "This is final." if told.final else "It is looked at again."
    known = f"{_count(told.segments, 'segment or subsegment', 'segments and subsegments')} known" if told.segments else ""
    return [f"state {told.state}: {told.state_reason} {end}", *filter(None, [known]), *(f"missing: {phrase}" for phrase in told.missing)]


def _asked(told: TraceExplanation) -> list[str]:
    if not told.lookups:
        return ["never looked up: what is known came through aws/spans" if told.segments else "never looked up"]
    asked = [f"  {entry.at}  {entry.source or 'X-Ray'}: {_came_back(entry)}" for entry in told.lookups]
    return ["looked up once:" if len(asked) == 1 else f"looked up {len(asked)} times:", *asked]


def _came_back(entry: LookUp) -> str:
    return _OUTCOMES[entry.outcome].format(segments=_count(entry.segments, "segment or subsegment", "segments and subsegments"))


def _lines(told: TraceExplanation) -> list[str]:
    found = [f"{_count(count, 'log line', 'log lines')} {_JOINED.get(source, source)}" for source, count in told.lines.items()]
    found += [f"{_count(entry.lines, 'log line', 'log lines')} of these with a stale id, {to_xray(entry.claimed)}: "
              "what the platform says of the request outweighs it" for entry in told.stale]  # fmt: skip
    words = {True: "sampled", False: "not sampled", None: "no word on its sampling"}
    found += [f"request {id_} claims this trace in its lines, but ran in another one, as the platform says" for id_ in told.elsewhere]
    return [*(found or ["no log lines"]), *(f"request {id_}: {words[sampled]}" for id_, sampled in told.requests.items())]


def _transaction(told: TraceExplanation) -> Iterator[str]:
    if len(told.transaction) >= MOST_TRACES:
        yield f"transaction: more than {MOST_TRACES} traces hang together, so that each stands alone; look at the ids that join them"
    elif len(told.transaction) > 1:
        yield f"transaction {to_xray(told.transaction_id)}: {len(told.transaction)} traces"
    for edge in told.edges:
        others = [to_xray(id_) for id_ in edge.trace_ids if id_ != told.trace_id]
        yield f"joined to {', '.join(others[:_MOST_NAMED])}{' and more' if len(others) > _MOST_NAMED else ''} by {edge.name}"
        shown = islice(zip(edge.trace_ids, edge.evidence, strict=True), _MOST_NAMED)
        yield from (f"  {to_xray(id_)}: {evidence}" for id_, evidence in shown)
    for id_ in told.glue:
        yield f"{id_} joins nothing: more than {MOST_OF_A_KEY} traces show it, so it is no id of one piece of work"


def _findings(told: TraceExplanation) -> list[str]:
    fired = [f"{word}: {text}" for story in group_failures(told.fired) for word, text in in_words_of(story)]
    silent: Sequence[str] = [f"silent: {', '.join(told.silent)}"] if told.silent else []
    return [*(fired or ["no rule fired"]), *silent]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _look_up(fact: LookupFact) -> LookUp:
    return LookUp(iso_millis(fact.at), fact.source, fact.outcome, fact.segments)
