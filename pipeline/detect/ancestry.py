"""Ancestry: what each segment gets from the segments above it, found once from the top down, so that no rule walks a deep trace again."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import msgspec

from pipeline.model.facts import SegmentFact

_LONGEST_PATH = 64


class Ancestry(msgspec.Struct, frozen=True):
    """What a segment gets from the segments above it.

    Attributes:
        fact: the segment.
        above: its parent; None for the first segment, and for the one at which a ring is entered, which only odd documents make.
        depth: how many segments and subsegments are above it.
        path: the names from the entry down to it; a very long path keeps its first name and its last ones.
        service_name: its own service, else that of the segment around it; empty if neither names one.
    """

    fact: SegmentFact
    above: SegmentFact | None
    depth: int
    path: tuple[str, ...]
    service_name: str


def ancestries_of(
    facts: Iterable[SegmentFact], parent: Callable[[SegmentFact], SegmentFact | None], children: Callable[[SegmentFact], list[SegmentFact]]
) -> dict[str, Ancestry]:
    """Gives the ancestry of each of ``facts`` by its id, parents before children."""
    found: dict[str, Ancestry] = {}
    for fact in facts:
        if fact.id not in found:
            found |= ((each.fact.id, each) for each in _descent(_top(fact, parent), children))
    return found


def nearest_exceptions(ancestries: dict[str, Ancestry], children: Callable[[SegmentFact], list[SegmentFact]]) -> dict[str, SegmentFact]:
    """Gives, by id, the segment itself if it names an exception, else the nearest one below it that does."""
    found: dict[str, tuple[int, SegmentFact]] = {}
    for fact in (ancestry.fact for ancestry in reversed(ancestries.values())):
        own = (0, fact) if fact.exception_type or fact.exception_message else None
        below = (found[child.id] for child in children(fact) if child.id in found)
        if nearest := own or min(below, key=lambda pair: pair[0], default=None):
            found[fact.id] = nearest[0] + 1, nearest[1]
    return {id_: fact for id_, (_, fact) in found.items()}


def _top(fact: SegmentFact, parent: Callable[[SegmentFact], SegmentFact | None]) -> SegmentFact:
    """The first segment above ``fact``, or the one at which a ring is entered from it."""
    seen: set[str] = set()
    while fact.id not in seen and (above := parent(fact)):
        seen.add(fact.id)
        fact = above
    return fact


def _descent(top: SegmentFact, children: Callable[[SegmentFact], list[SegmentFact]]) -> Iterator[Ancestry]:
    seen = {top.id}
    waiting = deque([Ancestry(top, None, 0, (top.name,), top.service_name)])
    while waiting:
        here = waiting.popleft()
        yield here
        for child in children(here.fact):
            if child.id not in seen:
                seen.add(child.id)
                path = _longer(here.path, child.name)
                waiting.append(Ancestry(child, here.fact, here.depth + 1, path, child.service_name or here.service_name))


def _longer(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    # a Lambda service segment and its function's share their name
    found = path if path[-1] == name else (*path, name)
    return found if len(found) <= _LONGEST_PATH else (found[0], "…", *found[2 - _LONGEST_PATH :])
