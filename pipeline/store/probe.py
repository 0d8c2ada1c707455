"""Probe: asks in one request whether there is anything to do."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pipeline.store.client import Store

_NDJSON = {"content-type": "application/x-ndjson"}
_encoder = msgspec.json.Encoder()


def any_matches(searches: Sequence[tuple[str, Mapping[str, Any]]], store: Store) -> list[bool]:
    """Returns for each search, an index pattern and a query, whether a document may match it.

    That is so, too, where the search fails, such as on a closed index: whoever searches then learns why.
    """
    return [may_match(answer) for answer in answers_to([(index, existence(query)) for index, query in searches], store)]


def existence(query: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the body of a search that asks whether a document matches a query."""
    return {"size": 0, "track_total_hits": 1, "query": query}


def answers_to(searches: Sequence[tuple[str, Mapping[str, Any]]], store: Store) -> list[Mapping[str, Any]]:
    """Returns OpenSearch's answer to each search, an index pattern and a body; one with an `error` where a search failed."""
    lines: list[object] = []
    for index, body in searches:
        lines += [{"index": index.split(","), **store.whole}, body]
    answer = store.request(store.read_method, f"/{store.prefix}-traces/_msearch", _encoder.encode_lines(lines), headers=_NDJSON)
    found = answer.get("responses") or ()
    return list(found) if len(found) == len(searches) else [{"error": "no answer"}] * len(searches)


def may_match(answer: Mapping[str, Any]) -> bool:
    """Whether the answer to a search says that a document matches, or does not say that none does."""
    total = (answer.get("hits") or {}).get("total")
    return "error" in answer or not isinstance(total, Mapping) or total.get("value") != 0
