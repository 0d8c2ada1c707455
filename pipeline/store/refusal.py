"""Refusal: reads why OpenSearch refuses a request or a document, and tells whether the document is to blame or the cluster.

The cluster is to blame for what somebody can cure without touching the document: a block, a closed index, too many shards, a missing
right, an index of another mapping. The same document is taken afterwards, so it must come again. The document is to blame for what it
holds: an odd value, too long a term, too deep a nest. OpenSearch names both by the type of an error and, where one type stands for many
things, by the start of its reason. Content of a document may stand further behind in a reason, and decides nothing.

Sources: OpenSearch 3.8's answers, as recorded in tests/unit/store/test_refusal.py.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

RETRYABLE: Final = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses after which the same request may succeed within seconds."""

NOT_FOUND: Final = 404
CONFLICT: Final = 409
TOO_LARGE: Final = 413
BAD_REQUEST: Final = 400
_INTERNAL: Final = 500
_DENIED: Final = frozenset({401, 403})
_DEEPEST: Final = 10
_LONGEST: Final = 300

# patterns, compiled at the first refusal: a cold start does not wait for them
# no type of an error about a document's content has one of these words
_OF_CLUSTER: Final = (
    "cluster|block|^index_|invalid_index|shard|security|author|forbidden|closed|rejected|circuit|timeout|alias|pipeline|template|strict_dynamic|settings"
    "|resource_already|routing_missing|node_|^validation_exception|data_stream|throttl|unavailable|task_cancelled|no_longer_primary"
)
ILLEGAL: Final = "illegal_argument_exception"
"""The one type with many meanings."""

_ILLEGAL_CLUSTER: Final = (
    r"shards?\b|pipeline|alias|write index|template|mapper|mapping|total fields|number of documents in the index|data stream|setting|node\b"
)
_ILLEGAL_DOCUMENT: Final = (
    r"immense term|bytes can be at most|nested doc|nesting|the depth of|too (large|long|deep)|is longer than|failed to parse|cannot parse"
    r"|malformed|field name|out of range|before the epoch|after 2262|invalid (date|value|format)"
)
_FIELD: Final = r"(?s)failed to parse field \[(.+?)\] of type \[(\w+)\]"
_OBJECT: Final = r"(?s)object mapping for \[(.+?)\] tried to parse field"
_CONTENT: Final = r"(?i)preview of field's value|original message|the prefix of the first immense term"


def read_error(answer: object) -> tuple[str, str]:
    """Returns the type and the whole reason, down to its root, of the error in OpenSearch's ``answer``; empty texts where it holds none.

    Args:
        answer: the decoded answer to a request, or one item of a bulk request's.
    """
    error = answer.get("error") if isinstance(answer, Mapping) else None
    if error is None and isinstance(answer, Mapping) and isinstance(failures := answer.get("failures"), list) and failures:
        # a request by query fails with the errors of its documents
        error = failures[0].get("cause") if isinstance(failures[0], Mapping) else None
    if isinstance(error, str):
        return "", error[:_LONGEST]
    if not isinstance(error, Mapping):
        return "", ""
    return str(error.get("type") or ""), _reason(error)


def is_page(text: str) -> bool:
    """Whether ``text`` is HTML or XML, which OpenSearch never answers: a proxy's page, or a login form."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def is_curable(status: int, kind: str, reason: str) -> bool:
    """Whether the cluster is to blame, so that the same document or request is taken once somebody has cured it.

    Args:
        status: the HTTP status of the request or of the item.
        kind: the type of the error; empty if OpenSearch names none.
        reason: the reason of the error.
    """
    if status == NOT_FOUND:
        return kind == "index_not_found_exception"
    if status != BAD_REQUEST:
        return status in RETRYABLE or status in _DENIED or status >= _INTERNAL
    if re.search(_OF_CLUSTER, kind):
        return True
    if kind == ILLEGAL:
        return not re.search(_ILLEGAL_DOCUMENT, _told(reason).lower())
    return _is_of_another_mapping(reason)


def may_be_content(status: int, kind: str, reason: str) -> bool:
    """Whether a document without its foreign content may be taken at once: the cluster is not clearly to blame for the refusal."""
    unclear = status == BAD_REQUEST and kind == ILLEGAL and not re.search(_ILLEGAL_CLUSTER, _told(reason).lower())
    return unclear or not is_curable(status, kind, reason)


def _told(reason: str) -> str:
    """What OpenSearch says itself, without the content that it quotes behind."""
    return re.split(_CONTENT, reason, maxsplit=1)[0]


def _is_of_another_mapping(reason: str) -> bool:
    """Whether ``reason`` names a field that has another type in the index than in tracejoin's mappings."""
    if "Cannot write to a field alias" in _told(reason):
        return True
    # imported here: it reads files, and hardly any document is refused
    from pipeline.store.own_mapping import own_types  # noqa: PLC0415

    if found := re.match(_FIELD, reason):
        field, kind = found.groups()
        parents = field.split(".")
        if any("flat_object" in own_types(".".join(parents[:end])) for end in range(1, len(parents))):
            return False
        return kind not in own_types(field)
    if found := re.match(_OBJECT, reason):
        return not own_types(found[1]) & {"object", "nested", "flat_object"}
    return False


def _reason(error: Mapping[str, Any]) -> str:
    """The reasons of an error from the outer one to its root, each once."""
    reasons: list[str] = []
    inner: Any = error
    for _ in range(_DEEPEST):
        if not isinstance(inner, Mapping):
            break
        if (reason := str(inner.get("reason") or inner.get("type") or "")) and not any(reason in known for known in reasons):
            reasons.append(reason[:_LONGEST])
        inner = _cause(inner)
    return ": ".join(reasons)


def _cause(error: Mapping[str, Any]) -> object:
    shards = error.get("failed_shards")
    if isinstance(shards, list) and shards and isinstance(shards[0], Mapping):
        shard = shards[0]
        reason = shard.get("reason")
        where = f"index {shard.get('index')}"
        return {"reason": where, "caused_by": reason}
    return error.get("caused_by")
