"""No results: says in words why a search found nothing, and what to do about it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pipeline.join.transactions import Transaction
from pipeline.model.durations import rough_duration
from pipeline.model.trace_ids import parse_trace_id, to_xray
from pipeline.retain.in_words import record_in_words
from pipeline.search.query import Clause, SearchQuery, clauses, ids_of, joined, naming_or_with
from pipeline.search.search import count, transaction_for
from pipeline.search.service_names import unknown_service
from pipeline.search.words import with_known_ids
from pipeline.store.client import Store
from pipeline.store.probe import any_matches
from pipeline.store.results import Hit

_MOST_NAMED = 5
_FIELDS = ("trace", "state.lookups", "sampledOut", "healthy", "held")
_SECOND = 1000


def explain_no_results(
    query: SearchQuery, store: Store, *, delays: Sequence[int], now: float, names: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Returns why a search found nothing, in sentences.

    Args:
        query: the query that found nothing.
        store: OpenSearch.
        delays: seconds between the look-ups of a trace.
        now: seconds since the epoch.
        names: what to call the filters, by option of the command line; the option itself where it is missing.
    """
    # where a policy took all lines, their traces are there
    if not (count({"match_all": {}}, store) or any_matches([(f"{store.prefix}-traces", {"match_all": {}})], store)[0]):
        where = f"{store.endpoint} under the prefix {store.prefix!r}"
        return [f"nothing found: there are no log lines and spans at {where} yet: run `tracejoin setup`, then `tracejoin ship`"]
    query = with_known_ids(query, store)
    transaction = transaction_for(query, store)
    filters = clauses(query, transaction)
    kind, ids = filters.pop("kind"), filters.pop("ids", None)
    of_ids = _of_ids(query, transaction, ids, store, delays=delays, now=now) if ids else []
    if unknown := [word for word in query.words if not count(naming_or_with(word), store)]:
        return [*of_ids, _unknown(unknown, "as an id or a word")]
    filters = {names.get(name, name): clause for name, clause in filters.items()}
    fixed = [kind, *([ids] if ids else [])]
    services = (query.service,) if isinstance(query.service, str) else query.service
    sentences = [*of_ids, *_of_filters(fixed, filters, store, ids_given=bool(ids))]
    return [
        *(sentences or ["nothing found: log lines and spans are there, and none matches"]),
        *filter(None, (unknown_service(store, name) for name in services[:_MOST_NAMED])),
    ]


def _of_filters(fixed: list[Clause], filters: dict[str, Clause], store: Store, *, ids_given: bool) -> list[str]:
    """Which filter excludes every document."""
    there = count(joined(fixed), store) if filters else 0
    if not there:
        return []
    there_are = f"these ids have {_documents(there)}" if ids_given else f"there are {_documents(there)}"
    if len(filters) == 1:
        return [f"nothing found: {there_are}, but {next(iter(filters))} excludes all of them: drop or widen it"]
    left = {option: count(joined([*fixed, *(clause for name, clause in filters.items() if name != option)]), store) for option in filters}
    helpful = [f"without {option} {number:,}" for option, number in sorted(left.items(), key=lambda item: -item[1]) if number]
    if helpful:
        return [f"nothing found: {there_are}, but the filters exclude all of them; found would be {', '.join(helpful)}: drop or widen it"]
    return [f"nothing found: {there_are}, but {' and '.join(filters)} exclude all of them, even with any one dropped: drop several"]


def _of_ids(
    query: SearchQuery, transaction: Transaction | None, ids: Clause, store: Store, *, delays: Sequence[int], now: float
) -> list[str]:
    """What is known of the traces that the query's ids stand for."""
    given = ids_of(query)
    named = [trace_id for id_ in given if (trace_id := parse_trace_id(id_))]
    trace_ids = list(dict.fromkeys([*named, *(transaction.trace_ids if transaction else ())]))
    stored = store.get_many([(f"{store.prefix}-traces", id_) for id_ in trace_ids], source=_FIELDS)
    known = {id_: hit for id_, hit in zip(trace_ids, stored, strict=True) if hit}
    sentences = [_state(id_, hit, delays=delays, now=now) for id_, hit in list(known.items())[:_MOST_NAMED]]
    went = [(id_, words) for id_, hit in known.items() for words in record_in_words(hit.source)]
    sentences += [f"trace {to_xray(id_)}: {words}" for id_, words in went[:_MOST_NAMED]]
    if len(known) > _MOST_NAMED:
        sentences.append(f"… and {len(known) - _MOST_NAMED} more traces: `tracejoin why` tells of each")
    if not count(ids, store):
        unknown = [id_ for id_ in given if id_ not in known] if named == given or not known else []
        sentences += [_unknown(unknown)] if unknown else []
        claimed = count({"terms": {"staleTraceId": named}}, store) if named and transaction else 0
        if claimed:
            sentences.append(f"the id stands in {_documents(claimed)} of another trace, as the platform says: --exact shows them")
    return sentences


def _unknown(ids: Sequence[str], how: str = "") -> str:
    # one id in two ways of writing it is one
    distinct = list(dict.fromkeys(to_xray(trace_id) if (trace_id := parse_trace_id(id_)) else id_[:100].strip() for id_ in ids))
    named = ", ".join(distinct[:_MOST_NAMED])
    more = f" and {len(distinct) - _MOST_NAMED} more" if len(distinct) > _MOST_NAMED else ""
    known = f"nothing is known of {named}{more}{f', {how}' if how else ''}"
    return f"{known}: a line becomes searchable within seconds of being logged: check the {'spelling' if how else 'id'}, or try again"


def _state(trace_id: str, hit: Hit, *, delays: Sequence[int], now: float) -> str:
    """The state of a trace, why, and when to try again."""
    status = hit.source.get("trace", {})
    state, reason = status.get("state", "pending"), status.get("stateReason") or ""
    end = {"pending": _again, "partial": _again}.get(state, _ended)(hit.source.get("state", {}).get("lookups") or {}, delays, now)
    if state == "unsampled":
        end = "Nothing will ever come from X-Ray."
    return " ".join(f"trace {to_xray(trace_id)} is {state}: {reason} {end}".split())


def _again(lookups: dict[str, dict[str, Any]], delays: Sequence[int], now: float) -> str:
    if not lookups:
        return f"It is looked up about {rough_duration(delays[0] * _SECOND)} after its first lines: try again then."
    next_at = max(lookup.get("at", 0) for lookup in lookups.values()) / 1000 + delays[min(len(lookups), len(delays) - 1)]
    if next_at < now + 1:
        return "It is due to be looked up again now: try again in a minute, or run `tracejoin resolve`."
    return f"It is looked up again in about {rough_duration((next_at - now) * _SECOND)}: try again then."


def _ended(_lookups: dict[str, dict[str, Any]], _delays: Sequence[int], _now: float) -> str:
    return "This is final."


def _documents(number: int) -> str:
    return "1 line or span" if number == 1 else f"{number:,} lines and spans"
