"""Segment tree: the segments of a trace by parent and child, and what follows from the tree alone."""

from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property

from pipeline.detect.ancestry import Ancestry, ancestries_of
from pipeline.detect.segment_outcome import (
    CLIENT_ERROR,
    FUNCTION,
    SERVER_ERROR,
    SERVICE,
    Call,
    call_of,
    crashed,
    failed,
    faulted,
    throttled,
)
from pipeline.detect.verdict import SegmentStatus
from pipeline.model.facts import SegmentFact


class SegmentTree:
    """The segments of one trace; the order of what it gives does not depend on the order in which they arrived."""

    def __init__(self, segments: Mapping[str, SegmentFact]) -> None:
        self.segments = dict(sorted(segments.items()))
        self._children: dict[str, list[SegmentFact]] = {}
        self._successes: dict[str, dict[Call, int]] = {}
        self._functions: dict[str, list[SegmentFact]] = {}
        for fact in sorted(self.segments.values(), key=_by_time):
            self._children.setdefault(fact.parent_id, []).append(fact)

    def __iter__(self) -> Iterator[SegmentFact]:
        return iter(self.segments.values())

    def children(self, fact: SegmentFact) -> list[SegmentFact]:
        """Gives the segments directly below ``fact``, by start time."""
        return [child for child in self.children_of(fact.id) if child.id != fact.id]

    def children_of(self, id_: str) -> list[SegmentFact]:
        """Gives the segments that name ``id_`` as their parent, by start time."""
        return self._children.get(id_, [])

    def parent(self, fact: SegmentFact) -> SegmentFact | None:
        """Gives the segment directly above ``fact``; None if it is unknown."""
        return self.segments.get(fact.parent_id) if fact.parent_id and fact.parent_id != fact.id else None

    @cached_property
    def ancestries(self) -> dict[str, Ancestry]:
        """The ancestry of each segment by its id, parents before children."""
        return ancestries_of(self, self.parent, self.children)

    def ancestors(self, fact: SegmentFact) -> Iterator[SegmentFact]:
        """Gives the segments above ``fact``, nearest first."""
        above = self.ancestries[fact.id].above
        while above:
            yield above
            above = self.ancestries[above.id].above

    def below(self, fact: SegmentFact) -> Iterator[SegmentFact]:
        """Gives every segment below ``fact``, at any depth."""
        seen = {fact.id}
        waiting = deque(self.children(fact))
        while waiting:
            child = waiting.popleft()
            if child.id not in seen:
                seen.add(child.id)
                yield child
                waiting += self.children(child)

    def depth(self, fact: SegmentFact) -> int:
        """Counts the segments and subsegments above ``fact``."""
        return self.ancestries[fact.id].depth if fact.id in self.ancestries else 0

    def path(self, fact: SegmentFact) -> tuple[str, ...]:
        """Gives the names from the entry down to ``fact``."""
        return self.ancestries[fact.id].path if fact.id in self.ancestries else (fact.name,)

    @cached_property
    def entry(self) -> SegmentFact | None:
        """The segment by which the transaction came in: one without a parent, else one whose parent is unknown; the earliest of them."""
        tops = [fact for fact in self if self.parent(fact) is None]
        # subsegments alone are a trace whose segment is still to come; a ring, which only odd documents make, has no top
        candidates = [fact for fact in tops if not fact.subsegment] or ([] if tops else list(self))
        return min(candidates, key=lambda fact: (bool(fact.parent_id), *_by_time(fact)), default=None)

    def answered(self, fact: SegmentFact) -> bool:
        """Whether the segment of a propagated call's callee is known."""
        return any(not child.subsegment for child in self.children(fact))

    def last_success(self, parent: SegmentFact) -> dict[Call, int]:
        """Gives, for each call made below ``parent``, when the last successful one began (nanoseconds since the epoch)."""
        if parent.id not in self._successes:
            self._successes[parent.id] = {
                call_of(child): child.start or 0 for child in self.children(parent) if self.went_well(child)
            }  # fmt: skip
        return self._successes[parent.id]

    def went_well(self, fact: SegmentFact) -> bool:
        """Whether a call was answered, and neither the call nor the function that answered it failed."""
        if faulted(fact) or fact.error or fact.throttle or fact.in_progress or fact.function_error or fact.failed_items:
            return False
        return not any(child.origin == SERVICE and self.culprit_of(child) for child in self.children(fact))

    def culprit_of(self, service: SegmentFact) -> SegmentFact | None:
        """Gives the segment by which a Lambda service's function failed: its last attempt's, else the service's; None if neither failed."""
        functions = self.functions_of(service)
        # with several attempts the service's own flags may be about an earlier one
        suspects = functions[-1:] if len(functions) > 1 else [*functions, service]
        handlers = [handler for function in functions[-1:] for handler in self.handlers_of(function)]
        return next((fact for fact in suspects if failed(fact)), next((handler for handler in handlers if crashed(handler)), None))

    def is_refusal(self, fact: SegmentFact) -> bool:
        """Whether a call was refused as the caller's own mistake: the same call made again would fail again."""
        return CLIENT_ERROR <= (fact.status or 0) < SERVER_ERROR and not throttled(fact)

    def attempts_of(self, service: SegmentFact) -> list[SegmentFact]:
        """Gives the attempts of an asynchronous invocation by start time: their subsegments, else their functions' segments."""
        named = [child for child in self.children(service) if child.subsegment and child.name.startswith("Attempt")]
        return named or self.functions_of(service)

    def attempt_went_well(self, attempt: SegmentFact) -> bool:
        """Whether neither an attempt nor its function failed."""
        functions = [child for child in self.children(attempt) if child.origin == FUNCTION]
        # its function may be beside it, below the service's segment
        beside = [other for other in self.children_of(attempt.parent_id) if other.origin == FUNCTION and _during(other, attempt)]
        functions = functions or beside or ([attempt] if attempt.origin == FUNCTION else [])
        handlers = (handler for function in functions for handler in self.handlers_of(function))
        return (attempt.status or 0) < CLIENT_ERROR and not any(map(failed, (attempt, *functions))) and not any(map(crashed, handlers))

    def service_name(self, fact: SegmentFact) -> str:
        """Gives the service of ``fact``: its own, else that of the segment around it, else its name."""
        ancestry = self.ancestries.get(fact.id)
        return (ancestry.service_name if ancestry else fact.service_name) or fact.name

    def functions_of(self, service: SegmentFact) -> list[SegmentFact]:
        """Gives the AWS::Lambda::Function segments of a Lambda service segment: one for each attempt, by start time."""
        if service.id not in self._functions:
            # an asynchronous invocation has its attempts as subsegments
            steps = (step for own in self.children(service) for step in (own, *(self.children(own) if own.subsegment else ())))
            found = [step for step in steps if step.origin == FUNCTION]
            # OpenTelemetry's spans count where Lambda's own are missing
            self._functions[service.id] = [step for step in found if not step.handler] or found
        return self._functions[service.id]

    def handlers_of(self, function: SegmentFact) -> list[SegmentFact]:
        """Gives the spans that OpenTelemetry wrote around the handler of a function that has Lambda's own segment, by start time."""
        phases = (child for child in self.children(function) if child.subsegment and not child.namespace)
        below = (child for above in (function, *phases) for child in self.children(above))
        # another account's span may name any parent
        return [child for child in below if child.handler and not child.subsegment and child.account == function.account]

    def returned_by(self, service: SegmentFact) -> SegmentFact | None:
        """Gives the span with the HTTP status that the last run of a Lambda service's function returned; None if none names it."""
        functions = self.functions_of(service)[-1:] if service.origin == SERVICE else [service] if service.origin == FUNCTION else []
        handlers = (handler for function in functions for handler in ([function] if function.handler else self.handlers_of(function)))
        return next((handler for handler in handlers if handler.status is not None), None)

    def status_of_line(self, request_id: str, span_id: str, at: int) -> SegmentStatus | None:
        """Gives the status of the segment that a log line was written in; None if it is unknown.

        Args:
            request_id: the line's request id, if any.
            span_id: the span that the line names, if any; it counts if the request is unknown.
            at: the line's time, in milliseconds since the epoch: it tells the attempts of one request apart.
        """
        if service := self._services.get(request_id):
            functions = self.functions_of(service)
            begun = [function for function in functions if (function.start or 0) // 1_000_000 <= at]
            return _status(service, (begun or functions or [service])[-1 if begun else 0])
        fact = self.segments.get(span_id)
        around = next((above for above in (fact, *self.ancestors(fact)) if not above.subsegment), None) if fact else None
        return _status(around, around) if around else None

    @cached_property
    def _services(self) -> dict[str, SegmentFact]:
        """The segment of each request id: the Lambda service's, else the function's, else API Gateway's."""
        ranked = sorted((fact for fact in self if fact.request_id and not fact.subsegment),
                        key=lambda fact: (fact.origin == SERVICE, fact.origin == FUNCTION, not fact.inferred))  # fmt: skip
        return {fact.request_id: fact for fact in ranked}


def _status(service: SegmentFact, function: SegmentFact) -> SegmentStatus:
    return SegmentStatus(
        id=function.id, name=function.name, status=service.status if service.status is not None else function.status,
        fault=service.fault or function.fault, error=service.error or function.error, throttle=service.throttle or function.throttle,
        in_progress=service.in_progress or function.in_progress,
    )  # fmt: skip


def _during(fact: SegmentFact, other: SegmentFact) -> bool:
    """Whether ``fact`` began while ``other`` was open."""
    return (other.start or 0) <= (fact.start or 0) and (other.end is None or (fact.start or 0) <= other.end)


def _by_time(fact: SegmentFact) -> tuple[int, str]:
    return fact.start or 0, fact.id
