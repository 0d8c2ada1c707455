"""Map span: what the service map needs of a stored span: who it is, who is above it, and what it calls that has no spans of its own. Pure.

Sources: AWS X-Ray developer guide, "X-Ray segment documents" (namespace, inferred segments, `sql`); OpenTelemetry's semantic conventions
for database, messaging, RPC and HTTP clients, in their current and their former names.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pipeline.model.json_values import as_text

OutsideKind = Literal["aws", "remote"]

_ERROR = 2
_LEAVING = frozenset({"SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER"})
_LONGEST_NAME = 128
_LONGEST_OPERATION = 256
# what tells of a call's other end, the most telling first
_PEERS: Final = ("peer.service", "aws.remote.service", "messaging.system", "db.system.name", "db.system", "rpc.service", "server.address",
                 "net.peer.name")  # fmt: skip
_RESOURCES: Final = ("aws.remote.resource.identifier", "messaging.destination.name", "db.namespace", "db.name")
FIELDS: Final = (
    "traceId", "spanId", "parentSpanId", "transactionId", "serviceName", "name", "kind", "startTime", "endTime", "status.code",
    "trace.hiddenFault", "links",
    "state.start", "state.end", "state.subsegment", "state.inferred", "state.namespace", "state.name", "state.target", "state.url",
    "attributes.sql.url", *(f"attributes.{name}" for name in (*_PEERS, *_RESOURCES)),
)  # fmt: skip
"""The fields of a stored span that `map_span` reads."""

SpanKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpan:
    """A span as the service map sees it.

    Attributes:
        key: trace id and span id.
        parent: trace id and span id of its parent; None on a root.
        service: empty on a subsegment that says nothing of its service, which is then that of the span above it.
        name: its operation.
        start: nanoseconds since the epoch; 0 where unknown.
        end: likewise; 0 while it is in progress.
        leaves: whether it is a call to somewhere else.
        inferred: X-Ray made it up from the caller's side.
        hidden_fault: its trace has a fault that hides behind a success.
        links: the spans of other traces that it names.
        outside: what it calls, as far as the span itself says; empty where it does not.
        function: the function that a call of Lambda is for; empty otherwise.
    """

    key: SpanKey
    parent: SpanKey | None
    transaction_id: str
    service: str
    start: int
    end: int
    name: str = ""
    failed: bool = False
    leaves: bool = False
    inferred: bool = False
    hidden_fault: bool = False
    links: tuple[SpanKey, ...] = ()
    outside: str = ""
    outside_kind: OutsideKind = "remote"
    function: str = ""

    @property
    def duration(self) -> int | None:
        """Its length in nanoseconds; None while it is in progress."""
        return max(self.end - self.start, 0) if self.start and self.end else None


def map_span(source: Mapping[str, Any]) -> MapSpan | None:
    """Reads a stored span; returns None where it has no ids or no service, so that it can be nobody's call."""
    trace_id, span_id, service = (as_text(source.get(name)) for name in ("traceId", "spanId", "serviceName"))
    if not (trace_id and span_id and service):
        return None
    state, parent = _part(source, "state"), as_text(source.get("parentSpanId"))
    # a subsegment that came alone, as SDKs stream them, has no other name to be stored under
    is_nameless = state.get("subsegment") is True and service == as_text(state.get("name"))
    leaves = source.get("kind") in _LEAVING
    outside, kind, function = _outside(state, _part(source, "attributes")) if leaves else ("", "remote", "")
    return MapSpan(
        key=(trace_id, span_id),
        parent=(trace_id, parent) if parent and parent != span_id else None,
        transaction_id=as_text(source.get("transactionId")) or trace_id,
        service="" if is_nameless and parent else service,
        start=_nanos(state.get("start"), source.get("startTime")),
        end=_nanos(state.get("end"), source.get("endTime")),
        name=as_text(source.get("name"))[:_LONGEST_OPERATION],
        failed=_part(source, "status").get("code") == _ERROR,
        leaves=leaves,
        inferred=state.get("inferred") is True,
        hidden_fault=_part(source, "trace").get("hiddenFault") is True,
        links=tuple(_links(source.get("links"))),
        outside=outside[:_LONGEST_NAME],
        outside_kind=kind,
        function=function[:_LONGEST_NAME],
    )


def _outside(state: Mapping[str, Any], attributes: Mapping[str, Any]) -> tuple[str, OutsideKind, str]:
    """What a call reaches, its kind, and the function that it is for."""
    peer, resource = _first(attributes, _PEERS), _first(attributes, _RESOURCES)
    if state.get("namespace") == "aws" or peer.startswith("AWS::"):
        target = _last_part(as_text(state.get("target")) or resource)
        name = peer.removeprefix("AWS::") or as_text(state.get("name"))
        if name.lower() == "lambda" and target:
            return target, "aws", target
        return f"{name} {target}".strip(), "aws", ""
    if peer:
        return f"{peer} {_last_part(resource)}".strip(), "remote", ""
    # an X-Ray SDK names a query by database and host
    sql = isinstance(attributes.get("sql"), Mapping)
    return as_text(state.get("name")) if sql else _host(as_text(state.get("url"))), "remote", ""


def _first(attributes: Mapping[str, Any], names: Sequence[str]) -> str:
    """The first of these attributes that is text, whether its dots are levels or a part of the key."""
    for name in names:
        value: Any = attributes.get(name)
        if value is None:
            value = attributes
            for part in name.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value:
            return value
    return ""


def _last_part(resource: str) -> str:
    """The name at the end of an ARN or of a queue's URL."""
    return re.split(r"[:/]", resource.rstrip("/"))[-1] if resource else ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _links(links: object) -> Iterator[SpanKey]:
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and link.get("traceId") and link.get("spanId"):
            yield as_text(link["traceId"]), as_text(link["spanId"])


def _nanos(fact: object, written: object) -> int:
    """Nanoseconds since the epoch, from the fact, else from an ISO 8601 text, to the microsecond."""
    if isinstance(fact, int):
        return fact
    try:
        return round(datetime.fromisoformat(as_text(written)).timestamp() * 1_000_000) * 1000
    except ValueError:
        return 0


def _part(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = source.get(name)
    return part if isinstance(part, Mapping) else {}
