"""Context lines: adds to the hits of a search the lines before and after them in the same log streams, as `grep -C` does in a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from pipeline.model.index_days import log_indices_between
from pipeline.model.invocations import LAST_MILLI, LogStream, stream_of
from pipeline.model.timestamps import iso_millis, millis_of
from pipeline.search.read_records import as_recorded
from pipeline.search.search import newest_first, oldest_first
from pipeline.store.client import Store
from pipeline.store.probe import answers_to

Hit = dict[str, Any]

MOST_CONTEXT: Final = 100
"""The most lines before a hit, and after it."""
REACH: Final = timedelta(days=1)
"""How far in time a line of context may lie from its hit: beyond that it is no context, and an index of another week."""
# of one request: each asks for two lists of lines, which may be large
_HITS_A_REQUEST: Final = 50


@dataclass(slots=True)
class _Group:
    """Lines of one log stream without a gap between them, by id."""

    lines: dict[str, Hit] = field(default_factory=dict)

    def in_order(self) -> list[Hit]:
        return sorted(self.lines.values(), key=_place)


def with_context(hits: Sequence[Hit], store: Store, *, before: int, after: int) -> list[list[Hit]]:
    """Returns groups of hits with their context: runs of lines of one log stream, each in order, by the time of their first line.

    Every hit gets the key `context`: false for those given, true for the lines around them. A line stands in one group and once alone. A
    span, and a line without a log stream or a time, is a group of its own. There is one request for each fifty hits.

    Args:
        hits: of one search, as OpenSearch writes them, with `sort` by time and id, which in a log stream is the order of writing.
        store: OpenSearch.
        before: how many lines before each hit; at most MOST_CONTEXT, and not older than REACH.
        after: how many lines after it.
    """
    streams: dict[LogStream, list[Hit]] = {}
    groups: list[list[Hit]] = []
    for hit in hits:
        marked = hit | {"context": False}
        stream = stream_of(hit["_source"])
        if stream.log_stream and hit["_source"].get("@timestamp"):
            streams.setdefault(stream, []).append(marked)
        else:
            groups.append([marked])
    ordered = [hit for found in streams.values() for hit in sorted(found, key=_place)]
    around = dict(zip((hit["_id"] for hit in ordered), _around(ordered, store, before, after), strict=True))
    for found in streams.values():
        groups += [group.in_order() for group in _grouped(sorted(found, key=_place), around, before)]
    return sorted(groups, key=lambda group: _place(group[0]))


def _grouped(hits: Iterable[Hit], around: Mapping[str, tuple[list[Hit], list[Hit]]], most: int) -> Iterator[_Group]:
    """The hits of one log stream, in order, with what is around them: those whose lines overlap or touch are one group."""
    group = _Group()
    for hit in hits:
        earlier, later = around[hit["_id"]]
        # one more than is shown: where it is in the last group, no line is missing between the two
        touching = any(line["_id"] in group.lines for line in (hit, *earlier))
        if group.lines and not touching:
            yield group
            group = _Group()
        for line in (*earlier[:most], *later):
            group.lines.setdefault(line["_id"], line)
        group.lines[hit["_id"]] = hit
    if group.lines:
        yield group


def _around(hits: Sequence[Hit], store: Store, before: int, after: int) -> Iterator[tuple[list[Hit], list[Hit]]]:
    """For each hit the lines before it, nearest first, one more than asked for, and the lines after it."""
    rest = iter(hits)
    while page := list(islice(rest, _HITS_A_REQUEST)):
        wanted = ((before + 1, newest_first()), (after, oldest_first()))
        asked = [(log_indices_between(store.prefix, *_reach_of(hit)), _neighbours(hit, *most)) for hit in page for most in wanted]
        answers = answers_to(asked, store)
        # what failed alone, as on a closed index, is asked as any search is, which knows what to leave out
        found = [store.found(dict(answer)) if "error" not in answer else store.search(body, index=index)
                 for answer, (index, body) in zip(answers, asked, strict=True)]  # fmt: skip
        lines = [[line | {"context": True} for line in as_recorded(answer["hits"]["hits"], store)] for answer in found]
        yield from zip(lines[::2], lines[1::2], strict=True)


def _neighbours(hit: Hit, size: int, order: list[dict[str, Any]]) -> dict[str, Any]:
    """The body of the search for the ``size`` lines of a hit's log stream that follow it in this order."""
    stream = stream_of(hit["_source"])
    first, last = _reach_of(hit)
    between = {"gte": iso_millis(first), "lte": iso_millis(last)}
    named = {"aws.accountId": stream.account, "aws.logGroup": stream.log_group, "aws.logStream": stream.log_stream}
    filters = [{"range": {"@timestamp": between}}, *({"term": {name: value}} for name, value in named.items() if value)]
    return {"query": {"bool": {"filter": filters}}, "size": size, "sort": order, "search_after": hit["sort"]}


def _reach_of(hit: Hit) -> tuple[int, int]:
    """The times between which the context of a hit lies, in milliseconds since the epoch, UTC."""
    at, reach = millis_of(hit["_source"]["@timestamp"]), int(REACH.total_seconds() * 1000)
    return max(at - reach, 0), min(at + reach, LAST_MILLI)


def _place(hit: Hit) -> tuple[int, str]:
    """Where a hit stands in time, and among those of one moment."""
    at, id_ = hit["sort"]
    return int(at), str(id_)
