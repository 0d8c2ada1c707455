"""Explain trace: says in words what tracejoin knows of a trace, and how it knows it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import islice
from typing import Any

import msgspec

from pipeline.detect.failures import describe_failure, group_failures
from pipeline.detect.rule import Rules, default_rules
from pipeline.detect.verdict import FINAL, SOURCE_UNAVAILABLE, Finding
from pipeline.join.transactions import MOST_TRACES, Transaction, TransactionEdge, traces_naming, transactions_of
from pipeline.model.facts import LookupFact
from pipeline.model.timestamps import iso_millis
from pipeline.model.trace_ids import to_xray
from pipeline.model.trace_state import TraceState
from pipeline.retain.in_words import record_in_words
from pipeline.search.pasted_ids import meant_by
from pipeline.store.client import Store
from pipeline.store.join_keys import MOST_TRACES as MOST_OF_A_KEY
from pipeline.store.own_documents import has_own_form

_ASSIGNED = {
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
    "expired": "X-Ray was not asked: it keeps no traces that are so old",
    "unreachable": "X-Ray did not answer, so the look-up is put off",
    "denied": "X-Ray refused the credentials of tracejoin, so the look-up is put off; the log of resolve has the reason",
}
_MOST_NAMED = 5
_FIELDS = ("traceId", "doc.kind", "idSource", "staleTraceId")
_NOT_STORED: Mapping[str, Any] = {
    "trace": {"state": "pending", "stateReason": "Nobody has looked at its lines and spans yet.", "hiddenFault": False, "rules": []},
    "state": {}, "missing": [], "findings": [],
}  # fmt: skip


class LookUp(msgspec.Struct, frozen=True, rename="camel"):
    """One look-up: when it was made (ISO 8601, UTC), at which source, with which outcome, and which other accounts refused it."""

    at: str
    source: str
    outcome: str
    segments: int
    refused_by: tuple[str, ...] = ()


class Stale(msgspec.Struct, frozen=True, rename="camel"):
    """How many lines claim another trace (its canonical id) than the platform names."""

    claimed: str
    lines: int


class TraceExplanation(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What is known of one trace. `why --json` prints it, so the field names are a contract.

    Attributes:
        missing: what keeps the trace from being complete, a phrase each.
        segments: how many segments and subsegments are known.
        lines: how many log lines there are, by the method that assigned them to the trace.
        requests: whether each request was sampled, by its id; None where that is unknown.
        elsewhere: requests whose lines claim this trace, while the platform says that they ran in another.
        transaction_id: the id of the transaction that the trace belongs to.
        transaction: the traces of that transaction.
        edges: what joins this trace to others, with method and evidence.
        glue: ids that too many traces show, so that they join none.
        fired: the findings.
        silent: the rules that are on and found nothing.
        retention: what is held or was sampled out, and what the policy says, a sentence each.
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
    retention: tuple[str, ...] = ()


def explain_traces(id_: str, store: Store, rules: Rules | None = None) -> list[TraceExplanation]:
    """Returns the explanation of each trace that ``id_``, of any kind and as it was pasted, names or occurs in; empty for unknown ids."""
    trace_ids = next(filter(None, (traces_naming(meant, store) for meant in meant_by(id_))), [])
    query = {"bool": {"filter": [{"terms": {"doc.kind": ["log", "span"]}}, {"terms": {"traceId": trace_ids}}]}}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for hit in store.scan(query, index=store.lines_and_spans, source=_FIELDS):
        if has_own_form(hit.source):
            found.setdefault(hit.source["traceId"], []).append(hit.source)
    lines = {trace_id: [line for line in documents if line["doc"]["kind"] == "log"] for trace_id, documents in found.items()}
    stored = stored_traces(trace_ids, store)
    return explain_stored([id_ for id_ in trace_ids if id_ in stored or id_ in found], stored, lines, store, rules)


def stored_traces(trace_ids: Sequence[str], store: Store) -> dict[str, Mapping[str, Any]]:
    """Returns the stored documents of traces, by trace id; those of which nobody has looked at a line yet are left out."""
    hits = store.get_many([(f"{store.prefix}-traces", trace_id) for trace_id in trace_ids])
    return {
        trace_id: hit.source
        for trace_id, hit in zip(trace_ids, hits, strict=True)
        if hit and (hit.source.get("trace") or {}).get("version")
    }


def explain_stored(
    trace_ids: Sequence[str], stored: Mapping[str, Mapping[str, Any]], lines: Mapping[str, Sequence[Mapping[str, Any]]], store: Store,
    rules: Rules | None = None,
) -> list[TraceExplanation]:  # fmt: skip
    """Returns the explanation of each of ``trace_ids``, by their stored documents and stored log lines."""
    transactions = transactions_of(trace_ids, store)
    rules = rules or default_rules()
    return [explain_trace(id_, stored.get(id_, _NOT_STORED), lines.get(id_, ()), transactions[id_], rules) for id_ in trace_ids]


def explain_trace(
    trace_id: str, document: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], transaction: Transaction, rules: Rules
) -> TraceExplanation:
    """Explains a trace by its stored document, which holds the verdict, its stored log lines and its transaction."""
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
        requests={
            request.request_id: request.is_sampled for request in state.requests.values() if request.request_id and not request.elsewhere
        },
        elsewhere=tuple(sorted({request.request_id for request in state.requests.values() if request.elsewhere})),
        transaction_id=transaction.id_for(trace_id),
        transaction=transaction.trace_ids[:MOST_TRACES],
        edges=tuple(edge for edge in transaction.edges if trace_id in edge.trace_ids),
        glue=transaction.too_common,
        hidden_fault=status["hiddenFault"],
        fired=msgspec.convert(document["findings"], tuple[Finding, ...]),
        silent=tuple(name for name, rule in rules.items() if rule.enabled and name not in status["rules"]),
        retention=tuple(record_in_words(document)),
    )


def in_words(trace: TraceExplanation, *, zone: tzinfo | None = None) -> list[str]:
    """Returns the explanation as sentences: state, look-ups, lines, transaction, findings, retention.

    Times of log lines are in ``zone``; None is this computer's own.
    """
    return [sentence for _, sentences in in_sections(trace, zone=zone) for sentence in sentences]


def in_sections(trace: TraceExplanation, *, zone: tzinfo | None = None) -> list[tuple[str, list[str]]]:
    """Returns the sentences of `in_words`, each part behind its heading; a part without sentences is left out."""
    parts = (("State", _state(trace)), ("Look-ups", _lookups(trace)), ("Lines", _lines(trace)), ("Transaction", list(_transaction(trace))),
             ("Rules", _findings(trace, zone)), ("Retention", list(trace.retention)))  # fmt: skip
    return [(heading, sentences) for heading, sentences in parts if sentences]


def _state(trace: TraceExplanation) -> list[str]:
    end = "This is final." if trace.final else "It is looked at again."
    if trace.state == SOURCE_UNAVAILABLE:
        end = "It is looked up again as soon as X-Ray answers."
    known = f"{_count(trace.segments, 'segment or subsegment', 'segments and subsegments')} known" if trace.segments else ""
    return [f"state {trace.state}: {trace.state_reason} {end}", *filter(None, [known]), *(f"missing: {phrase}" for phrase in trace.missing)]


def _lookups(trace: TraceExplanation) -> list[str]:
    if not trace.lookups:
        return ["never looked up: what is known came through aws/spans" if trace.segments else "never looked up"]
    made = [f"  {entry.at}  {entry.source or 'X-Ray'}: {_outcome(entry)}" for entry in trace.lookups]
    return ["looked up once:" if len(made) == 1 else f"looked up {len(made)} times:", *made]


def _outcome(entry: LookUp) -> str:
    segments = _count(entry.segments, "segment or subsegment", "segments and subsegments")
    if not entry.refused_by:
        return _OUTCOMES[entry.outcome].format(segments=segments)
    refused = f"refused by {', '.join(entry.refused_by[:_MOST_NAMED])}"
    return f"{refused}; {segments} came back from elsewhere" if entry.segments else f"{refused}, so the look-up is put off"


def _lines(trace: TraceExplanation) -> list[str]:
    found = [f"{_count(count, 'log line', 'log lines')} {_ASSIGNED.get(source, source)}" for source, count in trace.lines.items()]
    found += [f"{_count(entry.lines, 'log line', 'log lines')} of these with a stale id, {to_xray(entry.claimed)}: "
              "what the platform says of the request outweighs it" for entry in trace.stale]  # fmt: skip
    words = {True: "sampled", False: "not sampled", None: "no word on its sampling"}
    found += [f"request {id_} claims this trace in its lines, but ran in another one, as the platform says" for id_ in trace.elsewhere]
    return [*(found or ["no log lines"]), *(f"request {id_}: {words[sampled]}" for id_, sampled in trace.requests.items())]


def _transaction(trace: TraceExplanation) -> Iterator[str]:
    # of one that is not too large the edges are known
    if len(trace.transaction) >= MOST_TRACES and not trace.edges:
        yield f"transaction: more than {MOST_TRACES} traces hang together, so that each stands alone; look at the ids that join them"
    elif len(trace.transaction) > 1:
        yield f"transaction {to_xray(trace.transaction_id)}: {len(trace.transaction)} traces"
    for edge in trace.edges:
        others = [to_xray(id_) for id_ in edge.trace_ids if id_ != trace.trace_id]
        yield f"joined to {', '.join(others[:_MOST_NAMED])}{' and more' if len(others) > _MOST_NAMED else ''} by {edge.name}"
        shown = islice(zip(edge.trace_ids, edge.evidence, strict=True), _MOST_NAMED)
        yield from (f"  {to_xray(id_)}: {evidence}" for id_, evidence in shown)
    for id_ in trace.glue:
        yield f"{id_} joins nothing: more than {MOST_OF_A_KEY} traces show it, so it is no id of one piece of work"


def _findings(trace: TraceExplanation, zone: tzinfo | None) -> list[str]:
    fired = [f"{word}: {text}" for failure in group_failures(trace.fired) for word, text in describe_failure(failure, zone=zone)]
    silent: Sequence[str] = [f"silent: {', '.join(trace.silent)}"] if trace.silent else []
    return [*(fired or ["no rule fired"]), *silent]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _look_up(fact: LookupFact) -> LookUp:
    return LookUp(iso_millis(fact.at), fact.source, fact.outcome, fact.segments, fact.refused_by)
