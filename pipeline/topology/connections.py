"""Connections: who calls whom in which period of time, and by which operations, out of spans. Pure.

The calls are those of `tracejoin map`. An operation is the name of the span with which a service is entered, with its variables taken out,
so that ids in paths make no connections without end.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from pipeline.detect.message_template import message_template, route_template
from pipeline.search.map_span import MapSpan, SpanKey
from pipeline.search.service_calls import Call, Calls, calls_in
from pipeline.topology.periods import period_of

MOST_OPERATIONS: Final = 20
"""The most frequent ones of a connection are told apart in a period; the others are one without operations."""

_MESSAGING: Final = frozenset({"sqs", "sns", "kinesis", "events", "eventbridge", "kafka", "rabbitmq", "aws_sqs", "aws.sns"})
_DATABASES: Final = frozenset(
    {"dynamodb", "mysql", "postgresql", "mssql", "oracle", "mongodb", "redis", "elasticsearch", "opensearch", "cassandra"}
)
_VARIABLE: Final = re.compile(r"\d|[^\s/]{41}")

NodeType = Literal["service", "database", "messaging", "external"]
"""What Data Prepper's processor otel_apm_service_map calls a node."""


class Connection(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """That a service calls another one, or something without spans, in a period.

    Attributes:
        period: when it begins, milliseconds since the epoch.
        target: who is called; empty for a service that nobody is seen to call in the period, and that calls nobody.
        source_operation: of the caller, where the call comes from; empty where it is unknown, or one of too many.
        target_operation: likewise of the called one.
        trace_group: the name of the root of the trace in which it happened.
    """

    period: int
    source: str
    target: str = ""
    target_type: NodeType = "service"
    source_operation: str = ""
    target_operation: str = ""
    trace_group: str = ""


def connections_in(spans: Sequence[MapSpan]) -> set[Connection]:
    """Returns the connections in these spans; those of whole traces and transactions, as far as there are."""
    calls = calls_in(spans)
    names = _Names(spans)
    counted = Counter(_connection(call, names) for call in calls.calls if call.at)
    connected = {(each.period, name) for each in counted for name in (each.source, each.target)}
    counted.update(_alone(calls, spans, names, connected))
    return _bounded(counted)


def operation_of(name: str) -> str:
    """Returns the name of a span as that of an operation: as it is, but for what looks like a number or an id."""
    return (route_template(name) or message_template(name)) if _VARIABLE.search(name) else name


class _Names:
    """The operations of spans, and the groups of their traces."""

    def __init__(self, spans: Iterable[MapSpan]) -> None:
        self._spans: Mapping[SpanKey, MapSpan] = {span.key: span for span in spans}
        roots = [span for span in self._spans.values() if span.parent is None and not span.inferred]
        self._groups = {root.key[0]: root.name for root in sorted(roots, key=lambda root: (root.start, root.key), reverse=True)}

    def operation(self, key: SpanKey) -> str:
        """The operation with which the service of this span was entered: that of the first span of it, above."""
        span, seen = self._spans[key], {key}
        service = span.service
        while (above := self._spans.get(span.parent or ("", ""))) and above.key not in seen and not above.inferred:
            if above.service and service and above.service != service:
                break
            span, service = above, service or above.service
            seen.add(above.key)
        return operation_of(span.name)

    def own(self, key: SpanKey) -> str:
        """The operation that this span itself names."""
        return operation_of(self._spans[key].name)

    def group(self, key: SpanKey) -> str:
        """The group of the span's trace; empty where its root is missing."""
        return operation_of(self._groups.get(key[0], ""))


def _connection(call: Call, names: _Names) -> Connection:
    return Connection(
        period=period_of(call.at),
        source=call.caller,
        target=call.callee,
        target_type=_node_type(call),
        source_operation=names.operation(call.by),
        # what has no spans has no operation of its own
        target_operation=names.own(call.span) if call.span != call.by else "",
        trace_group=names.group(call.span),
    )


def _node_type(call: Call) -> NodeType:
    if not call.outside:
        return "service"
    system = call.callee.split(" ")[0].lower()
    return "messaging" if system in _MESSAGING else "database" if system in _DATABASES else "external"


def _alone(calls: Calls, spans: Iterable[MapSpan], names: _Names, connected: set[tuple[int, str]]) -> list[Connection]:
    """The services of which spans begin in a period in which they neither call nor are called."""
    alone = [span for span in spans if span.start and span.service and not span.inferred and _place(span) not in connected]
    entered = {span.key for span in (*calls.entries, *calls.severed)}
    found = [
        Connection(
            period=period_of(span.start), source=span.service, source_operation=names.own(span.key), trace_group=names.group(span.key)
        )
        for span in alone
        if span.key in entered
    ]
    known = {(each.period, each.source) for each in found}
    return found + [Connection(period=period, source=service) for period, service in set(map(_place, alone)) - known]


def _place(span: MapSpan) -> tuple[int, str]:
    return period_of(span.start), span.service


def _bounded(counted: Mapping[Connection, int]) -> set[Connection]:
    """These connections, of each pair of nodes and period the most frequent ones; the others without what tells them apart."""
    pairs: dict[Connection, list[Connection]] = {}
    for each in sorted(counted, key=lambda each: (-counted[each], each)):
        plain = msgspec.structs.replace(each, source_operation="", target_operation="", trace_group="")
        pairs.setdefault(plain, []).append(each)
    return {
        kept for plain, found in pairs.items() for kept in (*found[:MOST_OPERATIONS], *([plain] if len(found) > MOST_OPERATIONS else []))
    }
