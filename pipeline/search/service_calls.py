"""Service calls: finds who calls whom in spans: another service, what has no spans, or another trace of the same transaction. Pure.

Within a trace the parent says who called. Into another trace an X-Ray link names the calling span; where there is none, as behind an HTTP
API, the traces of a transaction still share an id, and the call is the one without an answer that was open when the other trace began.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Final, Literal

from pipeline.search.map_span import MapSpan, OutsideKind, SpanKey

Evidence = Literal["span", "link", "shared id"]
"""How a call is known: by parent and child, by a span link, or by an id that two traces share and the time."""

UNKNOWN: Final = "unknown service"
"""The service of spans of which the segment is missing that would name it."""
# calls that may start something which begins after they ended
_SENDING: Final = ("sns", "sqs", "events", "eventbridge", "kinesis", "lambda", "states", "stepfunctions", "sfn")
# spans between a call and the request that it makes
_NESTED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call from a service to another.

    Attributes:
        by: the calling span.
        span: the span that it began; the calling span again where the callee has no spans.
        at: when it began, nanoseconds since the epoch.
        duration: nanoseconds as the caller saw it, else of the span that it began; None while it is in progress.
        via: the queue, topic or API between the two, where a call between traces names it.
        outside: what kind of thing the callee is if it has no spans; empty if it has.
    """

    caller: str
    callee: str
    by: SpanKey
    span: SpanKey
    at: int
    duration: int | None
    failed: bool
    evidence: Evidence = "span"
    via: str = ""
    outside: OutsideKind | Literal[""] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """All calls of some spans.

    Attributes:
        calls: in no order.
        entries: the roots of traces that nobody is known to have called.
        severed: the spans whose parent is missing, so that it is unknown who called them.
    """

    calls: tuple[Call, ...]
    entries: tuple[MapSpan, ...] = ()
    severed: tuple[MapSpan, ...] = ()


def calls_in(spans: Iterable[MapSpan]) -> Calls:
    """Returns the calls in these spans. The spans of a trace, and the traces of a transaction, should be complete."""
    traces = _Spans(spans)
    inside = [_call(parent, span) for span in traces.real() if (parent := traces.parent(span)) and parent.service != span.service]
    answered: set[SpanKey] = set()
    for call in inside:
        # what is above an answered span was marked with it
        answered.update(takewhile(lambda key: key not in answered, traces.above(call.span)))
    between = list(_between_traces(traces, answered))
    joined = [_joined(caller, head, evidence) for caller, head, evidence in between if caller and caller.service != head.service]
    answered |= {caller.key for caller, _, _ in between if caller}
    called = {head.key for caller, head, _ in between if caller}
    return Calls(
        calls=(*inside, *joined, *_outwards(traces, answered)),
        entries=tuple(span for span in traces.real() if not span.parent and span.key not in called),
        severed=tuple(span for span in traces.real() if span.parent and span.parent not in traces.all),
    )


class _Spans:
    """Spans by key, without those that X-Ray inferred: what stands below one of these stands below its parent."""

    def __init__(self, spans: Iterable[MapSpan]) -> None:
        self.all: dict[SpanKey, MapSpan] = {span.key: span for span in spans}
        for span in [span for span in self.all.values() if not span.service]:
            self._name(span)

    def _name(self, span: MapSpan) -> None:
        """Gives a span and those above it, as far as they are nameless, the service of the first one above that has one."""
        nameless = [span.key]
        for key in self.above(span.key):
            if self.all[key].service:
                break
            nameless.append(key)
        last = self.parent(self.all[nameless[-1]])
        service = (last.service if last else "") or UNKNOWN
        self.all |= {key: replace(self.all[key], service=service) for key in nameless}

    def real(self) -> Iterator[MapSpan]:
        return (span for span in self.all.values() if not span.inferred)

    def parent(self, span: MapSpan) -> MapSpan | None:
        seen = {span.key}
        above = self.all.get(span.parent) if span.parent else None
        while above and above.inferred and above.key not in seen:
            seen.add(above.key)
            above = self.all.get(above.parent) if above.parent else None
        return above if above and above.key not in seen else None

    def above(self, key: SpanKey) -> Iterator[SpanKey]:
        """The keys of all spans above one, its parent first; in a circle it is above itself."""
        seen, span = set[SpanKey](), self.parent(self.all[key])
        while span and span.key not in seen:
            yield span.key
            seen.add(span.key)
            span = self.parent(span)


