"""Words: finds out which words of a question are ids, by asking what is stored."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pipeline.errors import WrongUsageError
from pipeline.join.transactions import traces_naming
from pipeline.model.event_ids import parse_event_id
from pipeline.model.json_values import as_text
from pipeline.search.pasted_ids import meant_by
from pipeline.search.query import SearchQuery, named
from pipeline.search.question import KEYS, Term, unknown_key
from pipeline.search.read_records import with_records
from pipeline.store.client import Store
from pipeline.store.join_keys import JoinKeys

_MOST: Final = 100


def with_known_ids(query: SearchQuery, store: Store) -> SearchQuery:
    """Returns ``query`` with the words that something stored names as an id among its ids, and with what only records say (`with_records`).

    Raises WrongUsageError for too many words, and for one that is no known id and looks like a key that there is not; and what
    `with_records` raises.
    """
    return with_records(_with_words_as_ids(query, store), store)


def _with_words_as_ids(query: SearchQuery, store: Store) -> SearchQuery:
    left_out = [word for _, excluded in query.excluded for word in excluded.words]
    words = [*query.words, *filter(unknown_key, left_out)]
    if len(words) + len(left_out) > _MOST:
        raise WrongUsageError(f"these are more than {_MOST} words: give the few that matter, or put them in quotation marks")
    if not words:
        return query
    ids = known_ids(words, store)
    for word in words:
        if word not in ids and (key := unknown_key(word)):
            keys, quoted = ", ".join(KEYS), Term(word[:60], "phrase")
            raise WrongUsageError(f"{key}: is no key; the keys are {keys}. To search for the text, put it in quotation marks: {quoted}")
    found = tuple(word for word in query.words if word in ids)
    return replace(query, ids=(*query.ids, *found), words=tuple(word for word in query.words if word not in ids))


def known_ids(words: Sequence[str], store: Store) -> set[str]:
    """Returns those of these words that a stored line or span names as an id, or a trace shows as a join key."""
    meant = {word: meant_by(as_text(word)) for word in words}
    join_keys = JoinKeys(store).load(id_ for ids in meant.values() for id_ in ids)
    body = {"size": 0, "aggs": {"named": {"filters": {"filters": {str(at): named(word) for at, word in enumerate(words)}}}}}
    buckets = store.search(body, index=store.lines_and_spans).get("aggregations", {}).get("named", {}).get("buckets", {})
    in_documents = {word for at, word in enumerate(words) if buckets.get(str(at), {}).get("doc_count")}
    in_traces = {word for word, ids in meant.items() if any(join_keys[id_].trace_ids or _is_event(id_, store) for id_ in ids)}
    return in_documents | in_traces


def _is_event(id_: str, store: Store) -> bool:
    return bool(parse_event_id(id_) and traces_naming(id_, store))
