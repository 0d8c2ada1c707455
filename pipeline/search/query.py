"""Query: turns a person's search into an OpenSearch query. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, get_args

from pipeline.detect.verdict import State
from pipeline.errors import WrongUsageError
from pipeline.join.transactions import Transaction
from pipeline.model.durations import NANOS_A_MILLI
from pipeline.model.json_values import as_text, is_annotation_key
from pipeline.model.trace_ids import parse_span_id, parse_trace_id
from pipeline.search.comparisons import duration_bounds, status_bounds
from pipeline.search.pasted_ids import meant_by
from pipeline.search.recorded_traces import NOTHING_RECORDED, RecordedTraces
from pipeline.search.time_expressions import time_range
from pipeline.store.join_keys import EXECUTION_FIELDS, KEY_FIELDS, REQUEST_FIELDS

Clause = dict[str, Any]
Several = str | tuple[str, ...]

# the lowest severity number of each level, as `logs.extract.severity` numbers them
LEVELS: Mapping[str, int] = MappingProxyType(
    {"trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "critical": 18, "fatal": 21}
)

STATES: tuple[str, ...] = get_args(State)
"""The states of a trace."""

_WORD = re.compile(r"\w+")
# OpenSearch refuses a query of more than 1,024 clauses (indices.query.bool.max_clause_count)
_MOST_WORDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What to look for. A document must match every field that is given, but any of a field's values, and any of the ids.

    Attributes:
        ids: ids of any kind: trace ids, tracing headers, correlation ids, request ids, span ids, ids of log events; also as they are pasted
            (`meant_by`).
        trace_id: X-Ray or W3C trace ids, or tracing headers; others are refused.
        whole: whether the ids stand for their whole transaction; else only documents that name one of them match.
        words: words or ids. One that a document names as an id stands for that, as ``ids`` do; any other must be in a text, as in ``text``.
        text: words, all of which must be in a line's message, in a span's name or in its error; all of several such texts.
        phrase: words in this order, one after the other; all of several phrases.
        level: a key of LEVELS: lines of this severity and above.
        kind: log or span.
        tenant: tenant ids: lines that name one of them.
        state: of STATES: only documents of traces in this state.
        annotations: X-Ray annotations, each as ``key=value``.
        status: HTTP statuses, as `status_bounds` reads them: those of spans, and of requests in API Gateway's and AppSync's logs.
        edge_status: HTTP statuses in the same forms: what the caller of the trace's entry was told.
        duration: comparisons, as `duration_bounds` reads them, all of which must hold: of spans, and of invocations in Lambda's own lines.
        hidden_faults: only traces with a fault that hides behind a success.
        excluded: what must not match, each with a name for it.
        since: aware; documents of this moment and later.
        until: aware; documents of this moment and earlier.
        limit: the most documents, the newest ones; 0 for all.
        recorded: what only the records of traces say of what is asked for.
    """

    ids: tuple[str, ...] = ()
    trace_id: Several = ()
    correlation_id: Several = ()
    request_id: Several = ()
    whole: bool = False
    words: tuple[str, ...] = ()
    text: Several = ()
    phrase: Several = ()
    service: Several = ()
    level: str = ""
    kind: Several = ()
    state: Several = ()
    log_group: Several = ()
    tenant: Several = ()
    annotations: tuple[str, ...] = ()
    status: Several = ()
    edge_status: Several = ()
    duration: tuple[str, ...] = ()
    hidden_faults: bool = False
    excluded: tuple[tuple[str, "SearchQuery"], ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    recorded: RecordedTraces = NOTHING_RECORDED


def ids_of(query: SearchQuery) -> list[str]:
    """Returns every id in the query, trace ids also in canonical form. Raises WrongUsageError where ``trace_id`` holds no trace id."""
    return list(dict.fromkeys([*_meant(query), *_trace_ids(query), *_keys(query)]))


def opensearch_query(query: SearchQuery, transaction: Transaction | None = None) -> Clause:
    """Returns the OpenSearch query; with a transaction, which the ids stand for, it matches all of its documents.

    Raises WrongUsageError where a trace id, an annotation, a status, a duration or the times are invalid.
    """
    return joined(clauses(query, transaction).values())


def joined(found: Iterable[Clause]) -> Clause:
    """Returns the OpenSearch query that matches what every clause matches."""
    return {"bool": {"filter": list(found)}}


def clauses(query: SearchQuery, transaction: Transaction | None = None) -> dict[str, Clause]:
    """Returns the clauses of `opensearch_query` by command-line option; those without one by `kind` (of document) and `ids`."""
    found: dict[str, Clause] = {"kind": {"terms": {"doc.kind": ["log", "span"]}}}
    # an id that is given and empty finds nothing, and not everything
    if transaction or query.ids or query.trace_id or query.correlation_id or query.request_id:
        found["ids"] = _of_transaction(transaction) if transaction else _naming(query)
    for option, field, values in (("--service", "serviceName", query.service), ("--log-group", "aws.logGroup", query.log_group),
                                  ("--tenant", "tenantId", query.tenant), ("--kind", "doc.kind", query.kind)):  # fmt: skip
        if values:
            found[option] = {"terms": {field: _several(values)}}
    if states := _several(query.state):
        found["--state"] = any_of([{"terms": {"trace.state": states}}, *query.recorded.in_states(states)])
    if query.level:
        found["--level"] = {"range": {"severity.number": {"gte": LEVELS[query.level]}}}
    if query.annotations:
        found["--annotation"] = joined(any_of([annotated(text), *query.recorded.with_annotation(text)]) for text in query.annotations)
    if query.hidden_faults:
        found["--hidden-faults"] = {"term": {"trace.hiddenFault": True}}
    found |= {f'"{word}"': naming_or_with(word, query.recorded) for word in query.words}
    found |= {name: {"bool": {"must_not": [_without_kind(excluded)]}} for name, excluded in query.excluded}
    return found | _of_measures(query) | _of_texts(query) | _of_times(query)


def naming_or_with(word: str, recorded: RecordedTraces = NOTHING_RECORDED) -> Clause:
    """Returns the OpenSearch query for what names ``word`` as an id, or has it in its text."""
    return any_of([named(word, recorded), _with_words(as_text(word))])


def named(id_: str, recorded: RecordedTraces = NOTHING_RECORDED) -> Clause:
    """Returns the OpenSearch query for the documents that name an id themselves."""
    return _naming(SearchQuery(ids=(id_,), recorded=recorded))


def _without_kind(query: SearchQuery) -> Clause:
    return joined(clause for name, clause in clauses(query).items() if name != "kind")


def _of_measures(query: SearchQuery) -> dict[str, Clause]:
    found: dict[str, Clause] = {}
    if statuses := _several(query.status):
        found["--status"] = any_of([{"range": {"httpStatus": status_bounds(text)}} for text in statuses])
    if statuses := _several(query.edge_status):
        found["--edge-status"] = any_of([*map(told, statuses), *query.recorded.with_edge_status(statuses)])
    for option, sign in (("--min-duration", ">"), ("--max-duration", "<")):
        if compared := [text for text in query.duration if text.lstrip().startswith(sign)]:
            found[option] = joined(map(lasting, compared))
    return found


def _of_texts(query: SearchQuery) -> dict[str, Clause]:
    texts, phrases = _several(query.text), _several(query.phrase)
    words = {"--text": joined(map(_with_words, texts))} if texts else {}
    return words | ({"--phrase": joined(map(_with_phrase, phrases))} if phrases else {})


def _of_times(query: SearchQuery) -> dict[str, Clause]:
    # raises where nothing can lie between the two
    time_range(query.since, query.until)
    ends = {"--since": time_range(query.since, None), "--until": time_range(None, query.until)}
    return {option: {"range": {"@timestamp": between}} for option, between in ends.items() if between}


def _of_transaction(transaction: Transaction) -> Clause:
    keys, traces = list(transaction.keys), list(transaction.trace_ids)
    return any_of([{"terms": {"traceId": traces}}, *_passing_on(traces), *({"terms": {field: keys}} for field in KEY_FIELDS)])


def _passing_on(trace_ids: Sequence[str]) -> list[Clause]:
    """The lines of functions without tracing that show a header of these traces: they have no trace of their own."""
    untraced = {"must_not": [{"exists": {"field": "traceId"}}]}
    return [{"bool": {"filter": [{"terms": {"propagatedTraceId": list(trace_ids)}}], **untraced}}] if trace_ids else []


def _naming(query: SearchQuery) -> Clause:
    """The documents that name one of the ids themselves, also as a stale trace id."""
    anything = _meant(query)
    traces = [*filter(None, map(parse_trace_id, anything)), *_trace_ids(query)]
    spans = [*filter(None, map(parse_span_id, anything))]
    correlation, request = anything + _several(query.correlation_id), anything + _several(query.request_id)
    return any_of([
        {"terms": {"traceId": traces}}, {"terms": {"staleTraceId": traces}}, {"terms": {"correlationId": correlation}},
        {"terms": {"spanId": spans}}, *({"terms": {field: request}} for field in REQUEST_FIELDS), *_passing_on(traces),
        *({"terms": {field: anything}} for field in EXECUTION_FIELDS),
        *query.recorded.with_correlation_ids(correlation),
    ])  # fmt: skip


def _meant(query: SearchQuery) -> list[str]:
    # a text that reads as a trace id may also be a correlation id, exactly as it is written
    return [id_ for given in map(as_text, query.ids) for id_ in meant_by(given)]


def _trace_ids(query: SearchQuery) -> list[str]:
    found = [(id_, parse_trace_id(id_)) for id_ in _several(query.trace_id)]
    for id_, trace_id in found:
        if trace_id is None:
            raise WrongUsageError(f"{id_!r} is no trace id: expected 1-8hex-24hex or 32 hex digits")
    return [trace_id for _, trace_id in found if trace_id]


def _keys(query: SearchQuery) -> list[str]:
    return _several(query.correlation_id) + _several(query.request_id)


def _several(values: Several) -> list[str]:
    """The values as they are stored: `ship` replaces lone surrogates by question marks, too."""
    return [as_text(value) for value in ([values] if isinstance(values, str) else values) if value]


def annotated(text: str) -> Clause:
    """Returns the OpenSearch query for the documents with an annotation, as ``key=value``. Raises WrongUsageError where it is none."""
    key, separator, value = text.partition("=")
    if not separator or not is_annotation_key(key):
        raise WrongUsageError(f"{text!r} is no annotation: expected key=value, such as path=/orders")
    return {"term": {f"annotations.{key}": as_text(value)}}


def told(status: str) -> Clause:
    """Returns the OpenSearch query for the documents of traces whose caller was told such an HTTP status. Raises WrongUsageError."""
    return {"range": {"trace.edgeStatus": status_bounds(status)}}


def lasting(comparison: str) -> Clause:
    """Returns the OpenSearch query for the spans and reports of Lambda with such a duration, as `duration_bounds` reads it."""
    bounds = duration_bounds(comparison)
    milliseconds = {operator: nanoseconds / NANOS_A_MILLI for operator, nanoseconds in bounds.items()}
    return any_of([{"range": {"durationInNanos": bounds}}, {"range": {"durationMs": milliseconds}}])


def _with_words(text: str) -> Clause:
    if len(_WORD.findall(text)) > _MOST_WORDS:
        raise WrongUsageError(f"--text has more than {_MOST_WORDS} words: give the few that matter, or --phrase with a part of it")
    return any_of([{"match": {"body": {"query": text, "operator": "and"}}}, *_in_span(text.split())])


def _with_phrase(text: str) -> Clause:
    return any_of([{"match_phrase": {"body": text}}, *_in_span([text])])


def _in_span(parts: Sequence[str]) -> list[Clause]:
    """A span's name and error are keywords, so words are matched as parts of them."""
    return [joined({"wildcard": {field: {"value": f"*{_literal(part)}*", "case_insensitive": True}}} for part in parts)
            for field in ("name", "status.message") if parts]  # fmt: skip


def _literal(text: str) -> str:
    return re.sub(r"([\\*?])", r"\\\1", text)


def any_of(found: Sequence[Clause]) -> Clause:
    """Returns the query that matches what one of the clauses matches; those without values are left out, and no clause matches nothing."""
    useful = [clause for clause in found if all(clause.get("terms", {}).values())]
    return {"bool": {"should": useful, "minimum_should_match": 1}} if useful else {"match_none": {}}
