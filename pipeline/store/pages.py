"""Pages: reads a search of any length page after page, all of one moment where OpenSearch keeps that."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from pipeline.errors import BadInputError, TracejoinError
from pipeline.store.client import Store

_SIZE: Final = 1000
_KEEP_ALIVE: Final = "5m"
# an error, rather than an answer or a point in time that lacks an index
_WHOLE: Final = {"allow_partial_search_results": "false"}
_WHOLE_PIT: Final = {"expand_wildcards": "open,closed", "allow_partial_pit_creation": "false"}


def pages(
    store: Store, body: Mapping[str, Any], *, index: str, size: int = _SIZE, frozen: bool = True,
    next_size: Callable[[Sequence[dict[str, Any]]], int] | None = None,
) -> Generator[list[dict[str, Any]], None, None]:  # fmt: skip
    """Yields every hit of a search, as OpenSearch writes it, page after page.

    Args:
        store: OpenSearch.
        body: the search, without `size`; its `sort` must tell all documents apart.
        index: the pattern to search.
        size: hits a page.
        frozen: whether all pages show one moment (a point in time), where OpenSearch supports that.
        next_size: returns how many hits the next page has, from those of the last one; None for ``size`` each time.
    """
    search: dict[str, Any] = {**body, "size": size}
    pit = _open(store, index) if frozen else ""
    try:
        while True:
            answer, pit = _page(store, search, index, pit)
            hits = answer["hits"]["hits"]
            if hits:
                yield hits
            if len(hits) < search["size"]:
                return
            search["search_after"] = hits[-1]["sort"]
            search["size"] = next_size(hits) if next_size else size
    finally:
        _close(store, pit)


def _page(store: Store, search: dict[str, Any], index: str, pit: str) -> tuple[dict[str, Any], str]:
    if pit:
        try:
            answer = store.found(store.request("POST", "/_search", {**search, "pit": {"id": pit, "keep_alive": _KEEP_ALIVE}}, _WHOLE))
            return answer, answer.get("pit_id", pit)
        except BadInputError:
            # the point in time ends after some minutes without a read; a search that is wrong in itself is refused again below
            _close(store, pit)
    return store.search(search, index=index), ""


def _open(store: Store, index: str) -> str:
    """The id of a new point in time; empty where OpenSearch gives none.

    That is so without an index, without support or permission, with too many open ones, and where an index is closed or lacks shards.
    """
    path = f"/{quote(index, safe=',*-')}/_search/point_in_time"
    try:
        return str(store.request("POST", path, params={"keep_alive": _KEEP_ALIVE, **_WHOLE_PIT})["pit_id"])
    except (TracejoinError, KeyError, TypeError):
        # the search that follows reports what is wrong
        return ""


def _close(store: Store, pit: str) -> None:
    if pit:
        # a point in time that stays open ends by itself
        with suppress(TracejoinError):
            store.request("DELETE", "/_search/point_in_time", {"pit_id": [pit]})