def _call(parent: MapSpan, span: MapSpan) -> Call:
    seen = parent.duration if parent.leaves else None
    return Call(
        caller=parent.service,
        callee=span.service,
        by=parent.key,
        span=span.key,
        at=span.start,
        duration=span.duration if seen is None else seen,
        failed=span.failed or (parent.leaves and parent.failed),
    )


def _joined(caller: MapSpan, head: MapSpan, evidence: Evidence) -> Call:
    return Call(
        caller=caller.service,
        callee=head.service,
        by=caller.key,
        span=head.key,
        at=head.start,
        duration=head.duration,
        failed=head.failed,
        evidence=evidence,
        via="" if caller.outside in {head.service, caller.function} else caller.outside,
    )


def _outwards(traces: _Spans, answered: set[SpanKey]) -> Iterator[Call]:
    """The calls to what has no spans: each but those inside another one, such as the HTTP request inside an AWS call."""
    leaving = {span.key: span for span in traces.real() if span.leaves and span.outside and span.key not in answered}
    for span in leaving.values():
        if span.outside != span.service and not any(key in leaving for key in islice(traces.above(span.key), _NESTED)):
            yield Call(
                caller=span.service,
                callee=span.outside,
                by=span.key,
                span=span.key,
                at=span.start,
                duration=span.duration,
                failed=span.failed,
                outside="" if span.function else span.outside_kind,
            )


def _between_traces(traces: _Spans, answered: set[SpanKey]) -> Iterator[tuple[MapSpan | None, MapSpan, Evidence]]:
    """Who called each trace, its first span, and how that is known: a caller for each message of a batch, None where nobody is known."""
    heads = _heads(traces)
    linked = _linked(traces, heads)
    transactions: dict[str, list[MapSpan]] = {}
    for head in heads.values():
        transactions.setdefault(head.transaction_id, []).append(head)
    joined = {id_ for id_, members in transactions.items() if len(members) > 1}
    unanswered = _unanswered(traces, joined, answered | {key for callers in linked.values() for key in callers})
    for trace_id, head in heads.items():
        if callers := linked.get(trace_id):
            yield from ((caller, head, "link") for caller in callers.values())
        else:
            yield _caller_by_time(head, unanswered.get(head.transaction_id, ())), head, "shared id"


def _heads(traces: _Spans) -> dict[str, MapSpan]:
    """The first span of each trace, by trace id; a trace without a root, since its pieces are missing, has none."""
    roots = sorted((span for span in traces.real() if span.parent is None), key=lambda span: (span.start, span.key), reverse=True)
    return {root.key[0]: root for root in roots}


def _linked(traces: _Spans, heads: Mapping[str, MapSpan]) -> dict[str, dict[SpanKey, MapSpan]]:
    """By called trace the calling spans of earlier traces, by key: those that it names, else those that name it; X-Ray links both ways."""
    exact: dict[str, dict[SpanKey, MapSpan]] = {}
    rough: dict[str, dict[SpanKey, MapSpan]] = {}
    for span in traces.real():
        for other in filter(None, map(traces.all.get, span.links)):
            here, there = heads.get(span.key[0]), heads.get(other.key[0])
            if here and there and here is not there:
                is_called = (there.start, there.key) < (here.start, here.key)
                found, called, caller = (exact, here, other) if is_called else (rough, there, span)
                found.setdefault(called.key[0], {})[caller.key] = caller
    return rough | exact


def _unanswered(traces: _Spans, joined: Collection[str], answered: Collection[SpanKey]) -> dict[str, list[MapSpan]]:
    """The calls of these transactions that no span answers, by transaction, in time order."""
    found: dict[str, list[MapSpan]] = {}
    for span in sorted(traces.real(), key=lambda span: span.start):
        if span.leaves and span.transaction_id in joined and span.key not in answered:
            found.setdefault(span.transaction_id, []).append(span)
    return found


def _caller_by_time(head: MapSpan, unanswered: Sequence[MapSpan]) -> MapSpan | None:
    """The call of another trace that was open when this one began, the last one first; else the last message sent before it."""
    earlier = [span for span in unanswered if span.start <= head.start and span.key[0] != head.key[0] and _may_call(span, head)]
    is_open = [span for span in earlier if not span.end or span.end >= head.start]
    return next(reversed(is_open), None) or next((span for span in reversed(earlier) if _sends(span)), None)


def _may_call(span: MapSpan, head: MapSpan) -> bool:
    """Whether a call can have begun a trace: one to a function begins none of another service, one to a table begins none."""
    return span.function == head.service if span.function else span.outside_kind == "remote" or _sends(span)


def _sends(span: MapSpan) -> bool:
    return span.outside_kind == "aws" and span.outside.split(" ")[0].lower() in _SENDING
