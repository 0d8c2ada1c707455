"""Client: sends requests to OpenSearch, narrows the answers to types, and maps failures to our errors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeVar, cast
from urllib.parse import quote

import msgspec
from isal import igzip
from opensearchpy import OpenSearch

from pipeline.errors import BadInputError, MisconfiguredError, UnavailableError
from pipeline.store.bulk_bodies import bulk_bodies
from pipeline.store.failure import NO_JSON, RAISED, NotFoundError, failure_of
from pipeline.store.left_out import LeftOut, lacks_shards, unsearchable
from pipeline.store.login import FixedLogin, SecretLogin
from pipeline.store.old_days import delete_old_days, has_lifecycle
from pipeline.store.refusal import NOT_FOUND, read_error
from pipeline.store.results import CREATED, Hit, ItemResult, item_result

T = TypeVar("T")

# lower case: opensearch-py adds its own otherwise
_NDJSON = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
_RESULT_FIELDS = "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
TEMPLATES = (
    "logs", "spans", "traces", "links", "alerts", "issues", "dead-letters", "holds", "sampled-out", "service-map-v1", "service-map-v2",
)  # fmt: skip
"""The index templates that `setup` installs, each behind the prefix."""

_FORBIDDEN = 403
_NO_INDEX = "index_not_found_exception"
_NO_ANSWER = "answers with half of what was asked for, or is no OpenSearch"
_PAGE = 1000
# a page is small until it shows how large its documents are: of a log line up to half a MiB
_FIRST_PAGE = 250
_SMALL_PAGE = 1024 * 1024
# hits without their documents, or with a few fields
_SMALL_HITS = 5000
_REFRESH_SECONDS = 10
# OpenSearch waits so long for shards, of one index or all; the client would take `timeout` alone for its own
_BULK_WAIT = {"timeout": "10s", "request_timeout": 30}
_HEALTH_WAIT = {"timeout": "5s", "request_timeout": 10}
_LENIENT = {"ignore_unavailable": "true", "allow_no_indices": "true"}
_encoder = msgspec.json.Encoder()


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of OpenSearch can do, and what it cannot.

    Attributes:
        visible_after: seconds after which every search and get returns a write; 0 where gets return it at once, and searches
            after `refresh`.
        overlay: the folder in `mappings/` with merge patches to the files of the same name; empty for none.
        absent: the kinds of change of `setup` that it does not support, each with the reason in words.
    """

    visible_after: float = 0
    overlay: str = ""
    absent: Mapping[str, str] = {}


