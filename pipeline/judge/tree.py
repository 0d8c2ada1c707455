"""A trace's segments as the tree that they are."""

from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import groupby

from pipeline.judge.verdict import ClientSaw
from pipeline.state import SegmentFact

SERVICE = "AWS::Lambda"
FUNCTION = "AWS::Lambda::Function"
_SERVER_ERROR = 500
_CLIENT_ERROR = 400


class Tree:
    """The segments of one trace; every order that it hands out is fixed, whatever order they arrived in."""

    def __init__(self, segments: Mapping[str, SegmentFact]) -> None:
        self.segments = dict(sorted(segments.items()))
        self._children: dict[str, list[SegmentFact]] = {}
        for fact in sorted(self.segments.values(), key=_by_time):
            self._children.setdefault(fact.parent_id, []).append(fact)

    def __iter__(self) -> Iterator[SegmentFact]:
        return iter(self.segments.values())

    def children(self, fact: SegmentFact) -> list[SegmentFact]:
        """The segments below ``fact``, by start time."""
        return [child for child in self._children.get(fact.id, ()) if child.id != fact.id]

    def parent(self, fact: SegmentFact) -> SegmentFact | None:
        """The segment above ``fact``, where it is known."""
        return self.segments.get(fact.parent_id) if fact.parent_id else None

    def ancestors(self, fact: SegmentFact) -> Iterator[SegmentFact]:
        """The segments above ``fact``, nearest first; a ring, which only odd documents make, is walked once."""
        seen = {fact.id}
        above = self.parent(fact)
        while above and above.id not in seen:
            seen.add(above.id)
            yield above
            above = self.parent(above)

    def below(self, fact: SegmentFact) -> Iterator[SegmentFact]:
        """Everything below ``fact``, at any depth."""
        seen = {fact.id}
        waiting = deque(self.children(fact))
        while waiting:
            child = waiting.popleft()
            if child.id not in seen:
                seen.add(child.id)
                yield child
                waiting += self.children(child)

    def path(self, fact: SegmentFact) -> tuple[str, ...]:
        """The names from the entry down to ``fact``."""
        names = (above.name for above in (*reversed(list(self.ancestors(fact))), fact))
        # a Lambda service segment and its function's share their name
        return tuple(name for name, _ in groupby(names))

    @cached_property
    def entry(self) -> SegmentFact | None:
        """The segment that the transaction came in by: without a parent, else with one that is unknown; then the earliest."""
        tops = [fact for fact in self if not fact.subsegment and self.parent(fact) is None]
        return min(tops, key=lambda fact: (bool(fact.parent_id), *_by_time(fact)), default=None)

    @cached_property
    def client_saw(self) -> ClientSaw:
        """What the caller of the entry was told."""
        entry = self.entry
        if entry is None or entry.in_progress:
            return "unknown"
        if entry.status is not None:
            return "error" if entry.status >= _CLIENT_ERROR else "success"
        return "error" if entry.fault or entry.error or entry.throttle else "success"

    def answered(self, fact: SegmentFact) -> bool:
        """Whether the callee of a propagated call has a segment."""
        return any(not child.subsegment for child in self.children(fact))

    def function_of(self, service: SegmentFact) -> SegmentFact | None:
        """The AWS::Lambda::Function segment of a Lambda service segment."""
        return next((child for child in self.children(service) if child.origin == FUNCTION), None)


def failed(fact: SegmentFact) -> bool:
    """Whether a Lambda segment says that its function failed: AWS writes fault or error, and not always the same."""
    return fact.fault or fact.error or fact.cause or (fact.status or 0) >= _SERVER_ERROR


def faulted(fact: SegmentFact) -> bool:
    """Whether a segment says that the server side failed; of Lambda's own segments `error` says it as well as `fault`."""
    return failed(fact) if fact.origin in {SERVICE, FUNCTION} else fact.fault or (fact.status or 0) >= _SERVER_ERROR


def _by_time(fact: SegmentFact) -> tuple[int, str]:
    return fact.start or 0, fact.id
