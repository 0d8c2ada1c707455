"""Serverless: adapts the Store to a collection of type SEARCH in OpenSearch Serverless. No other module depends on the difference.

Sources, in AWS' OpenSearch Service Developer Guide: "Supported operations and plugins in Amazon OpenSearch Serverless" (the operations;
none of `_refresh`, `_delete_by_query`, ISM and Alerting is among them), "What is Amazon OpenSearch Serverless?" (limitations: it sets
shards and refresh interval itself). docs/serverless.md tells operators what follows, and what AWS leaves open.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec

from pipeline.errors import MisconfiguredError
from pipeline.store.client import Capabilities, Store
from pipeline.store.external_version import Item, items_of, versioned_result
from pipeline.store.old_days import delete_old_days
from pipeline.store.pages import pages
from pipeline.store.results import Hit, ItemResult

_Address = tuple[str, str]

_CONFLICT: Final = ItemResult(409, "somebody else wrote it meanwhile, or it can't be read yet")
_MOST_REMEMBERED: Final = 2000
_PAGE: Final = 1000
# one sweep deletes at most so many pages of an index; the next one goes on
_MOST_PAGES: Final = 20


class ServerlessStore(Store):
    """A connection to a collection of type SEARCH.

    - Nothing can be refreshed: a write shows in searches after about ten seconds, up to a minute, and AWS does not promise that a
      get shows it earlier. So this class remembers its own recent writes, and callers that depend on seeing the writes of others wait
      for `Capabilities.visible_after`.
    - Sequence numbers are not documented there, and its answers show them as 0. So compare-and-set goes by versions: a write with
      version n + 1 and `version_type` external fails unless the stored version is n or less. The callers' `seq_no` is that n.
    """

    capabilities = Capabilities(
        visible_after=60,
        overlay="serverless",
        absent={
            "policy": "OpenSearch Serverless has no Index State Management: resolve's sweep deletes old indices",
            "role": "OpenSearch Serverless has no security plugin: the collection's data access policy says who may do what",
            "monitor": "OpenSearch Serverless has no Alerting plugin: alerts come by SNS and CloudWatch alone",
        },
    )
    _version_request: ClassVar[Mapping[str, Any]] = {"version": True}
    _version_fields = ("_version",)
    # AWS' table of operations lists only GET
    read_method = "GET"
    # AWS' table knows the name of one, and none
    _templates = "/_index_template"
    # its indices are never closed, and it has no health to ask for
    whole: ClassVar[Mapping[str, str]] = {"ignore_unavailable": "true", "allow_no_indices": "true"}
    _access = "give this role aoss:APIAccessAll on the collection, and a place in its data access policy (docs/serverless.md)"

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._written = _ReadYourWrites(lambda: 2 * self.capabilities.visible_after)

    def refresh(self, pattern: str = "") -> None:
        """Does nothing: a write becomes visible by itself."""
        del pattern

    def bulk(self, body: bytes, *, versions: bool = False) -> list[ItemResult]:
        """Like `Store.bulk`; an index that is not found counts as retryable."""
        with self.understood():
            return [versioned_result(*next(iter(item.items()))) for item in self._bulk(body, versions=versions)]

    def write(self, lines: Sequence[object]) -> list[ItemResult]:
        """Like `Store.write`, with versions for sequence numbers; a conditional `update` writes the whole document."""
        items = list(items_of(lines))
        current = self._read([item.address for item in items if item.kind == "update" and item.expected is not None])
        results: dict[int, ItemResult] = {}
        sent: dict[int, Item] = {}
        for number, item in enumerate(items):
            change = item.versioned(current.get(item.address))
            if change is None:
                results[number] = _CONFLICT
            else:
                sent[number] = change
        answers = super().write([line for item in sent.values() for line in item.lines()])
        for (number, item), result in zip(sent.items(), answers, strict=True):
            results[number] = item.with_new_version(result)
            self._remember(item, results[number])
        return [results[number] for number in range(len(items))]

    def _red(self, pattern: str) -> list[str]:
        """None that it tells of: the search is tried once more."""
        del pattern
        return []

    def get_many(self, addresses: Sequence[_Address], *, source: Sequence[str] = ()) -> list[Hit | None]:
        """Like `Store.get_many`; what this process wrote lately comes from memory, with its whole source."""
        found = super().get_many(addresses, source=source)
        return [self._written.newest(address, hit) for address, hit in zip(addresses, found, strict=True)]

    def scan(self, query: Mapping[str, Any], *, index: str, source: Sequence[str] | bool = True) -> Iterator[Hit]:
        """Like `Store.scan`, without hits of which this process wrote a newer version; a later scan returns that version."""
        yield from (hit for hit in super().scan(query, index=index, source=source) if not self._written.outdates(hit))

    def fetch(self, hits: Sequence[Hit]) -> list[Hit]:
        """Like `Store.fetch`; what this process wrote lately comes from memory."""
        return [hit for hit in self.get_many([(hit.index, hit.id) for hit in hits]) if hit]

    def delete_older(self, index: str, field: str, *, days: int, query: Sequence[Mapping[str, Any]] = ()) -> int:
        """Like `Store.delete_older`, page by page, each document by its version; one call deletes a bounded number."""
        body = {
            "query": {"bool": {"filter": [*query, {"range": {field: {"lt": f"now-{days}d"}}}]}},
            "sort": [{field: {"order": "asc", "unmapped_type": "date_nanos"}}, {"_id": "asc"}],
            "_source": False,
            **self._version_request,
        }
        deleted = 0
        for number, page in enumerate(pages(self, body, index=index, size=_PAGE, frozen=False), 1):
            hits = map(self._hit, page)
            actions = [{"delete": {"_index": hit.index, "_id": hit.id, "if_seq_no": hit.seq_no}} for hit in hits]
            for result in self.write(actions):
                deleted += result.ok
                if not (result.ok or result.gone or result.conflict):
                    result.raise_for_failure(f"the deletion of what is older than {days} days in {index}")
            if number == _MOST_PAGES:
                break
        return deleted

    def expire(self, *, days: int) -> int:
        """Deletes the daily indices that were created more than ``days`` ago, as the lifecycle policy does elsewhere."""
        return delete_old_days(self, days)

    def _hit(self, raw: Mapping[str, Any]) -> Hit:
        version = raw.get("_version")
        if version is None:
            problem = f"{self.endpoint} shows no version of {raw['_index']}/{raw['_id']}, so nothing can be written there safely"
            raise MisconfiguredError([problem])
        return Hit(index=raw["_index"], id=raw["_id"], source=raw.get("_source", {}), seq_no=version, primary_term=0)

    def _read(self, addresses: Sequence[_Address]) -> dict[_Address, Hit]:
        return {(hit.index, hit.id): hit for hit in self.get_many(list(dict.fromkeys(addresses))) if hit}

    def _remember(self, item: Item, result: ItemResult) -> None:
        if item.kind in {"create", "index"} and result.ok:
            source = msgspec.json.decode(msgspec.json.encode(item.document))
            self._written.add(Hit(index=item.address[0], id=item.address[1], source=source, seq_no=result.seq_no, primary_term=0))
        elif result.ok:
            self._written.drop(item.address)


class _ReadYourWrites:
    """The recent writes of this process, until every get and search shows them; ``lasts`` returns how many seconds that takes."""

    def __init__(self, lasts: Callable[[], float]) -> None:
        self._lasts = lasts
        self._hits: dict[_Address, tuple[float, Hit]] = {}

    def add(self, hit: Hit) -> None:
        """Remembers a written document; forgets the oldest where there are too many."""
        address = hit.index, hit.id
        self._hits.pop(address, None)
        self._hits[address] = time.monotonic(), hit
        if len(self._hits) > _MOST_REMEMBERED:
            del self._hits[next(iter(self._hits))]

    def drop(self, address: _Address) -> None:
        """Forgets a document whose content this process does not know any more."""
        self._hits.pop(address, None)

    def newest(self, address: _Address, found: Hit | None) -> Hit | None:
        """Returns the newer one of the remembered document and the ``found`` one."""
        at, hit = self._hits.get(address, (0.0, None))
        if hit and time.monotonic() - at > self._lasts():
            self.drop(address)
            return found
        return found if hit is None or (found and found.seq_no >= hit.seq_no) else hit

    def outdates(self, hit: Hit) -> bool:
        """Whether a newer version of ``hit`` is remembered."""
        return self.newest((hit.index, hit.id), hit) is not hit
