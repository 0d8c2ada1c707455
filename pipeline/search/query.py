"""Asked: what a person wants to find, as an OpenSearch query. Pure: a question in, a query out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pipeline.errors import BadInputError
from pipeline.join.transactions import Transaction
from pipeline.model.json_values import as_text, is_annotation_key
from pipeline.model.trace_ids import parse_trace_id
from pipeline.search.time_expressions import time_range

Clause = dict[str, Any]
Several = str | tuple[str, ...]

# the least severity number of each level, as `extract.severity` numbers them
LEVELS: Mapping[str, int] = MappingProxyType(
    {"trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "critical": 18, "fatal": 21}
)

_KEYS = ("correlationId", "requestId", "integrationRequestId")
_WORD = re.compile(r"\w+")
# OpenSearch refuses a query of more than 1,024 clauses (indices.query.bool.max_clause_count)
_MOST_WORDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What to look for; everything that is given must hold, and of several values of one kind, and of all ids, any.

    Attributes:
        ids: of any kind: trace ids, tracing headers, correlation ids, request ids.
        trace_id: X-Ray's or W3C's, or a tracing header; nothing else is taken.
        whole: whether the ids stand for the whole transaction that they belong to; else only what names them itself is found.
        text: words, all of which must be in a line's message, in a span's name or in its error.
        phrase: words in this order, one after the other.
        level: a key of LEVELS: lines of this severity and worse.
        kind: log or span.
        annotations: X-Ray's annotations, each as ``key=value``.
        hidden_faults: only traces in which a fault hides behind a success.
        since: aware; documents of this moment and later.
        until: aware; documents of this moment and earlier.
        limit: how many documents at most, the newest; 0 is all of them.
    """

    ids: tuple[str, ...] = ()
    trace_id: Several = ()
    correlation_id: Several = ()
    request_id: Several = ()
    whole: bool = False
    text: str = ""
    phrase: str = ""
    service: Several = ()
    level: str = ""
    kind: Several = ()
    log_group: Several = ()
    annotations: tuple[str, ...] = ()
    hidden_faults: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100


def ids_of(question: SearchQuery) -> list[str]:
    """Every id that the question names, trace ids in their canonical form too. Raises BadInputError where a trace id is none."""
    # what looks like a trace id may have been logged as a correlation id, letter for letter
    ids = [id_ for given in map(as_text, question.ids) for id_ in (parse_trace_id(given), given) if id_]
    return list(dict.fromkeys([*ids, *_trace_ids(question), *_keys(question)]))


def query_of(question: SearchQuery, group: Transaction | None = None) -> Clause:
    """The OpenSearch query; ``group`` is what the question's ids stand for, without one they stand for themselves.

    Raises BadInputError where a trace id, an annotation or the times can't be meant.
    """
    return joined(clauses(question, group).values())


def joined(found: Iterable[Clause]) -> Clause:
    """The query of which every clause must hold."""
    return {"bool": {"filter": list(found)}}


def clauses(question: SearchQuery, group: Transaction | None = None) -> dict[str, Clause]:
    """What must hold, each clause by the option that asks for it; the kind of document and the ids by `kind` and `ids`."""
    found: dict[str, Clause] = {"kind": {"terms": {"doc.kind": ["log", "span"]}}}
    if group or ids_of(question):
        found["ids"] = _of_group(group) if group else _naming(question)
    for option, field, values in (("--service", "serviceName", question.service), ("--log-group", "aws.logGroup", question.log_group),
                                  ("--kind", "doc.kind", question.kind)):  # fmt: skip
        if values:
            found[option] = {"terms": {field: _several(values)}}
    if question.level:
        found["--level"] = {"range": {"severity.number": {"gte": LEVELS[question.level]}}}
    if question.annotations:
        found["--annotation"] = joined(_annotated(text) for text in question.annotations)
    if question.hidden_faults:
        found["--hidden-faults"] = {"term": {"trace.hiddenFault": True}}
    return found | _of_words(question) | _of_times(question)


def _of_words(question: SearchQuery) -> dict[str, Clause]:
    words = {"--text": _with_words(as_text(question.text))} if question.text else {}
    return words | ({"--phrase": _with_phrase(as_text(question.phrase))} if question.phrase else {})


def _of_times(question: SearchQuery) -> dict[str, Clause]:
    # both together are refused where nothing can lie between them
    time_range(question.since, question.until)
    ends = {"--since": time_range(question.since, None), "--until": time_range(None, question.until)}
    return {option: {"range": {"@timestamp": between}} for option, between in ends.items() if between}


def _of_group(group: Transaction) -> Clause:
    keys = list(group.keys)
    return _any([{"terms": {"traceId": list(group.trace_ids)}}, *({"terms": {field: keys}} for field in _KEYS)])


def _naming(question: SearchQuery) -> Clause:
    """Whatever names one of the ids itself, a line that claims a trace which the platform contradicts among them."""
    traces = [*filter(None, map(parse_trace_id, question.ids)), *_trace_ids(question)]
    anything = [*map(as_text, question.ids)]
    correlation, request = anything + _several(question.correlation_id), anything + _several(question.request_id)
    return _any([
        {"terms": {"traceId": traces}}, {"terms": {"staleTraceId": traces}}, {"terms": {"correlationId": correlation}},
        {"terms": {"requestId": request}}, {"terms": {"integrationRequestId": request}},
    ])  # fmt: skip


def _trace_ids(question: SearchQuery) -> list[str]:
    found = [(id_, parse_trace_id(id_)) for id_ in _several(question.trace_id)]
    for id_, trace_id in found:
        if trace_id is None:
            raise BadInputError(f"{id_!r} is no trace id: expected 1-8hex-24hex or 32 hex digits")
    return [trace_id for _, trace_id in found if trace_id]


def _keys(question: SearchQuery) -> list[str]:
    return _several(question.correlation_id) + _several(question.request_id)


def _several(values: Several) -> list[str]:
    """The values as OpenSearch can take them: `ship` stores lone surrogates as question marks, too."""
    return [as_text(value) for value in ([values] if isinstance(values, str) else values) if value]


def _annotated(text: str) -> Clause:
    key, separator, value = text.partition("=")
    if not separator or not is_annotation_key(key):
        raise BadInputError(f"{text!r} is no annotation: expected key=value, such as path=/orders")
    return {"term": {f"annotations.{key}": as_text(value)}}


def _with_words(text: str) -> Clause:
    if len(_WORD.findall(text)) > _MOST_WORDS:
        raise BadInputError(f"--text has more than {_MOST_WORDS} words: give the few that matter, or --phrase with a part of it")
    return _any([{"match": {"body": {"query": text, "operator": "and"}}}, *_in_span(text.split())])


def _with_phrase(text: str) -> Clause:
    return _any([{"match_phrase": {"body": text}}, *_in_span([text])])


def _in_span(parts: Sequence[str]) -> list[Clause]:
    """A span's name and error are keywords, so that words are looked for as parts of them."""
    return [joined({"wildcard": {field: {"value": f"*{_literal(part)}*", "case_insensitive": True}}} for part in parts)
            for field in ("name", "status.message") if parts]  # fmt: skip


def _literal(text: str) -> str:
    return re.sub(r"([\\*?])", r"\\\1", text)


def _any(found: Sequence[Clause]) -> Clause:
    """Any of the clauses; those that look for nothing are left out, and without one nothing is found."""
    useful = [clause for clause in found if all(clause.get("terms", {}).values())]
    return {"bool": {"should": useful, "minimum_should_match": 1}} if useful else {"match_none": {}}