class Store:
    """A connection to OpenSearch; `pipeline.store.serverless` overrides what differs in OpenSearch Serverless.

    Every method raises UnavailableError where trying again may help, MisconfiguredError where the endpoint or the
    credentials are wrong, and BadInputError where OpenSearch refuses the request itself.
    """

    capabilities = Capabilities()
    # the version that compare-and-set compares: how a search asks for it, and in which fields an answer has it
    _version_request: ClassVar[Mapping[str, Any]] = {"seq_no_primary_term": True}
    _version_fields: tuple[str, ...] = ("_seq_no", "_primary_term")
    read_method = "POST"
    # what lists the index templates
    _templates = "/_index_template/{prefix}-*"
    # asks for an error where an index would be skipped
    whole: ClassVar[Mapping[str, str]] = {
        "allow_no_indices": "true",
        "expand_wildcards": "open,closed",
        "allow_partial_search_results": "false",
    }
    _access = "set TRACEJOIN_OPENSEARCH_SECRET, or TRACEJOIN_USERNAME and TRACEJOIN_PASSWORD, or for Amazon's give this role access"

    def __init__(self, client: OpenSearch, *, endpoint: str, prefix: str, login: FixedLogin | SecretLogin | None = None) -> None:
        self._client = client
        self.endpoint = endpoint
        self.prefix = prefix
        self._attempt = login.attempt if login else _once
        self._mask: Callable[[str], str] = login.mask if login else str
        self._has_templates = False
        self.left_out = LeftOut()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Sends one request and returns the decoded answer."""
        send = self._client.transport.perform_request
        answer = self._attempt(
            lambda: self._call(lambda: send(method, path, params=dict(params or {}), body=body, headers=dict(headers or {})))
        )
        if not isinstance(answer, dict | list):
            raise UnavailableError(f"OpenSearch at {self.endpoint} {NO_JSON}")
        return cast("dict[str, Any]", answer)

    def find(self, method: str, path: str, body: object = None) -> dict[str, Any] | None:
        """Sends one request and returns the decoded answer; None where OpenSearch answers 404."""
        try:
            return self.request(method, path, body)
        except NotFoundError:
            return None

    def require_templates(self) -> None:
        """Raises MisconfiguredError where an index template is missing: OpenSearch would guess the types of fields.

        It asks once, and again after a bulk request that did not find an index or a document. One who may not ask may write all the same.
        """
        if self._has_templates:
            return
        try:
            found = self.find("GET", self._templates.format(prefix=self.prefix))
            with self.understood():
                names = {template["name"] for template in found["index_templates"]} if found is not None else set()
        except MisconfiguredError as error:
            if error.status != _FORBIDDEN:
                raise
        else:
            if missing := [name for name in TEMPLATES if f"{self.prefix}-{name}" not in names]:
                what = "nothing is" if len(missing) == len(TEMPLATES) else f"the index templates of {', '.join(missing)} are not"
                raise MisconfiguredError(
                    [f"{what} installed at {self.endpoint} for the prefix {self.prefix!r}: run `tracejoin setup` first"]
                )
        self._has_templates = True

    def bulk(self, body: bytes, *, versions: bool = False) -> list[ItemResult]:
        """Sends one bulk body and returns one result an item, in the order of the body.

        Args:
            body: gzipped NDJSON.
            versions: whether the results hold the documents' new versions, for a later compare-and-set.
        """
        with self.understood():
            items = [raw for item in self._bulk(body, versions=versions) for raw in item.values()]
            return [CREATED if not versions and raw["status"] == CREATED.status else item_result(raw) for raw in items]

    def _bulk(self, body: bytes, *, versions: bool) -> list[dict[str, Any]]:
        # this filter drops no item, since every item has a status
        wanted = ",".join((_RESULT_FIELDS, *(f"items.*.{name}" for name in self._version_fields if versions)))
        answer = self.request("POST", "/_bulk", body, {"filter_path": wanted, **_BULK_WAIT}, _NDJSON)
        if answer.get("errors") and any(item["status"] == NOT_FOUND for each in answer["items"] for item in each.values()):
            # somebody may have removed everything
            self._has_templates = False
        return cast("list[dict[str, Any]]", answer["items"])

    def write(self, lines: Sequence[object]) -> list[ItemResult]:
        """Writes ``lines`` (action, document, action, document, …; `delete` has no document) and returns one result an item."""
        results: list[ItemResult] = []
        for body, actions in bulk_bodies(lines):
            found = self.bulk(igzip.compress(body, 1), versions=True)
            with self.understood():
                results += [_with_index(result, action) for result, action in zip(found, actions, strict=True)]
        return results

    def get_many(self, addresses: Sequence[tuple[str, str]], *, source: Sequence[str] = ()) -> list[Hit | None]:
        """Returns the documents at these (index, id) pairs, in their order, None for absent ones; realtime, so no refresh is needed."""
        found: list[Hit | None] = []
        for start in range(0, len(addresses), _PAGE):
            docs = [{"_index": index, "_id": id_} for index, id_ in addresses[start : start + _PAGE]]
            answer = self.request(self.read_method, "/_mget", {"docs": docs}, {"_source_includes": ",".join(source)} if source else {})
            with self.understood():
                found += [self._got(doc) for doc, _ in zip(answer["docs"], docs, strict=True)]
        return found

    def _got(self, doc: Mapping[str, Any]) -> Hit | None:
        if doc.get("found"):
            return self._hit(doc)
        if "error" not in doc:
            return None
        kind, reason = read_error(doc)
        if kind and kind != _NO_INDEX:
            # nobody knows whether the document exists
            error = UnavailableError(f"OpenSearch at {self.endpoint} can't read {doc.get('_index')} ({kind}: {self._mask(reason)})")
            error.kind = kind
            raise error
        return None

    @staticmethod
    def compare_and_set(index: str, id_: str, seq_no: int, primary_term: int) -> dict[str, Any]:
        """Returns the bulk action that writes a document if it is unchanged since it was read; a negative ``seq_no`` means: not there."""
        if seq_no < 0:
            return {"create": {"_index": index, "_id": id_}}
        return {"index": {"_index": index, "_id": id_, "if_seq_no": seq_no, "if_primary_term": primary_term}}

    def delete_older(self, index: str, field: str, *, days: int, query: Sequence[Mapping[str, Any]] = ()) -> int:
        """Deletes the documents of ``index`` that match ``query`` and whose ``field`` is older than ``days``; returns how many."""
        body = {"query": {"bool": {"filter": [*query, {"range": {field: {"lt": f"now-{days}d"}}}]}}}
        answer = self.request("POST", f"/{index}/_delete_by_query", body, {"conflicts": "proceed", "ignore_unavailable": "true"})
        with self.understood():
            return int(answer["deleted"])

    def expire(self, *, days: int) -> int:
        """Deletes the daily indices older than ``days`` where no lifecycle policy does so; returns how many."""
        return 0 if has_lifecycle(self) else delete_old_days(self, days)

    def refresh(self, pattern: str = "") -> None:
        """Makes earlier writes visible to `search` and `scan`, but for those in indices that are left out; all, or those of ``pattern``."""
        pattern = pattern or f"{self.prefix}-*"
        if self.left_out.is_used:
            self.left_out.add(self._red(pattern), pattern)
        try:
            self._refresh(pattern)
        except UnavailableError as error:
            # it waits a minute for shards that are away, and tells nothing of them
            if error.status or not self.left_out.add(self._red(pattern), pattern):
                raise
            self._refresh(pattern)

    def _refresh(self, pattern: str) -> None:
        path = f"/{quote(self.left_out.narrowed(pattern), safe=',*-')}/_refresh"
        self.request("POST", path, params={"allow_no_indices": "true", "request_timeout": _REFRESH_SECONDS})

    def search(self, body: Mapping[str, Any], *, index: str | None = None) -> dict[str, Any]:
        """Runs one search and returns its answer; it covers logs, spans and traces unless ``index`` names a pattern.

        An index of the pattern that can't be searched now is left out; `left_out` tells which.
        """
        pattern, asked = index or self.everything, False
        while True:
            try:
                return self._search(body, self.left_out.narrowed(pattern), self.whole)
            except NotFoundError:
                # an index that is named in full is not there yet
                return self._search(body, pattern, _LENIENT)
            except (UnavailableError, BadInputError) as error:
                if not self.left_out.add(unsearchable(error), pattern):
                    if asked or not lacks_shards(error):
                        raise
                    self._wait_for_shards(pattern)
                    self.left_out.add(self._red(pattern), pattern)
                    asked = True

    def _search(self, body: Mapping[str, Any], pattern: str, params: Mapping[str, str]) -> dict[str, Any]:
        return self.found(self.request("POST", f"/{quote(pattern, safe=',*-')}/_search", body, params))

    def _wait_for_shards(self, pattern: str) -> None:
        """Gives shards that are away a few seconds to come."""
        with suppress(UnavailableError):
            self.request("GET", _health(pattern), params={"wait_for_status": "yellow", **_HEALTH_WAIT})

    def _red(self, pattern: str) -> list[str]:
        """The names of the indices with shards that are away."""
        params = {"level": "indices", "filter_path": "indices.*.status"}
        found = self.request("GET", _health(pattern), params=params).get("indices", {})
        with self.understood():
            return [name for name, about in found.items() if about["status"] == "red"]

    def found(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Returns ``answer``, which has the hits of a search. Raises UnavailableError where it has not, as a half answer."""
        with self.understood():
            if not isinstance(answer["hits"]["hits"], list):
                raise TypeError
        return answer

    def scan(self, query: Mapping[str, Any], *, index: str, source: Sequence[str] | bool = True) -> Iterator[Hit]:
        """Yields every hit of ``query`` with its version, oldest first."""
        oldest_first: list[dict[str, Any]] = [{"@timestamp": {"order": "asc", "unmapped_type": "date_nanos"}}]
        size = _FIRST_PAGE if source is True else _SMALL_HITS
        body: dict[str, Any] = {"query": query, "size": size, "sort": oldest_first, "_source": source, **self._version_request}
        seen: set[tuple[str, str]] = set()
        while True:
            hits = self.search(body, index=index)["hits"]["hits"]
            yield from (self._hit(hit) for hit in hits if (hit["_index"], hit["_id"]) not in seen)
            if len(hits) < body["size"]:
                return
            if len(body["sort"]) == 1:
                # only now by id, too: for this OpenSearch holds all ids of the index in memory
                last = hits[-1]["sort"]
                seen = {(hit["_index"], hit["_id"]) for hit in hits if hit["sort"] == last}
                body |= {"sort": [*oldest_first, {"_id": "asc"}], "search_after": [*last, ""]}
            else:
                body["search_after"] = hits[-1]["sort"]
            body["size"] = _PAGE if source is not True or len(_encoder.encode(hits)) < _SMALL_PAGE else _FIRST_PAGE

    def fetch(self, hits: Sequence[Hit]) -> list[Hit]:
        """Returns the whole documents of ``hits`` as searches see them, in any order, a few at a time, since they may be large."""
        found: list[Hit] = []
        for start in range(0, len(hits), _FIRST_PAGE):
            page = {(hit.index, hit.id) for hit in hits[start : start + _FIRST_PAGE]}
            indices = sorted({index for index, _ in page})
            # in another index the same id may stand for another document
            body = {"query": {"ids": {"values": [id_ for _, id_ in page]}}, "size": len(page) * len(indices), **self._version_request}
            answer = self.search(body, index=",".join(indices))
            found += [self._hit(hit) for hit in answer["hits"]["hits"] if (hit["_index"], hit["_id"]) in page]
        return found

    @property
    def lines_and_spans(self) -> str:
        """The index pattern that covers logs and spans, held ones included."""
        return f"{self.prefix}-logs-*,{self.prefix}-spans-*,{self.prefix}-kept-*"

    @property
    def everything(self) -> str:
        """The index pattern that covers logs, spans and traces; it needs no alias."""
        return f"{self.lines_and_spans},{self.prefix}-traces"

    def _hit(self, raw: Mapping[str, Any]) -> Hit:
        """The hit of a search, or a document of a get, as a Hit."""
        return Hit(index=raw["_index"], id=raw["_id"], source=raw.get("_source", {}), seq_no=raw.get("_seq_no", -1),
                   primary_term=raw.get("_primary_term", -1))  # fmt: skip

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Makes an answer that lacks what every answer of OpenSearch has, such as a half one, an UnavailableError."""
        try:
            yield
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, StopIteration) as error:
            raise UnavailableError(f"OpenSearch at {self.endpoint} {_NO_ANSWER} ({type(error).__name__})") from error

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except RAISED as error:
            # a traceback prints the cause, too
            cause = error if self._mask(str(error)) == str(error) else None
            raise failure_of(error, endpoint=self.endpoint, access=self._access, mask=self._mask) from cause


def _health(pattern: str) -> str:
    return f"/_cluster/health/{quote(pattern, safe=',*-')}"


def _once(call: Callable[[], T]) -> T:
    return call()


def _with_index(result: ItemResult, action: object) -> ItemResult:
    """``result``, with the index of its ``action`` if it is a refusal."""
    if result.ok or result.conflict:
        return result
    (metadata,) = msgspec.to_builtins(action).values()
    return msgspec.structs.replace(result, index=str(metadata["_index"]))
